import type { ActionInputs, ActionName, ActionResult } from '../src/drill/actions.js'
import type { CheckInputs, CheckName, CheckResult } from '../src/drill/checks.js'

/** What an action may use beside its input. Narrow on purpose: no client, no store, so that a step cannot reach past its target. */
export interface StepContext {
  drillId: string
  stepId: string
  /** Aborted when the drill is cancelled: give it to every wait, request and child process. */
  signal: AbortSignal
  /** Says that the step is alive; what it says is there for the next attempt as `previous`. */
  heartbeat: (details?: unknown) => void
  /** Last heartbeat details of an earlier attempt of the same step, if there was one. */
  previous: unknown
  /** The value behind `env:NAME` or `file:PATH`; throws `secret.missing`. Never log or return it. */
  secret: (ref: string) => Promise<string>
  log: (message: string, fields?: Record<string, unknown>) => void
}

/**
 * One thing that a step can do, with its undo beside it. Every function can run twice, and after a half run of itself: it looks at
 * the living system first. `undo` that finds the thing gone has succeeded.
 */
export interface Action<Input> {
  /** Looks only, before the drill starts: throws why it could not be done here. */
  able?: (input: Input, context: StepContext) => Promise<void>
  do: (input: Input, context: StepContext) => Promise<ActionResult>
  /** Looks only. `undone` is true when the system is as it was, as far as this action is concerned; `summary` says what was seen. */
  verify: (input: Input, context: StepContext) => Promise<{ undone: boolean, summary: string }>
  /** Brings it back; one line of what was done. Its success is believed only when `verify` says so. */
  undo: (input: Input, context: StepContext) => Promise<string>
}

export type Actions = { [A in ActionName]: Action<ActionInputs[A]> }

/** Answers `pass`, `fail` or `blind` (could not be asked); it throws only for a mistake of our own. */
export type Check<Input> = (input: Input, context: StepContext) => Promise<CheckResult>
export type Checks = { [C in CheckName]: Check<CheckInputs[C]> }
