import { DrillError } from '../../errors.js'
import { clip, readText } from '../../slack/text.js'
import { listDrills } from '../../store/drills.js'
import { drillOfMessage } from '../../store/slack.js'
import { assertMay } from '../auth.js'
import type { Clicker } from './clicker.js'
import type { Reaction } from './payloads.js'
import { refusalText, whoIs, type Talk } from './talk.js'

interface Pinned { channel: string, ts: string, text: string, threadTs?: string, permalink?: string }

/**
 * Puts a message onto the timeline of the drill in whose thread it stands, else of the only one that runs. Once, however many
 * people pin it and however often Slack tells: the note is named after the message.
 *
 * @returns the drill
 */
export async function pin (talk: Talk, clicker: Clicker, { channel, ts, text, threadTs, permalink }: Pinned): Promise<string> {
  const person = await whoIs(talk, clicker)
  assertMay(person, 'drill.note')
  const said = readText(text)
  if (said === '') throw new DrillError('input.invalid', 'there is no text in that message')
  const drillId = await drillOfMessage(talk.store.pool, channel, threadTs === undefined ? [ts] : [ts, threadTs]) ?? await onlyOne(talk)
  const where = permalink === undefined ? '' : ` (${permalink})`
  await talk.temporal.note(drillId, { text: `${clip(said, 3800 - where.length)}${where}`, person, door: 'slack' }, `pin:${channel}:${ts}`)
  return drillId
}

/**
 * A 📌 reaction. A refusal is told to whoever reacted, alone.
 *
 * @throws DrillError that another try may mend: Slack sends the event again
 */
export async function onReaction (talk: Talk, { team_id: team, event }: Reaction): Promise<void> {
  if (event.reaction !== 'pushpin') return
  const clicker = { workspace: team, user: event.user }
  const { channel, ts } = event.item
  try {
    const message = await talk.slack.message(channel, ts)
    if (message) await pin(talk, clicker, { channel, ts, ...message })
  } catch (error) {
    if (error instanceof DrillError && error.retryable && error.code !== 'internal') throw error
    await talk.slack.whisper(channel, event.user, refusalText(error, talk, clicker)).catch(() => {})
  }
}

async function onlyOne ({ store }: Talk): Promise<string> {
  const { drills } = await listDrills(store.pool, { state: 'running' }, { limit: 10 })
  const running = drills.filter(drill => drill.phase !== 'reserved' && drill.parent === undefined)
  if (running.length === 1) return running[0]!.drillId
  throw new DrillError('drill.unknown', running.length === 0 ? 'no drill is running' : 'several drills are running: pin a message in the thread of one')
}
