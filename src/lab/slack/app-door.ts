import { createHmac, randomBytes } from 'node:crypto'
import type { Raw } from './block-kit.js'
import { team, type Message, type OpenModal, type User, type Workspace } from './workspace.js'

export interface AppAnswer { status: number, text: string, tookMs: number }

export interface AppDoorOptions {
  signingSecret: string
  /** Where the app answers, e.g. http://127.0.0.1:4400. */
  appUrl: () => string
  /** Where this Slack answers. */
  ownUrl: () => string
  /** Pauses before an event is sent again, ms. */
  retriesMs: number[]
}

export type AppDoor = ReturnType<typeof appDoor>

/** What Slack sends to an app when somebody types a command, clicks, submits a modal or reacts: signed, as its own documentation shows it. */
export function appDoor (workspace: Workspace, options: AppDoorOptions) {
  const common = (user: User): Raw => ({ team, user: { id: user.id, username: user.name.toLowerCase(), name: user.name.toLowerCase(), team_id: team.id }, api_app_id: 'A0MUSTER', token: 'dead', enterprise: null, is_enterprise_install: false })
  const responseUrl = (user: string, channel: string, ts?: string): string => `${options.ownUrl()}/response/${workspace.newResponseId(user, channel, ts)}`

  /** One request, signed at a time (Unix s) that is now unless a test says otherwise. */
  async function send (path: string, body: string, headers: Record<string, string> = {}): Promise<AppAnswer> {
    const timestamp = String(Math.floor(Date.now() / 1000))
    const begin = performance.now()
    const answer = await fetch(`${options.appUrl()}/slack/${path}`, {
      method: 'POST', body, signal: AbortSignal.timeout(10_000),
      headers: {
        'content-type': path === 'events' ? 'application/json' : 'application/x-www-form-urlencoded', 'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
        'x-slack-request-timestamp': timestamp, 'x-slack-signature': sign(options.signingSecret, timestamp, body), ...headers,
      },
    })
    return { status: answer.status, text: await answer.text(), tookMs: performance.now() - begin }
  }

  /** What the person sees where the app is late or says no. */
  async function tell (user: string, channel: string, words: string, work: Promise<AppAnswer>): Promise<AppAnswer> {
    const answer = await work.catch((): AppAnswer => ({ status: 0, text: '', tookMs: 0 }))
    if (answer.status !== 200 || answer.tookMs > 3000) workspace.whisper(user, channel, `⚠️ ${words}`)
    return answer
  }

  const interaction = async (payload: Raw): Promise<AppAnswer> => await send('actions', new URLSearchParams({ payload: JSON.stringify(payload) }).toString())

  return {
    send,

    async command (userId: string, channel: string, text: string): Promise<AppAnswer> {
      const user = workspace.user(userId)
      const form = new URLSearchParams({
        token: 'dead', team_id: team.id, team_domain: team.domain, channel_id: channel, channel_name: 'drills', user_id: user.id, user_name: user.name.toLowerCase(), command: '/drill', text,
        api_app_id: 'A0MUSTER', is_enterprise_install: 'false', response_url: responseUrl(user.id, channel), trigger_id: workspace.newTrigger(user.id),
      })
      return await tell(userId, channel, '/drill failed because the app did not respond', send('commands', form.toString()))
    },

    /** A click on a button of a message. */
    async click (userId: string, message: Message, actionId: string): Promise<AppAnswer> {
      const user = workspace.user(userId)
      const element = message.blocks.flatMap(block => (block['elements'] as Raw[] | undefined ?? []).map(element => ({ ...element, block_id: block['block_id'] }) as Raw)).find(element => element['action_id'] === actionId)
      if (!element) throw new Error(`message ${message.ts} has no button ${actionId}`)
      return await tell(userId, message.channel, 'Operation timed out. Apps need to respond within 3 seconds.', interaction(clickPayload(user, message, element)))
    },

    /** What a click sends, for tests that send it again, later, or changed. */
    clickBody (userId: string, message: Message, actionId: string, value: string): string {
      return new URLSearchParams({ payload: JSON.stringify(clickPayload(workspace.user(userId), message, { type: 'button', action_id: actionId, block_id: 'any', value })) }).toString()
    },

    /** A choice in an open modal that the app wants to hear of. */
    async choose (modal: OpenModal, blockId: string, actionId: string, value: string): Promise<AppAnswer> {
      const user = workspace.user(modal.user)
      return await interaction({
        type: 'block_actions', ...common(user), container: { type: 'view', view_id: modal.id }, trigger_id: workspace.newTrigger(user.id), view: viewOf(modal, {}),
        actions: [{ type: 'static_select', action_id: actionId, block_id: blockId, selected_option: { text: { type: 'plain_text', text: value }, value }, action_ts: workspace.newTs() }],
      })
    },

    /** Submits the open modal of a person, with values by block: text, or the value of a choice. */
    async submit (userId: string, values: Record<string, string | null>): Promise<AppAnswer> {
      const modal = workspace.modals.get(userId)
      if (!modal) throw new Error(`${userId} has no modal open`)
      const answer = await interaction({ type: 'view_submission', ...common(workspace.user(userId)), trigger_id: workspace.newTrigger(userId), view: viewOf(modal, values), response_urls: [] })
        .catch((): AppAnswer => ({ status: 0, text: '', tookMs: 0 }))
      const said = answer.text === '' ? undefined : read(answer.text)
      if (answer.status === 200 && answer.tookMs <= 3000 && said === undefined) workspace.closeModal(userId)
      else if (said?.['response_action'] === 'errors') workspace.changeModal(modal, { errors: said['errors'] as Record<string, string> })
      else if (said?.['response_action'] === 'clear') workspace.closeModal(userId)
      else workspace.changeModal(modal, { trouble: 'We had some trouble connecting. Try again?' })
      return answer
    },

    /** A reaction on a message, as an event: sent again where the app does not take it. Answers what each try heard. */
    async react (userId: string, channel: string, ts: string, reaction = 'pushpin'): Promise<number[]> {
      const event = { type: 'reaction_added', user: userId, reaction, item: { type: 'message', channel, ts }, item_user: 'U0', event_ts: workspace.newTs() }
      const body = JSON.stringify({ type: 'event_callback', team_id: team.id, api_app_id: 'A0MUSTER', event_id: `Ev${randomBytes(5).toString('hex')}`, event_time: Math.floor(Date.now() / 1000), authorizations: [], event })
      const heard: number[] = []
      for (let retry = 0; ; retry++) {
        const answer = await send('events', body, retry === 0 ? {} : { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_error' }).catch((): AppAnswer => ({ status: 0, text: '', tookMs: 0 }))
        heard.push(answer.status)
        const pause = options.retriesMs[retry]
        if ((answer.status >= 200 && answer.status < 300) || pause === undefined) return heard
        await new Promise(resolve => setTimeout(resolve, pause))
      }
    },
  }

  function clickPayload (user: User, message: Message, element: Raw): Raw {
    const { confirm: _confirm, style: _style, ...action } = element
    return {
      type: 'block_actions', ...common(user), channel: { id: message.channel, name: 'drills' }, trigger_id: workspace.newTrigger(user.id), response_url: responseUrl(user.id, message.channel, message.ts),
      container: { type: 'message', message_ts: message.ts, channel_id: message.channel, is_ephemeral: false, ...message.threadTs === undefined ? {} : { thread_ts: message.threadTs } },
      message: { type: 'message', bot_id: 'BMUSTER', user: 'UMUSTER', ts: message.ts, text: message.text, blocks: message.blocks },
      actions: [{ ...action, action_ts: workspace.newTs() }],
    }
  }
}

function viewOf (modal: OpenModal, given: Record<string, string | null>): Raw {
  const values: Record<string, Raw> = {}
  for (const block of modal.view['blocks'] as Raw[]) {
    const element = block['element'] as Raw | undefined
    if (block['type'] !== 'input' || !element) continue
    const id = String(block['block_id'])
    const value = given[id] !== undefined ? given[id] : (element['initial_value'] ?? (element['initial_option'] as Raw | undefined)?.['value'] ?? null) as string | null
    const type = String(element['type'])
    values[id] = {
      [String(element['action_id'])]: type === 'static_select'
        ? { type, selected_option: value === null ? null : { text: { type: 'plain_text', text: value }, value } }
        : type === 'checkboxes' ? { type, selected_options: value === null ? [] : [{ value }] } : { type, value: value === '' ? null : value },
    }
  }
  return { ...modal.view, id: modal.id, hash: modal.hash, root_view_id: modal.id, previous_view_id: null, team_id: team.id, state: { values } }
}

/** `v0=` and the HMAC-SHA256, hex, of `v0:TIMESTAMP:BODY`. */
export function sign (secret: string, timestamp: string, body: string): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`, 'utf8').digest('hex')}`
}

function read (text: string): Raw | undefined {
  try {
    return JSON.parse(text) as Raw
  } catch {
    return { no: 'json' }
  }
}
