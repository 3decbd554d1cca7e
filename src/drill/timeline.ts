import type { CheckOutcome } from './checks.js'
import type { Objectives, Tier } from './environment.js'
import type { Loss } from './loss.js'
import type { Observation } from './observation.js'
import type { Absent, Answerer } from './on-call.js'
import type { Door, Role, Seat } from './people.js'
import type { LoadSummary } from './load.js'
import type { DetectionSource, StepKind } from './runbook.js'
import type { SuiteSummary } from './suite.js'
import type { Verdict } from './verdict.js'

/**
 * One event of a drill. Status, card, CLI view and report are pure folds over the list of them. The workflow numbers them from
 * 1 without a gap; `atMs` is its clock (epoch ms). Times measured elsewhere have names of their own (`firstFailedAtMs`).
 */
export type DrillEvent = { seq: number, atMs: number } & EventBody

export type EventBody =
  | { type: 'drill.started', drillId: string, parent?: string, runbook: string, runbookTitle: string, runbookType: string, runbookHash: string, environment: string, tier: Tier, commander: { id: string, name: string }, taskQueue?: string, undoDeadlineMs?: number, params: Record<string, unknown>, objectives: Partial<Objectives>, synchronous?: boolean, steps: PlannedStep[] }
  | { type: 'drill.refused', reasons: Refusal[] }
  | { type: 'drill.admitted' }
  | { type: 'phase.changed', phase: Phase }
  | { type: 'step.started', step: string }
  | { type: 'step.skipped', step: string, reason: string }
  | { type: 'step.finished', step: string, outcome: StepOutcome, summary: string, attempts?: number, expected?: string, output?: Record<string, unknown>, error?: { code: string, message: string } }
  | { type: 'fault.struck', step: string, faultAtMs: number }
  | { type: 'gate.opened', step: string, title: string, effect: string, risk?: string, roles: Role[], approvals: number, deadlineAtMs: number, onTimeout: string }
  | { type: 'people.asked', step: string, can: Answerer[], away: Absent[] }
  | { type: 'gate.reminded', step: string, leftMs: number }
  | { type: 'gate.escalated', step: string, role: Role, deadlineAtMs: number }
  | { type: 'gate.overdue', step: string }
  | { type: 'gate.decided', step: string, person: { id: string, name: string }, for?: Seat, answer: 'approve' | 'reject', reason?: string, door: Door, verified: boolean }
  | { type: 'gate.closed', step: string, outcome: 'approved' | 'rejected' | 'timeout' | 'aborted' }
  | { type: 'task.opened', step: string, instructions: string, role: Role, deadlineAtMs: number }
  | { type: 'task.confirmed', step: string, person: { id: string, name: string }, note?: string, door: Door }
  | { type: 'probe.down', target: string, firstFailedAtMs: number, confirmedAtMs: number, error: string }
  | { type: 'probe.up', target: string, firstGoodAtMs: number, confirmedAtMs: number }
  | { type: 'probe.ended', observation: Observation }
  | { type: 'probe.lost', message: string }
  | { type: 'alert.arrived', name: string, state: 'firing' | 'resolved', arrivedAtMs: number, startsAtMs?: number, summary?: string }
  | { type: 'outage.declared', person: { id: string, name: string }, door: Door, note?: string }
  | { type: 'outage.detected', source: DetectionSource, detectedAtMs: number, by: string }
  | { type: 'check.answered', step: string, check: string, outcome: CheckOutcome, observed: string, expected: string, signOff?: boolean, provesEffect?: boolean, loss?: Loss }
  | { type: 'load.measured', step: string, load: LoadSummary }
  | { type: 'suite.answered', step: string, suite: SuiteSummary }
  | { type: 'undo.owed', entry: string, action?: string, with?: Record<string, unknown>, title: string, byHand: string }
  | { type: 'undo.asked', reason: string }
  | { type: 'undo.started', entry: string }
  | { type: 'undo.finished', entry: string, state: 'already' | 'undone', summary: string }
  | { type: 'undo.leftBehind', entry: string, title: string, byHand: string, message: string }
  | { type: 'lease.reverted', step: string, revertedAtMs: number, reason: string, summary: string }
  | { type: 'notice.sent', step: string, channels: string[], message: string, failed: string[] }
  | { type: 'note.added', person: { id: string, name: string }, text: string, door: Door }
  | { type: 'message.refused', code: string, message: string, claimed: string, door: Door }
  | { type: 'abort.requested', person: { id: string, name: string }, reason: string, door: Door }
  | { type: 'finding.raised', severity: Severity, text: string, step?: string }
  | { type: 'drill.ended', verdict: Verdict, why: string }

export type EventType = EventBody['type']
export type Severity = 'critical' | 'major' | 'minor'
export type Phase = 'admission' | 'running' | 'waiting' | 'unwinding' | 'ended'
export type StepOutcome = 'passed' | 'failed' | 'finding' | 'aborted'

export interface PlannedStep { id: string, kind: StepKind, title: string, expectedMs?: number, parent?: string }

export interface Refusal { code: string, message: string }

/** An event of one type. */
export type EventOf<T extends EventType> = Extract<DrillEvent, { type: T }>

/** One sentence of what the watchdog did. */
export function revertText ({ step, reason, summary }: Pick<EventOf<'lease.reverted'>, 'step' | 'reason' | 'summary'>): string {
  return `the watchdog reverted the fault of step "${step}" (${reason}): ${summary}`
}
