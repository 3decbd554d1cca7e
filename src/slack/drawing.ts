import { createHash } from 'node:crypto'
import type { Role } from '../drill/people.js'
import type { DrillEvent } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import type { Block, Metadata } from './blocks.js'
import { slackCodeOf, type Slack } from './client.js'
import { messagesOf, type Message } from './messages.js'

/** A message as it is known to be in Slack; without `ts` it was asked for, and nobody knows whether it was posted. */
export interface Posted { key: string, wanted: string, channel?: string, ts?: string, askedAtMs: number, fingerprint?: string }

/** What the announcer remembers, outside of this process: it may die at any moment. */
export interface Board {
  /** Drills that are not drawn as they stand. */
  due: () => Promise<string[]>
  /** Whether this process may draw the drill now; no other one does. */
  claim: (drillId: string) => Promise<boolean>
  release: (drillId: string, drawn: { seq: number, isDone: boolean } | undefined) => Promise<void>
  events: (drillId: string) => Promise<DrillEvent[]>
  posted: (drillId: string) => Promise<Posted[]>
  intend: (drillId: string, key: string, wanted: string) => Promise<void>
  keep: (drillId: string, key: string, place: { channel: string, ts: string, fingerprint: string }) => Promise<void>
  /** Without a key: all of the drill. */
  forget: (drillId: string, key?: string) => Promise<void>
  /** Holders of the roles, ready for mrkdwn. */
  mentions: () => Promise<(roles: Role[]) => string>
  /** Until something may be new. */
  changed: (signal: AbortSignal) => Promise<void>
}

export interface Drawing {
  slack: Slack
  board: Board
  channel: string
  publicUrl: string
  paced: <T>(kind: 'post' | 'update', call: () => Promise<T>) => Promise<T>
  complain: (text: string, drillId: string) => void
}

const eventType = 'muster_message'
/** Slack's codes for a message that cannot be edited any more, and for a thread without its first message. */
const gone = ['message_not_found', 'cant_update_message', 'edit_window_closed', 'no_dual_broadcast_content_update']
const orphaned = ['thread_not_found', 'cannot_reply_to_message']
const noChannel = ['channel_not_found', 'is_archived', 'is_inactive', 'not_in_channel']
const badBlocks = ['invalid_blocks', 'invalid_blocks_format', 'msg_blocks_too_long']

/**
 * Makes the messages of one drill what its timeline says: posts what is missing, edits what changed, leaves the rest. Run again
 * after any interruption it goes on where it was.
 *
 * @returns the number of the last event that is drawn; `isDone` once there is nothing to come
 * @throws DrillError `slack.limited`, `slack.down`, `slack.refused`, `store.down`
 */
export async function drawDrill (drawing: Drawing, drillId: string): Promise<{ seq: number, isDone: boolean }> {
  const { board } = drawing
  const [events, mentions] = await Promise.all([board.events(drillId), board.mentions()])
  const last = events.at(-1)
  const messages = messagesOf(events, { publicUrl: drawing.publicUrl, nowMs: Date.now(), mentions })
  // The second round is for a card, or a channel, that turned out to be gone.
  for (let round = 0; ; round++) {
    if (await drawRound(drawing, drillId, messages)) break
    if (round === 2) throw new DrillError('slack.refused', `the messages of drill ${drillId} vanish as they are posted`)
  }
  return { seq: last?.seq ?? 0, isDone: last?.type === 'drill.ended' }
}

/** False: the place is gone, and all has to be posted again. */
async function drawRound (drawing: Drawing, drillId: string, messages: Message[]): Promise<boolean> {
  const { board } = drawing
  const posted = new Map((await board.posted(drillId)).map(one => [one.key, one]))
  await settleDoubts(drawing, drillId, posted)
  const isDrawn = (message: Message): boolean => posted.get(message.key)?.fingerprint === fingerprintOf(message)
  const isThere = (message: Message): boolean => posted.get(message.key)?.ts !== undefined
  const [card, ...others] = messages
  if (!card) return true
  // What is missing first, so that people are asked before a card is made pretty; the card itself begins the thread.
  const work = [...isThere(card) ? [] : [card], ...others.filter(message => !isThere(message)), ...others.filter(isThere), ...isThere(card) ? [card] : []]
  for (const message of work) {
    if (isDrawn(message)) continue
    try {
      const place = await draw(drawing, drillId, message, posted)
      posted.set(message.key, { ...place, key: message.key, wanted: drawing.channel, askedAtMs: Date.now(), fingerprint: fingerprintOf(message) })
      await board.keep(drillId, message.key, { ...place, fingerprint: fingerprintOf(message) })
    } catch (error) {
      const code = slackCodeOf(error) ?? ''
      const moved = (posted.get('card')?.wanted ?? drawing.channel) !== drawing.channel
      if (noChannel.includes(code) && moved) {
        // The channel of before is closed, and another one is configured by now.
        await board.forget(drillId)
        return false
      }
      if (orphaned.includes(code)) {
        await board.forget(drillId, 'card')
        return false
      }
      throw error
    }
  }
  return true
}

/** Edits the message, or posts it where there is none. */
async function draw (drawing: Drawing, drillId: string, message: Message, posted: Map<string, Posted>): Promise<{ channel: string, ts: string }> {
  const there = posted.get(message.key)
  if (there?.ts !== undefined && there.channel !== undefined) {
    const { channel, ts } = there
    try {
      await withBlocks(drawing, drillId, message, async blocks => { await drawing.paced('update', async () => { await drawing.slack.update({ channel, ts, text: message.text, blocks }) }) })
      return { channel, ts }
    } catch (error) {
      if (!gone.includes(slackCodeOf(error) ?? '')) throw error
      await drawing.board.forget(drillId, message.key)
    }
  }
  await drawing.board.intend(drillId, message.key, drawing.channel)
  const card = message.key === 'card' ? undefined : posted.get('card')
  try {
    return await withBlocks(drawing, drillId, message, async blocks => await drawing.paced('post', async () => await drawing.slack.post({
      channel: card?.channel ?? drawing.channel, thread: card?.ts, broadcast: message.broadcast, text: message.text, blocks,
      metadata: { event_type: eventType, event_payload: { drill: drillId, key: message.key } },
    })))
  } catch (error) {
    // A refusal has posted nothing for certain; after a lost answer nobody knows, so the intention stays.
    if (error instanceof DrillError && error.code !== 'slack.down') await drawing.board.forget(drillId, message.key)
    throw error
  }
}

/** Blocks that Slack does not take are a mistake of ours; people are told all the same, in plain text. */
async function withBlocks<T> (drawing: Drawing, drillId: string, message: Message, call: (blocks: Block[] | undefined) => Promise<T>): Promise<T> {
  try {
    return await call(message.blocks)
  } catch (error) {
    if (!badBlocks.includes(slackCodeOf(error) ?? '')) throw error
    drawing.complain(`${message.key} is told in plain text: ${(error as Error).message}`, drillId)
    return await call(undefined)
  }
}

/**
 * Slack has no idempotency key: an answer that was lost, or a process that died, may have posted. What was intended is looked for by
 * our own metadata before it is posted a second time.
 */
async function settleDoubts ({ slack, board, complain }: Drawing, drillId: string, posted: Map<string, Posted>): Promise<void> {
  // The card first: the others are in its thread.
  const doubtful = [...posted.values()].filter(one => one.ts === undefined).sort((a, b) => Number(b.key === 'card') - Number(a.key === 'card'))
  for (const one of doubtful) {
    const card = one.key === 'card' ? undefined : posted.get('card')
    const ts = one.key !== 'card' && card?.ts === undefined ? undefined : await find(one, card)
    const channel = card?.channel ?? one.channel ?? one.wanted
    if (ts === undefined) {
      await board.forget(drillId, one.key)
      posted.delete(one.key)
    } else {
      // An empty fingerprint: it is there, and drawn anew.
      await board.keep(drillId, one.key, { channel, ts, fingerprint: '' })
      posted.set(one.key, { ...one, channel, ts, fingerprint: '' })
    }
  }

  async function find (one: Posted, card: Posted | undefined): Promise<string | undefined> {
    const isIt = ({ event_type: type, event_payload: payload }: Metadata): boolean => type === eventType && payload?.['drill'] === drillId && payload['key'] === one.key
    try {
      // Two minutes earlier than asked: Slack's clock is another one.
      return await slack.find({ channel: card?.channel ?? one.wanted, thread: card?.ts, afterS: Math.floor(one.askedAtMs / 1000) - 120 }, isIt)
    } catch (error) {
      if (slackCodeOf(error) !== 'missing_scope') throw error
      complain(`whether ${one.key} was posted cannot be looked up, so it may be there twice: ${(error as Error).message}`, drillId)
      return undefined
    }
  }
}

function fingerprintOf ({ text, blocks }: Message): string {
  return createHash('sha256').update(JSON.stringify([text, blocks])).digest('base64')
}
