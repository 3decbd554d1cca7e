import { voterText } from '../drill/decide.js'
import { durationText } from '../drill/duration.js'
import { loadText } from '../drill/load.js'
import { answerersText } from '../drill/on-call.js'
import type { RecoveryClock } from '../drill/clock.js'
import { withoutControls } from '../drill/plain.js'
import { suiteText } from '../drill/suite.js'
import { revertText, type DrillEvent } from '../drill/timeline.js'
import { verdictText } from '../drill/words.js'

/** `2026-11-20 10:00:04.600` in UTC. */
export function utc (atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
}

/** Time of day in UTC, to the millisecond. */
export function timeOfDay (atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23)
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** For a page's text or an attribute in quotes, also as Eta's own escape. */
export function escapeHtml (text: unknown): string {
  return withoutControls(String(text)).replace(/[&<>"']/g, character => entities[character]!)
}

export interface ClockPart { name: string, ms: number, kind: 'detect' | 'people' | 'work' | 'verify' }

/** Where the time of the outage went, in order: the parts add up to the recovery time. None where it did not end. */
export function clockParts (clock: RecoveryClock): ClockPart[] {
  if (clock.rtaTechnicalMs === undefined) return []
  const waited = clock.decisionMs ?? 0
  const parts: ClockPart[] = clock.ttdMs === undefined || clock.workMs === undefined
    ? [{ name: 'waiting for people', ms: waited, kind: 'people' }, { name: 'work (nobody had noticed)', ms: clock.rtaTechnicalMs - waited, kind: 'work' }]
    : [
        // What was noticed only after the recovery took all of the outage to notice.
        { name: clock.detectedBy ? `detected by ${clock.detectedBy}` : 'detected', ms: Math.min(clock.ttdMs, clock.rtaTechnicalMs), kind: 'detect' },
        { name: 'waiting for people', ms: waited, kind: 'people' },
        { name: 'work', ms: clock.workMs, kind: 'work' },
      ]
  if (clock.verificationMs !== undefined) parts.push({ name: 'verified', ms: clock.verificationMs, kind: 'verify' })
  return parts.filter(part => part.ms > 0)
}

/** What an event says, in columns: who or what, and what happened. */
export function eventText (event: DrillEvent): { what: string, text: string } {
  switch (event.type) {
    case 'drill.started': return { what: event.commander.name, text: `started ${event.runbookTitle} on ${event.environment}` }
    case 'drill.refused': return { what: 'preflight', text: `refused: ${event.reasons.map(reason => reason.message).join('; ')}` }
    case 'drill.admitted': return { what: 'preflight', text: 'admitted' }
    case 'phase.changed': return { what: 'drill', text: `phase: ${event.phase}` }
    case 'step.started': return { what: event.step, text: 'started' }
    case 'step.skipped': return { what: event.step, text: `skipped: ${event.reason}` }
    case 'step.finished': return { what: event.step, text: `${event.outcome}: ${event.summary}${event.error && event.error.message !== event.summary ? ` [${event.error.code}: ${event.error.message}]` : ''}${(event.attempts ?? 1) > 1 ? ` (try ${event.attempts})` : ''}` }
    case 'fault.struck': return { what: event.step, text: `the fault struck at ${timeOfDay(event.faultAtMs)}` }
    case 'gate.opened': return { what: event.step, text: `asked ${event.approvals} × ${event.roles.join(' or ')}: ${event.title}. ${event.effect}${event.risk ? `; ${event.risk}` : ''}. Answer by ${timeOfDay(event.deadlineAtMs)}, else ${event.onTimeout}` }
    case 'gate.reminded': return { what: event.step, text: `reminded, ${durationText(event.leftMs)} left` }
    case 'gate.escalated': return { what: event.step, text: `escalated to ${event.role}, until ${timeOfDay(event.deadlineAtMs)}` }
    case 'gate.overdue': return { what: event.step, text: 'nobody answered in time; held' }
    case 'people.asked': return { what: event.step, text: `can answer: ${answerersText(event)}` }
    case 'gate.decided': return { what: voterText({ name: event.person.name, for: event.for }), text: `${event.answer === 'approve' ? 'approved' : 'rejected'} ${event.step} through ${event.door}${event.verified ? '' : ', UNVERIFIED'}${event.reason ? `: ${event.reason}` : ''}` }
    case 'gate.closed': return { what: event.step, text: `closed: ${event.outcome}` }
    case 'task.opened': return { what: event.step, text: `asked ${event.role} to: ${event.instructions}` }
    case 'task.confirmed': return { what: event.person.name, text: `did ${event.step}${event.note ? `: ${event.note}` : ''}` }
    case 'probe.down': return { what: 'probe', text: `${event.target} is down since ${timeOfDay(event.firstFailedAtMs)}: ${event.error}` }
    case 'probe.up': return { what: 'probe', text: `${event.target} is good since ${timeOfDay(event.firstGoodAtMs)}` }
    case 'probe.ended': return { what: 'probe', text: 'ended' }
    case 'probe.lost': return { what: 'probe', text: `was lost: ${event.message}` }
    case 'alert.arrived': return { what: 'monitoring', text: `alert ${event.name} ${event.state}${event.summary ? `: ${event.summary}` : ''}` }
    case 'outage.declared': return { what: event.person.name, text: `declared an outage${event.note ? `: ${event.note}` : ''}` }
    case 'outage.detected': return { what: event.source, text: `the outage was detected at ${timeOfDay(event.detectedAtMs)} by ${event.by}` }
    case 'check.answered': return { what: event.step, text: `${event.check}: ${event.outcome}, ${event.observed}` }
    case 'load.measured': return { what: event.step, text: `load ${event.load.scenario}: ${verdictText[event.load.verdict]}, ${loadText(event.load)}` }
    case 'suite.answered': return { what: event.step, text: `suite ${event.suite.suite}: ${verdictText[event.suite.verdict]}, ${suiteText(event.suite)}` }
    case 'undo.owed': return { what: event.entry, text: `owes: ${event.title}` }
    case 'undo.asked': return { what: 'undo', text: event.reason }
    case 'undo.started': return { what: event.entry, text: 'undo started' }
    case 'undo.finished': return { what: event.entry, text: `${event.state === 'already' ? 'was undone already' : 'undone'}: ${event.summary}` }
    case 'undo.leftBehind': return { what: event.entry, text: `LEFT BEHIND: ${event.title} (${event.message}). By hand: ${event.byHand}` }
    case 'lease.reverted': return { what: 'watchdog', text: `${revertText(event)}, at ${timeOfDay(event.revertedAtMs)}` }
    case 'notice.sent': return { what: event.step, text: `told ${event.channels.join(', ') || 'nobody'}: ${event.message}${event.failed.length > 0 ? ` (failed: ${event.failed.join(', ')})` : ''}` }
    case 'note.added': return { what: event.person.name, text: `noted: ${event.text}` }
    case 'message.refused': return { what: event.claimed, text: `was refused through ${event.door}: ${event.message}` }
    case 'abort.requested': return { what: event.person.name, text: `asked to abort: ${event.reason}` }
    case 'finding.raised': return { what: event.step ?? 'drill', text: `${event.severity} finding: ${event.text}` }
    case 'drill.ended': return { what: 'drill', text: `${verdictText[event.verdict]}: ${event.why}` }
  }
}
