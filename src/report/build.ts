import { createHash } from 'node:crypto'
import { canonicalJson } from '../drill/canonical-json.js'
import { voterText } from '../drill/decide.js'
import type { DrillReport, ReportFacts } from '../drill/report.js'
import { statusOf } from '../drill/status.js'
import type { DrillEvent, EventOf, EventType } from '../drill/timeline.js'
import { judge, type Judgement } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import { ganttOf } from './gantt.js'
import { loadSections, suiteSections } from './measured.js'
import { objectivesOf, rebuiltOf } from './objectives.js'

/**
 * The report of a drill: a fold over its timeline, the same whenever it is made. A failed, invalid, refused or aborted drill has a
 * complete one too.
 * @throws DrillError `report.unavailable` where nothing is recorded
 */
export function buildReport ({ events, samples, earlier, results = [], chainHead }: ReportFacts, musterVersion: string): DrillReport {
  const status = statusOf(events)
  const started = of(events, 'drill.started')[0]
  if (!status || !started) throw new DrillError('report.unavailable', 'nothing is recorded of that drill yet')
  const loss = of(events, 'check.answered').filter(event => event.loss).at(-1)?.loss
  const observation = of(events, 'probe.ended').at(-1)?.observation
  const decisions = decisionsOf(events)
  const [loads, suites] = [loadSections(events, results), suiteSections(events, results)]
  const { drillId, runbook, runbookTitle, runbookHash, environment, tier, commander, startedAtMs, endedAtMs } = status
  const report: Omit<DrillReport, 'digest'> = {
    schema: 1,
    notice: 'THIS IS A DRILL',
    drill: {
      drillId, runbook, runbookTitle, runbookHash, environment, tier, commander, startedAtMs, endedAtMs, musterVersion,
      type: started.runbookType,
      params: started.params,
      approvers: [...new Set(decisions.filter(decision => decision.answer === 'approve').map(decision => decision.person))],
    },
    judgement: judgementOf(events),
    leftBehind: status.leftBehind,
    objectives: objectivesOf(started, status.clock, loss, observation, rebuiltOf(events)),
    clock: status.clock,
    loss,
    steps: status.steps,
    gantt: ganttOf(events, status),
    decisions,
    checks: of(events, 'check.answered').map(({ step, check, outcome, observed, expected, atMs }) => ({ step, check, outcome, observed, expected, atMs })),
    ...(loads.length === 0 ? {} : { loads }),
    ...(suites.length === 0 ? {} : { suites }),
    undo: status.ledger,
    findings: status.findings,
    notes: notesOf(events),
    observation,
    samples,
    earlier: earlier.slice(0, 3),
    timeline: events,
    chainHead,
  }
  return { ...report, digest: createHash('sha256').update(canonicalJson(report)).digest('hex') }
}

/** The report to the letter: what its digest was made over, and the digest. */
export function renderJson (report: DrillReport): string {
  return `${canonicalJson(report)}\n`
}

function decisionsOf (events: DrillEvent[]): DrillReport['decisions'] {
  const opened = new Map(of(events, 'gate.opened').map(event => [event.step, event.atMs]))
  return of(events, 'gate.decided').map(({ step, person, for: seat, answer, reason, door, verified, atMs }) => ({
    step, person: voterText({ name: person.name, for: seat }), personId: person.id, answer, reason, door, verified, atMs, stoodMs: atMs - (opened.get(step) ?? atMs),
  }))
}

/** What the workflow decided stands, even where today's rules would say otherwise; a record without an end is never green. */
function judgementOf (events: DrillEvent[]): Judgement {
  const judged = judge(events)
  const ended = of(events, 'drill.ended').at(-1)
  if (!ended) {
    const why = 'the record stops before the drill has ended'
    return { verdict: 'invalid', why, reasons: [why, ...(judged.verdict.startsWith('passed') ? [] : judged.reasons)] }
  }
  return judged.verdict === ended.verdict ? { ...judged, why: ended.why } : { verdict: ended.verdict, why: ended.why, reasons: [ended.why, `judged by this version it would be ${judged.verdict}: ${judged.why}`] }
}

/** What people wrote, and what they confirmed to have done. */
function notesOf (events: DrillEvent[]): DrillReport['notes'] {
  return events.flatMap(event => {
    if (event.type === 'note.added') return [{ atMs: event.atMs, person: event.person.name, text: event.text }]
    if (event.type === 'task.confirmed') return [{ atMs: event.atMs, person: event.person.name, text: `did "${event.step}"${event.note ? `: ${event.note}` : ''}` }]
    return []
  })
}

function of<T extends EventType> (events: DrillEvent[], type: T): Array<EventOf<T>> {
  return events.filter((event): event is EventOf<T> => event.type === type)
}
