import { recoveryClock, type RecoveryClock } from './clock.js'
import { voterText } from './decide.js'
import { durationMs } from './duration.js'
import type { Objectives, Tier } from './environment.js'
import { jumpText } from './observation.js'
import { answerersText } from './on-call.js'
import type { Role } from './people.js'
import type { StepKind } from './runbook.js'
import { revertText, type DrillEvent, type EventBody, type Phase, type Severity } from './timeline.js'
import type { Verdict } from './verdict.js'

/** What a drill is at now: the fold that CLI, card, page and API draw. Plain data. */
export interface DrillStatus {
  drillId: string
  runbook: string
  runbookTitle: string
  runbookHash: string
  environment: string
  tier: Tier
  commander: { id: string, name: string }
  phase: Phase
  startedAtMs: number
  endedAtMs?: number
  verdict?: Verdict
  why?: string
  objectives: Partial<Objectives>
  steps: StepStatus[]
  /** Gates and tasks that are open now. */
  waitingFor: Waiting[]
  clock: RecoveryClock
  /** Running recovery clock: first failed probe to now, while the outage lasts. */
  outageSinceMs?: number
  ledger: LedgerLine[]
  /** At the top of everything: what could not be undone, with the command for a person. */
  leftBehind: Array<{ entry: string, title: string, byHand: string, message: string }>
  findings: Array<{ severity: Severity, text: string, step?: string }>
  /** Number of the last event folded in. */
  seq: number
}

export type StepState = 'planned' | 'running' | 'waiting' | 'passed' | 'failed' | 'finding' | 'skipped' | 'aborted'

export interface StepStatus {
  id: string
  kind: StepKind
  title: string
  parent?: string
  state: StepState
  startedAtMs?: number
  endedAtMs?: number
  expectedMs?: number
  attempts?: number
  summary?: string
  error?: { code: string, message: string }
}

export interface Waiting {
  step: string
  kind: 'gate' | 'task'
  title: string
  roles: Role[]
  approvals: number
  approved: number
  votes: Array<{ name: string, answer: 'approve' | 'reject' }>
  deadlineAtMs: number
  effect?: string
  risk?: string
  onTimeout?: string
  /** Its deadline has passed and it is held open. */
  overdue?: boolean
  /** Who can answer now, and who is away: as it was when the question was opened, last reminded of or escalated. */
  canAnswer?: string
  /** The command to paste. */
  command: string
}

export interface LedgerLine { entry: string, title: string, byHand: string, state: 'owed' | 'undoing' | 'already' | 'undone' | 'left-behind', summary?: string }

/** Folds events (in order) into the status. Nothing is asked from outside: the same events give the same status. */
export function statusOf (events: DrillEvent[]): DrillStatus | undefined {
  let status: DrillStatus | undefined
  for (const event of events) status = foldStatus(status, event)
  return status && withClock(status, recoveryClock(events))
}

/** One event more: what `statusOf` does for each, without the clock. It changes the status that it is given. */
export function foldStatus (status: DrillStatus | undefined, event: DrillEvent): DrillStatus | undefined {
  if (event.type === 'drill.started') status = started(event)
  else if (status) apply(status, event)
  if (status) status.seq = event.seq
  return status
}

/** Sets the clock, and what follows from it. It changes the status that it is given. */
export function withClock (status: DrillStatus, clock: RecoveryClock): DrillStatus {
  status.clock = clock
  status.outageSinceMs = clock.startedAtMs !== undefined && clock.recoveredAtMs === undefined ? clock.startedAtMs : undefined
  return status
}

function started (event: Extract<DrillEvent, { type: 'drill.started' }>): DrillStatus {
  return {
    drillId: event.drillId,
    runbook: event.runbook,
    runbookTitle: event.runbookTitle,
    runbookHash: event.runbookHash,
    environment: event.environment,
    tier: event.tier,
    commander: event.commander,
    phase: 'admission',
    startedAtMs: event.atMs,
    objectives: event.objectives,
    steps: event.steps.map(step => ({ ...step, state: 'planned' })),
    waitingFor: [],
    clock: {},
    ledger: [],
    leftBehind: [],
    findings: [],
    seq: event.seq,
  }
}

function apply (status: DrillStatus, event: { atMs: number } & EventBody): void {
  const step = 'step' in event ? status.steps.find(step => step.id === event.step) : undefined
  switch (event.type) {
    case 'phase.changed': status.phase = event.phase; break
    case 'step.started':
      if (step) Object.assign(step, { state: 'running', startedAtMs: event.atMs })
      break
    case 'step.skipped':
      if (step) Object.assign(step, { state: 'skipped', summary: event.reason })
      break
    case 'step.finished':
      if (step) Object.assign(step, { state: event.outcome, endedAtMs: event.atMs, summary: event.summary, attempts: event.attempts, error: event.error })
      status.waitingFor = status.waitingFor.filter(waiting => waiting.step !== event.step)
      break
    case 'gate.opened':
      if (step) step.state = 'waiting'
      status.waitingFor.push({
        step: event.step, kind: 'gate', title: event.title, roles: event.roles, approvals: event.approvals, approved: 0, votes: [],
        deadlineAtMs: event.deadlineAtMs, effect: event.effect, risk: event.risk, onTimeout: event.onTimeout,
        command: `muster approve ${status.drillId} ${event.step}`,
      })
      break
    case 'task.opened':
      if (step) step.state = 'waiting'
      status.waitingFor.push({
        step: event.step, kind: 'task', title: event.instructions, roles: [event.role], approvals: 1, approved: 0, votes: [],
        deadlineAtMs: event.deadlineAtMs, command: `muster done ${status.drillId} ${event.step}`,
      })
      break
    case 'gate.escalated': update(status, event.step, waiting => { waiting.roles = [...waiting.roles, event.role]; waiting.deadlineAtMs = event.deadlineAtMs }); break
    case 'gate.decided':
      update(status, event.step, waiting => {
        waiting.votes.push({ name: voterText({ name: event.person.name, for: event.for }), answer: event.answer })
        if (event.answer === 'approve') waiting.approved++
      })
      break
    case 'people.asked': update(status, event.step, waiting => { waiting.canAnswer = answerersText(event) }); break
    case 'gate.overdue': update(status, event.step, waiting => { waiting.overdue = true }); break
    case 'gate.closed': status.waitingFor = status.waitingFor.filter(waiting => waiting.step !== event.step); break
    case 'task.confirmed': status.waitingFor = status.waitingFor.filter(waiting => waiting.step !== event.step); break
    case 'undo.owed': status.ledger.push({ entry: event.entry, title: event.title, byHand: event.byHand, state: 'owed' }); break
    case 'undo.started': ledgerLine(status, event.entry, { state: 'undoing' }); break
    case 'undo.finished':
      ledgerLine(status, event.entry, { state: event.state, summary: event.summary })
      // Undone after all, on somebody's second try.
      status.leftBehind = status.leftBehind.filter(left => left.entry !== event.entry)
      break
    case 'undo.leftBehind':
      ledgerLine(status, event.entry, { state: 'left-behind', summary: event.message })
      status.leftBehind = status.leftBehind.filter(left => left.entry !== event.entry)
      status.leftBehind.push({ entry: event.entry, title: event.title, byHand: event.byHand, message: event.message })
      break
    case 'lease.reverted': status.findings.push({ severity: 'critical', text: revertText(event), step: event.step }); break
    case 'probe.ended':
      if (event.observation.clockJumpMs !== undefined) status.findings.push({ severity: 'minor', text: jumpText(event.observation.clockJumpMs) })
      break
    case 'finding.raised': status.findings.push({ severity: event.severity, text: event.text, step: event.step }); break
    case 'drill.ended':
      Object.assign(status, { phase: 'ended', verdict: event.verdict, why: event.why, endedAtMs: event.atMs, waitingFor: [] })
      break
    default:
  }
}

function update (status: DrillStatus, step: string, change: (waiting: Waiting) => void): void {
  const waiting = status.waitingFor.find(waiting => waiting.step === step)
  if (waiting) change(waiting)
}

function ledgerLine (status: DrillStatus, entry: string, change: Partial<LedgerLine>): void {
  const line = status.ledger.find(line => line.entry === entry)
  if (line) Object.assign(line, change)
}

/** How the clock stands against the objective: colour is up to whoever draws. */
export function clockLevel (elapsedMs: number, objectives: Partial<Objectives>): 'good' | 'near' | 'over' {
  if (objectives.rto === undefined) return 'good'
  const share = elapsedMs / durationMs(objectives.rto)
  return share > 1 ? 'over' : share >= 0.8 ? 'near' : 'good'
}
