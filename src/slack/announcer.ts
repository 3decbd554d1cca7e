import { setTimeout as delay } from 'node:timers/promises'
import { DrillError } from '../errors.js'
import { drawDrill, type Board, type Drawing } from './drawing.js'
import { Pace, allowances } from './pace.js'
import { slackCodeOf, type Slack } from './client.js'

/** Of a logger, what is used. */
interface Log { info: (fields: object, text: string) => void, warn: (fields: object, text: string) => void, error: (fields: object, text: string) => void }

export interface AnnouncerOptions {
  slack: Slack
  board: Board
  /** Name or id of the channel. */
  channel: string
  /** Where people reach Muster, for links. */
  publicUrl: string
  log: Log
  /** Shortest time between two looks at what is to be drawn, ms: what happens meanwhile is one redraw. Default 1500. */
  everyMs?: number
  /** First pause after a failure, ms; it doubles up to a minute. Default 1000. */
  retryMs?: number
  /** Default: below Slack's own limits. */
  pace?: { post: Pace, update: Pace }
}

/** The longest pause between two tries while Slack is away or refuses, ms. */
const longestPauseMs = 60_000

/**
 * Keeps the messages of every drill as its timeline says, until it is stopped. It follows the store and no drill waits for it: while
 * Slack is away for however long, drills go on, and afterwards each message is drawn once, as things stand then.
 */
export function startAnnouncer (options: AnnouncerOptions): { stop: () => Promise<void> } {
  const { slack, board, log, everyMs = 1500, retryMs = 1000 } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const pace = options.pace ?? { post: new Pace(allowances.post), update: new Pace(allowances.update) }
  const wait = async (ms: number): Promise<void> => { if (ms > 0) await delay(ms, undefined, { signal }).catch(() => {}) }
  const drawing: Drawing = {
    slack, board, channel: options.channel, publicUrl: options.publicUrl,
    paced: async (kind, call) => {
      await wait(pace[kind].take())
      signal.throwIfAborted()
      return await call()
    },
    complain: (text, drillId) => { log.error({ drillId }, text) },
  }
  let ailing: string | undefined
  let failures = 0

  async function run (): Promise<void> {
    while (!signal.aborted) {
      const begin = Date.now()
      let pauseMs = 0
      try {
        await drawAll()
        if (ailing !== undefined) log.info({ after: ailing }, 'Slack answers again; the cards have caught up')
        ailing = undefined
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        pauseMs = pauseAfter(error)
      }
      if (pauseMs > 0) await wait(pauseMs)
      else {
        await wait(everyMs - (Date.now() - begin))
        await board.changed(signal)
      }
    }
  }

  /** One drill that cannot be drawn must not keep the others from it. */
  async function drawAll (): Promise<void> {
    let failure: unknown
    for (const drillId of await board.due()) {
      if (signal.aborted) return
      if (!await board.claim(drillId)) continue
      let drawn: { seq: number, isDone: boolean } | undefined
      try {
        drawn = await drawDrill(drawing, drillId)
      } catch (error) {
        failure ??= error
        // Slack itself is the trouble: the next drill would only hear the same.
        if (!(error instanceof DrillError) || error.retryable) break
      } finally {
        await board.release(drillId, drawn)
      }
    }
    if (failure !== undefined) throw failure
  }

  function pauseAfter (error: unknown): number {
    const { code, message } = error instanceof DrillError ? error : { code: 'internal', message: String(error) }
    if (code === 'slack.limited') return ((error as DrillError).details as { retryAfterMs: number }).retryAfterMs
    failures++
    const said = slackCodeOf(error) ?? code
    if (said !== ailing) log[code === 'slack.refused' ? 'error' : 'warn']({ code, slack: slackCodeOf(error), err: error }, `${message}; drills go on, and the cards catch up${remedyOf(slackCodeOf(error))}`)
    ailing = said
    return Math.min(longestPauseMs, retryMs * 2 ** Math.min(failures - 1, 10))
  }

  const running = run().catch((error: unknown) => { log.error({ err: error }, 'the announcer ended: a mistake of Muster’s own') })
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/** What an operator can do about one of Slack's codes. */
function remedyOf (code: string | undefined): string {
  switch (code) {
    case 'is_archived': case 'is_inactive': return '. The channel is archived: unarchive it, or set MUSTER_SLACK_CHANNEL to another one'
    case 'not_in_channel': case 'channel_not_found': return '. Invite the bot to the channel, or mend MUSTER_SLACK_CHANNEL'
    case 'invalid_auth': case 'not_authed': case 'token_revoked': case 'token_expired': case 'account_inactive': return '. Install the app again and set MUSTER_SLACK_TOKEN'
    case 'missing_scope': return '. Install the app again with the scopes of deploy/slack-manifest.yaml'
    default: return ''
  }
}
