import { voterText } from '../drill/decide.js'
import { clockText, durationText } from '../drill/duration.js'
import { loadText } from '../drill/load.js'
import { answerersText } from '../drill/on-call.js'
import { suiteText } from '../drill/suite.js'
import { revertText, type DrillEvent } from '../drill/timeline.js'
import type { Paint, Style } from './paint.js'
import { clean } from './text.js'
import { verdictMark } from './view.js'

/** One event as one line of text, for logs and pipes: time (UTC), mark, words. `drillId` is for the command to paste. */
export function lineOf (event: DrillEvent, drillId: string, paint: Paint): string {
  const { mark, style, text } = drawn(event, drillId)
  const time = new Date(event.atMs).toISOString().slice(11, 19)
  return `${paint('dim', `${time}Z`)} ${style === undefined ? `${mark} ${clean(text)}` : paint(style, `${mark} ${clean(text)}`)}`
}

interface Drawn { mark: string, style?: Style, text: string }

const red: Style = ['red', 'bold']
const yellow: Style = ['yellow', 'bold']
const outcomes = { passed: { mark: '✓', style: 'green' }, failed: { mark: '✗', style: red }, finding: { mark: '!', style: 'yellow' }, aborted: { mark: '⊘', style: 'magenta' } } as const
const answers = { pass: { mark: '✓', style: 'green' }, fail: { mark: '✗', style: 'red' }, blind: { mark: '?', style: 'magenta' } } as const

function drawn (event: DrillEvent, drillId: string): Drawn {
  const left = (deadlineAtMs: number): string => `${clockText(deadlineAtMs - event.atMs)} left`
  switch (event.type) {
    case 'drill.started': return { mark: '▶', style: 'bold', text: `THIS IS A DRILL: ${event.runbookTitle} on ${event.environment.toUpperCase()} (${event.tier}), ${event.drillId}, started by ${event.commander.name}` }
    case 'drill.refused': return { mark: '⊘', style: red, text: `refused, nothing was touched: ${event.reasons.map(reason => reason.message).join('; ')}` }
    case 'drill.admitted': return { mark: '✓', style: 'green', text: 'admitted' }
    case 'phase.changed': return { mark: '·', style: 'dim', text: `now ${event.phase}` }
    case 'step.started': return { mark: '▷', text: event.step }
    case 'step.skipped': return { mark: '–', style: 'dim', text: `${event.step}: skipped, ${event.reason}` }
    case 'step.finished': {
      const tries = event.attempts !== undefined && event.attempts > 1 ? ` (try ${event.attempts})` : ''
      return { ...outcomes[event.outcome], text: `${event.step}: ${event.summary}${tries}${event.error === undefined || event.error.message === event.summary ? '' : `: ${event.error.message} [${event.error.code}]`}` }
    }
    case 'fault.struck': return { mark: '⚡', style: yellow, text: `${event.step}: the fault has struck` }
    case 'gate.opened': return { mark: '⧖', style: yellow, text: `${event.step}: waiting for approval 0/${event.approvals} by ${event.roles.join(' or ')}, ${left(event.deadlineAtMs)}, else ${event.onTimeout} → muster approve ${drillId} ${event.step}` }
    case 'people.asked': return { mark: '·', style: event.can.length > 0 ? 'dim' : red, text: `${event.step}: can answer now: ${answerersText(event)}` }
    case 'gate.reminded': return { mark: '⧖', style: yellow, text: `${event.step}: still waiting, ${clockText(event.leftMs)} left → muster approve ${drillId} ${event.step}` }
    case 'gate.escalated': return { mark: '⧖', style: yellow, text: `${event.step}: escalated to ${event.role}, ${left(event.deadlineAtMs)} → muster approve ${drillId} ${event.step}` }
    case 'gate.overdue': return { mark: '⧖', style: red, text: `${event.step}: nobody answered in time; held until somebody does → muster approve ${drillId} ${event.step}` }
    case 'gate.decided': {
      const how = `${event.door === 'api' ? '' : ` through ${event.door}`}${event.verified ? '' : ', UNVERIFIED'}`
      return { mark: event.answer === 'approve' ? '✓' : '✗', style: event.answer === 'approve' ? 'green' : red, text: `${event.step}: ${event.answer === 'approve' ? 'approved' : 'rejected'} by ${voterText({ name: event.person.name, for: event.for })}${how}${event.reason ? `: ${event.reason}` : ''}` }
    }
    case 'gate.closed': return { mark: event.outcome === 'approved' ? '✓' : '⊘', style: event.outcome === 'approved' ? 'green' : 'magenta', text: `${event.step}: gate closed, ${event.outcome}` }
    case 'task.opened': return { mark: '⧖', style: yellow, text: `${event.step}: ${event.role}, please do: ${event.instructions} (${left(event.deadlineAtMs)}) → muster done ${drillId} ${event.step}` }
    case 'task.confirmed': return { mark: '✓', style: 'green', text: `${event.step}: done by ${event.person.name}${event.note ? `: ${event.note}` : ''}` }
    case 'probe.down': return { mark: '▼', style: red, text: `${event.target} is down: ${event.error}` }
    case 'probe.up': return { mark: '▲', style: 'green', text: `${event.target} is up again` }
    case 'probe.ended': return { mark: '·', style: 'dim', text: `the probe has ended: ${probeText(event.observation)}` }
    case 'probe.lost': return { mark: '?', style: red, text: `the probe was lost: ${event.message}` }
    case 'alert.arrived': return { mark: '♪', style: event.state === 'firing' ? 'yellow' : 'dim', text: `alert ${event.name} ${event.state}${event.summary ? `: ${event.summary}` : ''}` }
    case 'outage.declared': return { mark: '♪', style: yellow, text: `outage declared by ${event.person.name}${event.note ? `: ${event.note}` : ''}` }
    case 'outage.detected': return { mark: '♪', style: yellow, text: `outage detected by ${event.by}` }
    case 'check.answered': return { ...answers[event.outcome], text: `${event.step}: ${event.check} ${event.outcome === 'blind' ? 'could not be asked' : `${event.outcome}ed`}: ${event.observed}${event.outcome === 'pass' ? '' : ` (expected: ${event.expected})`}` }
    case 'load.measured': { const { style } = verdictMark(event.load.verdict); return { mark: '≈', style, text: `${event.step}: load ${event.load.scenario}: ${loadText(event.load)}` } }
    case 'suite.answered': { const { style } = verdictMark(event.suite.verdict); return { mark: '≈', style, text: `${event.step}: suite ${event.suite.suite}: ${suiteText(event.suite)}` } }
    case 'undo.owed': return { mark: '↶', style: 'dim', text: `to be undone: ${event.title}` }
    case 'undo.asked': return { mark: '↶', style: 'magenta', text: `undoing what is owed: ${event.reason}` }
    case 'undo.started': return { mark: '↶', style: 'magenta', text: `undoing ${event.entry}` }
    case 'undo.finished': return { mark: '✓', style: 'green', text: `${event.state === 'already' ? 'was so already' : 'undone'}: ${event.entry}: ${event.summary}` }
    case 'undo.leftBehind': return { mark: '✗', style: red, text: `LEFT BEHIND: ${event.title} (${event.message}) → ${event.byHand}` }
    case 'lease.reverted': return { mark: '✗', style: red, text: revertText(event) }
    case 'notice.sent': return { mark: '✉', style: event.failed.length > 0 ? 'yellow' : 'dim', text: `${event.step}: told ${event.channels.join(', ') || 'nobody'}${event.failed.length > 0 ? `, failed: ${event.failed.join(', ')}` : ''}: ${event.message}` }
    case 'note.added': return { mark: '✎', text: `${event.person.name}: ${event.text}` }
    case 'message.refused': return { mark: '⊘', style: 'yellow', text: `refused, from ${event.claimed} through ${event.door}: ${event.message}` }
    case 'abort.requested': return { mark: '⊘', style: red, text: `abort by ${event.person.name}: ${event.reason}` }
    case 'finding.raised': return { mark: '!', style: 'yellow', text: `${event.severity} finding${event.step === undefined ? '' : ` in ${event.step}`}: ${event.text}` }
    case 'drill.ended': { const { text, style } = verdictMark(event.verdict); return { mark: '■', style, text: `${text}: ${event.why}` } }
  }
}

function probeText (observation: Extract<DrillEvent, { type: 'probe.ended' }>['observation']): string {
  const targets = observation.targets.map(target => `${target.name} ${target.samples - target.failed}/${target.samples} good`)
  const canaries = observation.canaries ? [`${observation.canaries.acked} of ${observation.canaries.issued} writes acknowledged, longest gap ${durationText(observation.canaries.longestGapMs)}`] : []
  return [...targets, ...canaries].join(', ')
}
