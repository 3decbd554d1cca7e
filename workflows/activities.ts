import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow'
import { actionCatalog, type ActionInputs, type ActionName, type ActionResult, type ActivityContextInput, type UndoResult } from '../src/drill/actions.js'
import { checkCatalog, type CheckInputs, type CheckName, type CheckResult } from '../src/drill/checks.js'
import { durationMs } from '../src/drill/duration.js'
import type { LoadSummary } from '../src/drill/load.js'
import type { SuiteSummary } from '../src/drill/suite.js'
import type { Activities, CheckCall, LoadCall, MergeCall, ShardCall, SuiteCall } from '../activities/index.js'

/** A worker that died is noticed after this; running activities heartbeat more often, by themselves. */
const heartbeatTimeout = '5s'

/** Shown in Temporal's UI; longer ones are cut there. */
const summaryLength = 200

type Call<Input, Result> = (input: Input) => Promise<Result>
type ActionCall = ActivityContextInput<ActionInputs[ActionName]>

/** How long an undo is retried: a time in ms, or a number of tries. */
export interface UndoLimit { withinMs?: number, tries?: number }

/** What Muster needs for itself, on the drill's own task queue. */
export const { record } = proxyActivities<Pick<Activities, 'record'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
  summary: 'record the timeline',
})

export const { holder } = proxyActivities<Pick<Activities, 'holder'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumAttempts: 3 },
  summary: 'who holds the environment',
})

/** Who can be asked is good to know, and never a reason to wait. */
export const { answerers } = proxyActivities<Pick<Activities, 'answerers'>>({
  startToCloseTimeout: '5s',
  scheduleToCloseTimeout: '20s',
  retry: { initialInterval: '500ms', maximumAttempts: 3 },
  summary: 'who can answer now',
})

/** What reaches into an environment runs on that environment's task queue: a worker sits in the network that it works on. */
export function activitiesIn (taskQueue: string | undefined) {
  const { preflight } = proxyActivities<Pick<Activities, 'preflight'>>({
    taskQueue,
    startToCloseTimeout: '60s',
    heartbeatTimeout,
    retry: { initialInterval: '200ms', maximumAttempts: 3 },
    summary: 'may this drill start?',
  })

  /** Telling never stops a drill for long. */
  const { notify } = proxyActivities<Pick<Activities, 'notify'>>({
    taskQueue,
    startToCloseTimeout: '10s',
    scheduleToCloseTimeout: '30s',
    retry: { initialInterval: '500ms' },
    summary: 'tell people',
  })

  /** Lives as long as the drill. After a worker's death another attempt goes on, and says how long it was blind. */
  const { observe } = proxyActivities<Pick<Activities, 'observe'>>({
    taskQueue,
    startToCloseTimeout: '30d',
    heartbeatTimeout,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '100ms', maximumInterval: '1s' },
    summary: 'watch from outside',
  })

  /** Renews leases for as long as the drill runs. */
  const { keep } = proxyActivities<Pick<Activities, 'keep'>>({
    taskQueue,
    startToCloseTimeout: '30d',
    heartbeatTimeout,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { initialInterval: '100ms', maximumInterval: '1s' },
    summary: 'keep the leases',
  })

  /** An undo must never run beside the action that it undoes: a cancelled action is waited for. */
  const acting: ActivityOptions = { taskQueue, heartbeatTimeout, cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED }

  const act = async (action: ActionName, input: ActionCall, timeout?: string): Promise<ActionResult> => {
    const facts = actionCatalog[action]
    const call = proxyActivities<Activities>({
      ...acting,
      startToCloseTimeout: timeout ?? facts.timeout,
      retry: { initialInterval: '200ms', maximumAttempts: 3 },
      summary: facts.title(input.with as never).slice(0, summaryLength),
    })[action] as Call<ActionCall, ActionResult>
    return await call(input)
  }

  /** Retried until its own verification passes, or to a limit. */
  const undo = async (action: ActionName, input: ActionCall, { withinMs, tries }: UndoLimit): Promise<UndoResult> => {
    const facts = actionCatalog[action]
    const call = proxyActivities<Activities>({
      ...acting,
      startToCloseTimeout: facts.undoTimeout,
      scheduleToCloseTimeout: withinMs,
      retry: { initialInterval: '250ms', maximumInterval: '5s', maximumAttempts: tries },
      summary: `undo: ${facts.undoTitle(input.with as never)}`.slice(0, summaryLength),
    })[`${action}.undo`] as Call<ActionCall, UndoResult>
    return await call(input)
  }

  const ask = async (check: CheckName, input: CheckCall<CheckInputs[CheckName]>): Promise<CheckResult> => {
    const facts = checkCatalog[check]
    const call = proxyActivities<Activities>({
      ...acting,
      startToCloseTimeout: durationMs(facts.timeout) + (input.withinMs ?? 0),
      retry: { initialInterval: '200ms', maximumAttempts: 3 },
      summary: facts.title(input.with as never).slice(0, summaryLength),
    })[`check.${check}`] as Call<typeof input, CheckResult>
    return await call(input)
  }

  const loading = (summary: string) => proxyActivities<Pick<Activities, 'load.run' | 'load.shard'>>({
    ...acting,
    startToCloseTimeout: '25h',
    // Another try beside a generator that is only cut off would double the load.
    retry: { maximumAttempts: 1 },
    summary: summary.slice(0, summaryLength),
  })

  const load = async (input: LoadCall): Promise<LoadSummary> => await loading(`load: ${input.scenario.title}`)['load.run'](input)

  const shard = async (input: ShardCall): Promise<{ ended: boolean }> => await loading(`load, shard ${input.shard.index + 1} of ${input.shard.of}: ${input.scenario.title}`)['load.shard'](input)

  const merge = async (input: MergeCall): Promise<LoadSummary> => {
    const call = proxyActivities<Pick<Activities, 'load.merge'>>({
      ...acting, startToCloseTimeout: '60s', retry: { initialInterval: '500ms', maximumAttempts: 5 }, summary: 'load: add up the shards',
    })
    return await call['load.merge'](input)
  }

  const suite = async (input: SuiteCall): Promise<SuiteSummary> => {
    const call = proxyActivities<Pick<Activities, 'suite.run'>>({
      ...acting,
      startToCloseTimeout: '30m',
      retry: { initialInterval: '500ms', maximumAttempts: 2 },
      summary: `suite: ${input.suite.title}`.slice(0, summaryLength),
    })
    return await call['suite.run'](input)
  }

  return { preflight, notify, observe, keep, act, undo, ask, load, shard, merge, suite }
}
