import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow'
import { actionCatalog, type ActionInputs, type ActionName, type ActionResult, type ActivityContextInput, type UndoResult } from '../src/drill/actions.js'
import { checkCatalog, type CheckInputs, type CheckName, type CheckResult } from '../src/drill/checks.js'
import { durationMs } from '../src/drill/duration.js'
import type { Activities } from '../activities/index.js'

/** A worker that died is noticed after this; running activities heartbeat four times as often by themselves. */
const heartbeatTimeout = '5s'

/** Recording and telling never change the system under drill: they are tried until they succeed. */
export const activities = {
  recording: proxyActivities<Pick<Activities, 'record'>>({
    startToCloseTimeout: '10s',
    retry: { initialInterval: '200ms', maximumInterval: '5s' },
    summary: 'record the timeline',
  }),
  asking: proxyActivities<Pick<Activities, 'preflight' | 'holder'>>({
    startToCloseTimeout: '60s',
    heartbeatTimeout,
    retry: { initialInterval: '200ms', maximumAttempts: 3 },
  }),
  telling: proxyActivities<Pick<Activities, 'notify'>>({
    startToCloseTimeout: '10s',
    scheduleToCloseTimeout: '30s',
    retry: { initialInterval: '500ms' },
  }),
  /** Lives as long as the drill. After a worker's death another attempt goes on, and says how long it was blind. */
  observing: proxyActivities<Pick<Activities, 'observe'>>({
    startToCloseTimeout: '30d',
    heartbeatTimeout,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '100ms', maximumInterval: '1s' },
    summary: 'watch from outside',
  }),
}

/** An undo must never run beside the action that it undoes: a cancelled action is waited for. */
const acting: ActivityOptions = {
  heartbeatTimeout,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}

type Call<Input, Result> = (input: Input) => Promise<Result>

export async function act (action: ActionName, input: ActivityContextInput<ActionInputs[ActionName]>, timeout?: string): Promise<ActionResult> {
  const facts = actionCatalog[action]
  const call = proxyActivities<Activities>({
    ...acting,
    startToCloseTimeout: timeout ?? facts.timeout,
    retry: { initialInterval: '200ms', maximumAttempts: 3 },
    summary: facts.title(input.with as never).slice(0, 200),
  })[action] as Call<typeof input, ActionResult>
  return await call(input)
}

/** Retried until its own verification passes or `deadlineMs` is over. */
export async function undo (action: ActionName, input: ActivityContextInput<ActionInputs[ActionName]>, deadlineMs: number): Promise<UndoResult> {
  const facts = actionCatalog[action]
  const call = proxyActivities<Activities>({
    ...acting,
    startToCloseTimeout: facts.undoTimeout,
    scheduleToCloseTimeout: deadlineMs,
    retry: { initialInterval: '250ms', maximumInterval: '5s' },
    summary: `undo: ${facts.undoTitle(input.with as never)}`.slice(0, 200),
  })[`${action}.undo`] as Call<typeof input, UndoResult>
  return await call(input)
}

export interface CheckCall extends ActivityContextInput<CheckInputs[CheckName]> {
  /** Asked again this often, ms, … */
  everyMs?: number
  /** … until it passes or this is over, ms. */
  withinMs?: number
}

export async function ask (check: CheckName, input: CheckCall): Promise<CheckResult> {
  const facts = checkCatalog[check]
  const call = proxyActivities<Activities>({
    ...acting,
    startToCloseTimeout: durationMs(facts.timeout) + (input.withinMs ?? 0),
    retry: { initialInterval: '200ms', maximumAttempts: 3 },
    summary: facts.title(input.with as never).slice(0, 200),
  })[`check.${check}`] as Call<CheckCall, CheckResult>
  return await call(input)
}
