import { createHash } from 'node:crypto'
import { canonicalJson } from '../drill/canonical-json.js'
import { outageOf } from '../drill/clock.js'
import type { ProbeSample } from '../drill/observation.js'
import type { DrillReport } from '../drill/report.js'
import { statusOf, type DrillStatus } from '../drill/status.js'
import type { DrillEvent, EventOf, EventType } from '../drill/timeline.js'
import { judge } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import { objectivesOf } from './objectives.js'

/** What a report is made from, beside the version of Muster that makes it. */
export interface ReportFacts {
  events: DrillEvent[]
  samples: ProbeSample[]
  earlier: DrillReport['earlier']
  /** Absent where the store did not answer. */
  chainHead?: string
}

/**
 * The report of a drill: a fold over its timeline, the same whenever it is made. A failed, invalid, refused or aborted drill has a
 * complete one too.
 * @throws DrillError `report.unavailable` where nothing is recorded
 */
export function buildReport ({ events, samples, earlier, chainHead }: ReportFacts, musterVersion: string): DrillReport {
  const status = statusOf(events)
  const started = of(events, 'drill.started')[0]
  if (!status || !started) throw new DrillError('report.unavailable', 'nothing is recorded of that drill yet')
  const loss = of(events, 'check.answered').filter(event => event.loss).at(-1)?.loss
  const observation = of(events, 'probe.ended').at(-1)?.observation
  const decisions = decisionsOf(events)
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
    judgement: judge(events),
    leftBehind: status.leftBehind,
    objectives: objectivesOf(started, status.clock, loss, observation),
    clock: status.clock,
    loss,
    steps: status.steps,
    gantt: ganttOf(events, status),
    decisions,
    checks: of(events, 'check.answered').map(({ step, check, outcome, observed, expected, atMs }) => ({ step, check, outcome, observed, expected, atMs })),
    undo: status.ledger,
    findings: status.findings,
    notes: of(events, 'note.added').map(({ atMs, person, text }) => ({ atMs, person: person.name, text })),
    observation,
    samples,
    earlier,
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
  return of(events, 'gate.decided').map(({ step, person, answer, reason, door, verified, atMs }) => ({
    step, person: person.name, personId: person.id, answer, reason, door, verified, atMs, stoodMs: atMs - (opened.get(step) ?? atMs),
  }))
}

/** One bar a step and an undo, and the outage over all of them. */
function ganttOf (events: DrillEvent[], status: DrillStatus): DrillReport['gantt'] {
  const last = status.endedAtMs ?? events.at(-1)!.atMs
  const bars: DrillReport['gantt'] = []
  const outage = outageOf(events)
  if (outage) bars.push({ step: 'outage', title: 'Outage, as the probe saw it', fromMs: outage.from, toMs: outage.to ?? last, kind: 'outage' })
  for (const step of status.steps) {
    if (step.startedAtMs === undefined) continue
    bars.push({ step: step.id, title: step.title, fromMs: step.startedAtMs, toMs: step.endedAtMs ?? last, kind: step.kind === 'gate' || step.kind === 'task' ? 'waiting' : 'work' })
  }
  const undoing = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'undo.started') undoing.set(event.entry, event.atMs)
    if (event.type !== 'undo.finished' && event.type !== 'undo.leftBehind') continue
    const line = status.ledger.find(line => line.entry === event.entry)
    bars.push({ step: event.entry, title: `undo: ${line?.title ?? event.entry}`, fromMs: undoing.get(event.entry) ?? event.atMs, toMs: event.atMs, kind: 'undo' })
  }
  return bars
}

function of<T extends EventType> (events: DrillEvent[], type: T): Array<EventOf<T>> {
  return events.filter((event): event is EventOf<T> => event.type === type)
}
