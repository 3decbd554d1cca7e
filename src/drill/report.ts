import type { CheckOutcome } from './checks.js'
import type { RecoveryClock } from './clock.js'
import type { Felt } from './felt.js'
import type { LoadPoint, LoadSummary, Percentiles } from './load.js'
import type { Loss } from './loss.js'
import type { Observation, ProbeSample } from './observation.js'
import type { DrillStatus } from './status.js'
import type { SmokeOutcome, SuiteSummary } from './suite.js'
import type { DrillEvent } from './timeline.js'
import type { Judgement } from './verdict.js'
import type { WholeResult } from './whole-result.js'

/** What a report is made from. */
export interface ReportFacts {
  /** Every event of a drill that has ended. */
  events: DrillEvent[]
  samples: ProbeSample[]
  earlier: DrillReport['earlier']
  /** Whole results of steps that measure, as far as the store has them. */
  results?: WholeResult[]
  /** Absent where the store did not answer and the workflow gave the events. */
  chainHead?: string
}

/** The whole report as one object: canonical JSON, and what Markdown and HTML are drawn from. Its JSON Schema is published. */
export interface DrillReport {
  /** Version of this shape. */
  schema: 1
  notice: 'THIS IS A DRILL'
  drill: Pick<DrillStatus, 'drillId' | 'runbook' | 'runbookTitle' | 'runbookHash' | 'environment' | 'tier' | 'commander' | 'startedAtMs' | 'endedAtMs'> & { type: string, params: Record<string, unknown>, musterVersion: string, approvers: string[] }
  judgement: Judgement
  leftBehind: DrillStatus['leftBehind']
  objectives: ObjectiveLine[]
  clock: RecoveryClock
  loss?: Loss
  steps: DrillStatus['steps']
  /** Spans for the Gantt: waiting for people is hatched. */
  gantt: Array<{ step: string, title: string, fromMs: number, toMs: number, kind: 'work' | 'waiting' | 'undo' | 'outage' }>
  decisions: Array<{ step: string, person: string, personId: string, answer: 'approve' | 'reject', reason?: string, door: string, verified: boolean, atMs: number, stoodMs: number }>
  checks: Array<{ step: string, check: string, outcome: CheckOutcome, observed: string, expected: string, atMs: number }>
  /** Absent where the drill had no such steps, as the next. */
  loads?: LoadSection[]
  suites?: SuiteSection[]
  undo: DrillStatus['ledger']
  findings: DrillStatus['findings']
  notes: Array<{ atMs: number, person: string, text: string }>
  observation?: Observation
  /** Downsampled, for the chart. */
  samples: ProbeSample[]
  /** Earlier drills of the same runbook and environment, newest first, at most three. */
  earlier: Array<{ drillId: string, startedAtMs: number, verdict: string, rtaTechnicalMs?: number, slowestStep?: { id: string, ms: number } }>
  timeline: DrillEvent[]
  /** Hash of the last event's row in the store's chain: covers every one before. */
  chainHead?: string
  /** SHA-256 over the canonical JSON of everything above, hex. */
  digest: string
}

/** A load of the drill. What only the whole result knows is absent where the store does not have it (yet). */
export interface LoadSection {
  step: string
  load: LoadSummary
  response?: Percentiles
  expectations?: Array<{ text: string, why: string, kept: boolean }>
  /** Against earlier runs, in words. */
  baseline?: string
  /** Of the outage that the probe saw. */
  felt?: Felt
  failures?: Array<{ failure: string, count: number }>
  /** Requests over a second. */
  slow?: number
  /** Lowest, mean and highest of what was measured of the target. */
  resources?: Array<{ name: string, unit: string, min: number, mean: number, max: number }>
  /** Second by second, `atMs` in epoch ms; of long loads thinned, no peak is averaged away. */
  points?: LoadPoint[]
}

/** A smoke suite of the drill. */
export interface SuiteSection {
  step: string
  suite: SuiteSummary
  checks?: Array<{ id: string, title: string, outcome: SmokeOutcome, observed: string, expected: string, ms: number }>
}

/** One line of the objectives table. `achieved` and `margin` are text with units; `met` is undefined where it was not measured. */
export interface ObjectiveLine { objective: string, target: string, achieved: string, margin?: string, met?: boolean }
