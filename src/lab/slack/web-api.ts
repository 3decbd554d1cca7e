import { flawsOfBlocks, flawsOfView, type Raw } from './block-kit.js'
import { botUser, team, type Message, type Workspace } from './workspace.js'

/** Arguments of a call: a form, whose objects are JSON texts. */
export type Args = Record<string, string>

const fail = (error: string, more: Raw = {}): Raw => ({ ok: false, error, ...more })
const flawed = (error: string, messages: string[]): Raw => fail(error, { errors: messages.map(message => message.replace('[ERROR] ', '')), response_metadata: { messages } })

/** The methods of Slack's Web API that an app like Muster uses, with the errors that their reference lists. */
export const methods: Record<string, (workspace: Workspace, args: Args) => Raw> = {
  'auth.test': () => ({ ok: true, url: `https://${team.domain}.slack.test/`, team: 'Drill', user: 'muster', team_id: team.id, user_id: botUser, bot_id: 'BMUSTER', is_enterprise_install: false }),

  'chat.postMessage' (workspace, args) {
    const place = placeOf(workspace, args)
    if ('error' in place) return fail(place.error)
    const { text = '', thread_ts: threadTs } = args
    const blocks = json(args['blocks'])
    if (text === '' && blocks === undefined) return fail('no_text')
    const flaws = blocks === undefined ? undefined : flawsOfBlocks(blocks)
    if (flaws) return flawed(flaws.error, flaws.messages)
    // A parent that was deleted: its thread is gone.
    if (threadTs !== undefined && !workspace.find(place.id, threadTs)) return fail('thread_not_found')
    const metadata = json(args['metadata']) as Raw | undefined
    if (metadata && JSON.stringify(metadata).length > 16_000) return fail('metadata_too_large')
    const message = workspace.add({
      channel: place.id, text: text.slice(0, 40_000), blocks: blocks as Raw[] ?? [], user: botUser, broadcast: args['reply_broadcast'] === 'true' && threadTs !== undefined,
      ...threadTs === undefined ? {} : { threadTs }, ...metadata ? { metadata } : {},
    })
    return { ok: true, channel: place.id, ts: message.ts, message: wire(message) }
  },

  'chat.postEphemeral' (workspace, args) {
    const place = placeOf(workspace, args)
    if ('error' in place) return fail(place.error)
    if (!workspace.users.some(user => user.id === args['user'])) return fail('user_not_in_channel')
    workspace.whisper(args['user']!, place.id, args['text'] ?? '')
    return { ok: true, message_ts: workspace.newTs() }
  },

  'chat.update' (workspace, args) {
    const { channel = '', ts = '', text } = args
    const known = workspace.channel(channel)
    if (!known) return fail('channel_not_found')
    if (known.isArchived) return fail('is_inactive')
    const message = workspace.find(known.id, ts)
    if (!message) return fail('message_not_found')
    if (message.user !== botUser) return fail('cant_update_message')
    if ((text ?? '').length > 4000) return fail('msg_too_long')
    const blocks = json(args['blocks'])
    if (text === undefined && blocks === undefined) return fail('no_text')
    const flaws = blocks === undefined ? undefined : flawsOfBlocks(blocks)
    if (flaws) return flawed(flaws.error, flaws.messages)
    // With a text and no blocks, the blocks go.
    workspace.edit(message, { text: text ?? message.text, blocks: blocks as Raw[] ?? [] })
    return { ok: true, channel: known.id, ts, text: message.text }
  },

  'conversations.history': (workspace, args) => list(workspace, args, message => message.threadTs === undefined || message.broadcast),
  'conversations.replies': (workspace, args) => list(workspace, args, message => message.threadTs === args['ts'] || message.ts === args['ts']),

  'views.open' (workspace, args) {
    const view = json(args['view']) as Raw | undefined
    const trigger = workspace.spendTrigger(args['trigger_id'] ?? '')
    if ('error' in trigger) return fail(trigger.error)
    const flaws = view === undefined ? ['[ERROR] missing required field: view'] : flawsOfView(view)
    if (view === undefined || flaws.length > 0) return flawed('invalid_arguments', flaws)
    const modal = workspace.openModal(trigger.user, view)
    return { ok: true, view: { ...view, id: modal.id, hash: modal.hash } }
  },

  'views.update' (workspace, args) {
    const view = json(args['view']) as Raw | undefined
    const modal = [...workspace.modals.values()].find(modal => modal.id === args['view_id'])
    if (!modal) return fail('not_found')
    if (args['hash'] !== undefined && args['hash'] !== modal.hash) return fail('hash_conflict')
    const flaws = view === undefined ? ['[ERROR] missing required field: view'] : flawsOfView(view)
    if (view === undefined || flaws.length > 0) return flawed('invalid_arguments', flaws)
    workspace.changeModal(modal, { view, errors: {} })
    return { ok: true, view: { ...view, id: modal.id, hash: modal.hash } }
  },

  'users.info' (workspace, args) {
    const user = workspace.users.find(user => user.id === args['user'])
    if (!user) return fail('user_not_found')
    return {
      ok: true,
      user: {
        id: user.id, team_id: team.id, name: user.name.toLowerCase(), deleted: user.deleted ?? false, is_bot: user.isBot ?? false,
        is_email_confirmed: user.isConfirmed ?? user.email !== undefined,
        ...user.isStranger ? { is_stranger: true } : {}, profile: { real_name: user.name, ...user.email === undefined ? {} : { email: user.email } },
      },
    }
  },

  'reactions.get' (workspace, args) {
    const message = workspace.find(args['channel'] ?? '', args['timestamp'] ?? '')
    if (!message) return fail('message_not_found')
    return { ok: true, type: 'message', channel: message.channel, message: { ...wire(message), permalink: `https://${team.domain}.slack.test/archives/${message.channel}/p${message.ts.replace('.', '')}` } }
  },
}

function placeOf (workspace: Workspace, args: Args): { id: string } | { error: string } {
  const channel = workspace.channel(args['channel'] ?? '')
  if (!channel) return { error: 'channel_not_found' }
  if (channel.isArchived) return { error: 'is_archived' }
  return channel.isMember === false ? { error: 'not_in_channel' } : { id: channel.id }
}

function list (workspace: Workspace, args: Args, isThere: (message: Message) => boolean): Raw {
  const channel = workspace.channel(args['channel'] ?? '')
  if (!channel) return fail('channel_not_found')
  const messages = workspace.messages.filter(message => message.channel === channel.id && isThere(message) && Number(message.ts) >= Number(args['oldest'] ?? 0))
  return { ok: true, messages: messages.slice(-Number(args['limit'] ?? 100)).reverse().map(wire), has_more: false }
}

function wire (message: Message): Raw {
  return { type: 'message', user: message.user, bot_id: 'BMUSTER', ts: message.ts, text: message.text, blocks: message.blocks, ...message.threadTs === undefined ? {} : { thread_ts: message.threadTs }, ...message.metadata ? { metadata: message.metadata } : {} }
}

/** The JSON of an argument; what is none counts as a text, which no block is. */
function json (text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
