import { ErrorCode, LogLevel, WebClient, type WebAPICallResult } from '@slack/web-api'
import { DrillError, messageOf } from '../errors.js'
import type { Block, Metadata, Modal } from './blocks.js'

/** What Slack tells of an account. */
export interface SlackUser {
  id: string
  /** The address that the account has proven to own; absent where it has not. */
  email?: string
  /** A person who may act: not deleted, no bot, no stranger of a shared channel. */
  isActive: boolean
}

export interface Posting { channel: string, thread?: string, broadcast?: boolean, text: string, blocks?: Block[], metadata: Metadata }

/**
 * What Muster asks of Slack's Web API. Every call has a deadline and is made once: whoever calls decides about another try. Throws
 * DrillError: `slack.limited` (details: { retryAfterMs }), `slack.down` (may have happened all the same), `slack.refused` (details:
 * { error }, Slack's own code).
 */
export interface Slack {
  /** Which workspace (or organisation) the token is of, and the bot's own user. */
  whoAmI: () => Promise<{ workspace: string, botUser: string }>
  post: (posting: Posting) => Promise<{ ts: string, channel: string }>
  update: (message: { channel: string, ts: string, text: string, blocks?: Block[] }) => Promise<void>
  /** Finds a message of ours by its metadata, among those after a time (Unix s); undefined where there is none. */
  find: (place: { channel: string, thread?: string, afterS: number }, isIt: (metadata: Metadata) => boolean) => Promise<string | undefined>
  openModal: (triggerId: string, view: Modal) => Promise<void>
  updateModal: (viewId: string, hash: string, view: Modal) => Promise<void>
  user: (id: string) => Promise<SlackUser | undefined>
  /** A message that somebody reacted to. */
  message: (channel: string, ts: string) => Promise<{ text: string, permalink?: string, threadTs?: string } | undefined>
  /** Tells one member of a channel, where there is no address to answer to. */
  whisper: (channel: string, user: string, text: string) => Promise<void>
  /** Tells the clicker alone, through the address that came with the click; needs no token. */
  respond: (responseUrl: string, text: string, blocks?: Block[]) => Promise<void>
}

/** Slack's own codes for "not now". */
const later = new Set(['ratelimited', 'rate_limited', 'service_unavailable', 'fatal_error', 'internal_error', 'request_timeout'])

export interface SlackOptions {
  token: string
  /** Default https://slack.com/api/. */
  apiUrl?: string
  timeoutMs?: number
}

/** The one client of a process. Its own retries are off: they would hold a queue for half an hour. */
export function connectSlack ({ token, apiUrl, timeoutMs = 5000 }: SlackOptions): Slack {
  const silent = { debug () {}, info () {}, warn () {}, error () {}, setLevel () {}, setName () {}, getLevel: () => LogLevel.ERROR }
  const client = new WebClient(token, {
    ...apiUrl === undefined ? {} : { slackApiUrl: apiUrl },
    retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, timeout: timeoutMs, allowAbsoluteUrls: false, logger: silent,
  })
  const ask = async <T extends WebAPICallResult>(method: string, call: Promise<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      throw asDrillError(method, error)
    }
  }
  /** The same, with undefined where Slack says one of the codes. */
  const unless = async <T>(codes: string[], work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work
    } catch (error) {
      if (codes.includes(slackCodeOf(error) ?? '')) return undefined
      throw error
    }
  }

  return {
    async whoAmI () {
      const { team_id: team, enterprise_id: enterprise, is_enterprise_install: isEnterprise, user_id: user } = await ask('auth.test', client.auth.test())
      return { workspace: (isEnterprise ? enterprise : team) ?? team ?? '', botUser: user ?? '' }
    },
    async post ({ channel, thread, broadcast, text, blocks, metadata }) {
      const place = thread === undefined ? {} : { thread_ts: thread, ...broadcast ? { reply_broadcast: true } : {} }
      const posted = await ask('chat.postMessage', client.chat.postMessage({ channel, text, ...blocks ? { blocks } : {}, metadata, unfurl_links: false, unfurl_media: false, ...place } as Parameters<typeof client.chat.postMessage>[0]))
      if (posted.ts === undefined || posted.channel === undefined) throw new DrillError('slack.down', 'Slack answered chat.postMessage without saying where')
      return { ts: posted.ts, channel: posted.channel }
    },
    async update ({ channel, ts, text, blocks }) {
      await ask('chat.update', client.chat.update({ channel, ts, text, ...blocks ? { blocks } : { blocks: [] } } as Parameters<typeof client.chat.update>[0]))
    },
    async find ({ channel, thread, afterS }, isIt) {
      const options = { channel, oldest: String(afterS), include_all_metadata: true, limit: 200 }
      const { messages = [] } = thread === undefined
        ? await ask('conversations.history', client.conversations.history(options))
        : await ask('conversations.replies', client.conversations.replies({ ...options, ts: thread }))
      return messages.find(message => {
        const { metadata } = message as { metadata?: Metadata }
        return metadata !== undefined && isIt(metadata)
      })?.ts
    },
    async openModal (triggerId, view) { await ask('views.open', client.views.open({ trigger_id: triggerId, view })) },
    async updateModal (viewId, hash, view) { await ask('views.update', client.views.update({ view_id: viewId, hash, view })) },
    async user (id) {
      const answer = await unless(['user_not_found', 'user_not_visible'], ask('users.info', client.users.info({ user: id })))
      if (!answer?.user) return undefined
      const { deleted, is_bot: isBot, is_stranger: isStranger, is_email_confirmed: isConfirmed, profile } = answer.user
      return { id, ...isConfirmed && profile?.email ? { email: profile.email.toLowerCase() } : {}, isActive: deleted !== true && isBot !== true && isStranger !== true }
    },
    async message (channel, ts) {
      const answer = await unless(['message_not_found', 'bad_timestamp'], ask('reactions.get', client.reactions.get({ channel, timestamp: ts })))
      const message = answer?.message as { text?: string, permalink?: string, thread_ts?: string } | undefined
      if (!message) return undefined
      const { text = '', permalink, thread_ts: threadTs } = message
      return { text, ...permalink === undefined ? {} : { permalink }, ...threadTs === undefined ? {} : { threadTs } }
    },
    async whisper (channel, user, text) { await ask('chat.postEphemeral', client.chat.postEphemeral({ channel, user, text })) },
    async respond (responseUrl, text, blocks) {
      try {
        const answer = await fetch(responseUrl, {
          method: 'POST', redirect: 'error', signal: AbortSignal.timeout(timeoutMs), headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ response_type: 'ephemeral', replace_original: false, text, ...blocks ? { blocks } : {} }),
        })
        const said = (await answer.text()).slice(0, 200)
        // "ok", or a JSON that says so: a spent address is told with 404 or with 200.
        if (!answer.ok || /"ok"\s*:\s*false/.test(said)) throw new DrillError('slack.refused', `Slack did not take the answer to a click: ${said}`)
      } catch (error) {
        if (error instanceof DrillError) throw error
        throw new DrillError('slack.down', `Slack did not take the answer to a click: ${messageOf(error)}`, { cause: error })
      }
    },
  }
}

/** Slack's own code of what a call threw, e.g. `is_archived`. */
export function slackCodeOf (error: unknown): string | undefined {
  return error instanceof DrillError ? (error.details as { error?: string } | undefined)?.error : undefined
}

function asDrillError (method: string, error: unknown): DrillError {
  const { code, retryAfter, data, statusCode } = error as {
    code?: string
    retryAfter?: number
    data?: { error?: string, needed?: string, response_metadata?: { messages?: string[] } }
    statusCode?: number
  }
  if (code === ErrorCode.RateLimitedError) return new DrillError('slack.limited', `Slack limits ${method}: again in ${retryAfter} s`, { details: { retryAfterMs: (retryAfter ?? 1) * 1000 } })
  if (code === ErrorCode.PlatformError) {
    // A 200 that is no JSON stands here as its whole body: a page of some proxy.
    const said = (data?.error ?? 'nothing').slice(0, 100)
    if (later.has(said) || !/^[a-z_]+$/.test(said)) return new DrillError('slack.down', `Slack cannot ${method} now: ${said}`)
    const more = [data?.needed === undefined ? [] : [`the app lacks the scope ${data.needed}`], data?.response_metadata?.messages ?? []].flat().join('; ').slice(0, 500)
    return new DrillError('slack.refused', `Slack refuses ${method}: ${said}${more === '' ? '' : ` (${more})`}`, { details: { error: said } })
  }
  return new DrillError('slack.down', `Slack does not answer ${method}: ${statusCode === undefined ? messageOf(error) : `HTTP ${statusCode}`}`)
}
