import { durationText } from '../drill/duration.js'
import type { DrillEvent } from '../drill/timeline.js'
import { banner, paragraphs, type Drawn } from './blocks.js'
import { escape, moment } from './text.js'

/** Lines of one message of the log: with it full, the next one begins. */
const linesAPage = 25

/**
 * The milestones of a drill as messages that are edited in place, 25 lines each: what a thread is read for afterwards. A Slack that
 * was away for an hour needs one edit, not a message for each line.
 */
export function drawLog (events: DrillEvent[]): Drawn[] {
  const lines = events.flatMap(event => {
    const text = milestone(event)
    return text === undefined ? [] : [`${moment(event.atMs)} ${text}`]
  })
  return Array.from({ length: Math.ceil(lines.length / linesAPage) }, (_, page) => {
    const from = page * linesAPage
    const shown = lines.slice(from, from + linesAPage)
    return {
      text: `${banner}: what happened${page === 0 ? '' : `, part ${page + 1}`}`,
      blocks: paragraphs([`*${banner}: what happened*${page === 0 ? '' : ` (${page + 1})`}`, ...shown], 10_000),
    }
  })
}

/** One line for what people talk about afterwards; steps are on the card, gates have messages of their own. */
function milestone (event: DrillEvent): string | undefined {
  switch (event.type) {
    case 'drill.admitted': return '▶ admitted'
    case 'fault.struck': return `⚡ the fault of ${escape(event.step, 60)} has struck`
    case 'probe.down': return `▼ ${escape(event.target, 60)} is down: ${escape(event.error, 160)}`
    case 'probe.up': return `▲ ${escape(event.target, 60)} is up again`
    case 'probe.lost': return `❓ the probe was lost: ${escape(event.message, 160)}`
    case 'alert.arrived': return `🔔 alert ${escape(event.name, 100)} ${event.state}${event.summary ? `: ${escape(event.summary, 160)}` : ''}`
    case 'outage.declared': return `🔔 outage declared by ${escape(event.person.name, 100)}${event.note ? `: ${escape(event.note, 160)}` : ''}`
    case 'outage.detected': return `🔔 noticed by ${escape(event.by, 100)}`
    case 'note.added': return `📌 ${escape(event.person.name, 100)}: ${escape(event.text, 250)}`
    case 'message.refused': return `⊘ refused, from ${escape(event.claimed, 100)} through ${event.door}: ${escape(event.message, 160)}`
    case 'abort.requested': return `🚫 aborted by ${escape(event.person.name, 100)}: ${escape(event.reason, 200)}`
    case 'finding.raised': return `❗ ${event.severity} finding: ${escape(event.text, 200)}`
    case 'undo.leftBehind': return `🟥 left behind: ${escape(event.title, 120)}: ${escape(event.message, 160)}`
    case 'step.finished': return event.outcome === 'failed' ? `✗ ${escape(event.step, 60)}: ${escape(event.summary, 200)}` : undefined
    case 'probe.ended': return event.observation.blind.length === 0 ? undefined : `❓ the probe was blind for ${durationText(event.observation.blind.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0))}`
    default: return undefined
  }
}
