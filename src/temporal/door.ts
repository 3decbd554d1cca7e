import type { Decision } from '../drill/decide.js'
import type { Admission, DrillInput } from '../drill/input.js'
import type { UndoInput } from '../drill/owed.js'
import type { Progress } from '../drill/progress.js'
import type { DrillStatus } from '../drill/status.js'
import type { DrillEvent, Refusal } from '../drill/timeline.js'
import type { HaltDoor } from './halts.js'
import type { WorkflowState } from './orphans.js'
import type { Abort, AlertMessage, Confirmation, Declaration, Note } from '../../workflows/messages.js'

/**
 * Everything that the API says to Temporal. Every call has a deadline and throws a DrillError: `drill.unknown`, `drill.over`,
 * `gate.*`, `decision.*`, `environment.held`, `preflight.refused`, `temporal.timeout` (no worker answered; the message may still
 * be carried out), `temporal.down`.
 */
export interface TemporalDoor extends HaltDoor {
  /**
   * Starts a drill and waits for its admission. A refused one has touched nothing. Throws `environment.held` (naming the
   * holder) or `preflight.refused` (details: Refusal[]), and `temporal.timeout` where no worker answers: the drill then waits for one.
   * The same drillId again (a retried request) hears what the first one heard.
   */
  start: (input: DrillInput) => Promise<Admission>
  /** Preflight alone: what would refuse a start now. Read-only. */
  preflight: (input: DrillInput) => Promise<Refusal[]>
  decide: (drillId: string, decision: Decision) => Promise<{ outcome: 'approved' | 'rejected' | 'undecided', missing: number }>
  confirm: (drillId: string, confirmation: Confirmation) => Promise<{ outcome: 'confirmed' }>
  abort: (drillId: string, message: Abort) => Promise<{ outcome: 'aborting' | 'already' }>
  /** The same key again is the same note, counted once. */
  note: (drillId: string, message: Note, key?: string) => Promise<{ seq: number }>
  declare: (drillId: string, message: Declaration) => Promise<{ outcome: 'declared' | 'already' }>
  /** Tells the drill that holds the environment; returns its id, or undefined where none runs there. */
  alert: (environment: string, message: AlertMessage) => Promise<string | undefined>
  status: (drillId: string) => Promise<DrillStatus>
  timeline: (drillId: string, after: number) => Promise<DrillEvent[]>
  /** How far the steps are that take long: what their activities said last. */
  progress: (drillId: string) => Promise<Progress[]>
  /** The drill that holds an environment now. */
  holder: (environment: string) => Promise<{ drillId: string, summary: string } | undefined>
  /** Whether a drill's workflow runs, is over, or is nothing that Temporal knows. Throws `temporal.down`. */
  stateOf: (drillId: string) => Promise<WorkflowState>
  /** Undoes what a drill owes whose workflow cannot any more; `already` where that is under way. */
  undo: (input: UndoInput) => Promise<{ outcome: 'undoing' | 'already' }>
  /** Throws `temporal.down` where Temporal does not answer. */
  ping: () => Promise<void>
}
