import type { FastifyBaseLogger } from 'fastify'
import type { Person } from '../../drill/people.js'
import { DrillError } from '../../errors.js'
import { redactText } from '../../log.js'
import type { Block } from '../../slack/blocks.js'
import { escape } from '../../slack/text.js'
import type { AppDeps, SlackDeps } from '../deps.js'
import type { Clicker, Clickers } from './clicker.js'

/** What every answer to Slack is made with. */
export interface Talk extends Pick<AppDeps, 'store' | 'temporal' | 'catalog' | 'config'>, SlackDeps {
  clickers: Clickers
  log: FastifyBaseLogger
}

/** Somebody who typed or clicked, and the address at which they alone are answered. */
export interface Speaker extends Clicker { responseUrl: string }

/** Does what somebody asked for, and tells them alone what came of it: words, or why not. Never rejects. */
export async function answerTo (talk: Talk, speaker: Speaker, work: () => Promise<{ text: string, blocks?: Block[] } | undefined>): Promise<void> {
  const { slack, log } = talk
  try {
    const said = await work().catch((error: unknown) => ({ text: refusalText(error, talk, speaker) }))
    if (said) await slack.respond(speaker.responseUrl, said.text, 'blocks' in said ? said.blocks : undefined)
  } catch (error) {
    log.warn({ err: error, slackUser: speaker.user }, 'an answer did not reach Slack')
  }
}

/** A refusal in plain words, ready for mrkdwn. What nobody foresaw is for the log alone. */
export function refusalText (error: unknown, { log }: Pick<Talk, 'log'>, { user }: Clicker): string {
  if (!(error instanceof DrillError) || error.code === 'internal') {
    log.error({ err: error, slackUser: user }, 'a request of Slack failed')
    return '⛔ A mistake of Muster’s own; its log says more'
  }
  log.info({ code: error.code, reason: error.message, slackUser: user }, 'request of Slack refused')
  const again = error.code === 'temporal.timeout' ? '. It may still be carried out: look at the card before you try again' : ''
  return `⛔ ${escape(redactText(error.message), 2500)}${again}`
}

/** The person who speaks. @throws DrillError as `Clickers.personOf` does */
export async function whoIs (talk: Talk, speaker: Clicker, options = { proven: true }): Promise<Person> {
  return await talk.clickers.personOf(speaker, options)
}
