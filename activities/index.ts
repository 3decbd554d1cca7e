import { ApplicationFailure, Context, type CancelledFailure } from '@temporalio/activity'
import type { ActionInputs, ActionName, ActionResult, ActivityContextInput, UndoResult } from '../src/drill/actions.js'
import type { CheckInputs, CheckName, CheckResult } from '../src/drill/checks.js'
import { DrillError, messageOf } from '../src/errors.js'
import type { Action, Actions, Check, StepContext } from './action.js'
import { createAbortDrills, type AbortDrillsDeps } from './abort-drills.js'
import { apiBreak, apiCrashLoop } from './api/break.js'
import { askUntil } from './ask.js'
import { copyPromote } from './backup/promote.js'
import { backupRestore } from './backup/restore.js'
import { backupTake } from './backup/take.js'
import { canariesPrepare } from './canaries.js'
import { createChecks } from './checks/index.js'
import { componentFreeze, componentKill } from './component.js'
import { diskFill } from './disk/fill.js'
import { haproxySwitch } from './haproxy.js'
import { createKeep, type KeepDeps } from './keep.js'
import { doLeased, undoLeased } from './leased.js'
import { linkBreak } from './link.js'
import { mergeShardsStep, runLoadStep, runShardStep, type LoadCall, type LoadDeps, type MergeCall, type ShardCall } from './load.js'
import { createNotify } from './notify.js'
import { createObserve, type ObserveDeps } from './observe/index.js'
import { postgresBreak } from './postgres/break.js'
import { postgresFence } from './postgres/fence.js'
import { postgresPromote } from './postgres/promote.js'
import { postgresRelease } from './postgres/release.js'
import { postgresTurnWal } from './postgres/turn-wal.js'
import { createPreflight, type PreflightDeps } from './preflight.js'
import { cacheBackup } from './restore/cache-backup.js'
import { cacheRestore } from './restore/cache-restore.js'
import { configurationOpen } from './restore/configuration-open.js'
import { configurationSeal } from './restore/configuration-seal.js'
import { filesBackup } from './restore/files-backup.js'
import { filesRestore } from './restore/files-restore.js'
import { rebuildCache } from './rebuild/cache.js'
import { rebuildConfigure } from './rebuild/configure.js'
import { rebuildDatabase } from './rebuild/database.js'
import { rebuildFiles } from './rebuild/files.js'
import { rebuildServices } from './rebuild/services.js'
import { rowsDamage } from './rows/damage.js'
import { rowsHandBack } from './rows/hand-back.js'
import { createRecord, type RecordDeps } from './record.js'
import { runSuiteStep, type SuiteCall } from './suite.js'
import { redisBreak, redisFence } from './redis/break.js'
import { redisFlush } from './redis/flush.js'
import { redisPromote, redisSwitch } from './redis/promote.js'
import { toxiproxyCut } from './toxiproxy.js'
import { createAnswerers } from './who-decides.js'

/** Everything that a step can do: name → implementation, complete by the compiler. */
export const actions: Actions = {
  'postgres.break': postgresBreak,
  'postgres.fence': postgresFence,
  'postgres.promote': postgresPromote,
  'postgres.release': postgresRelease,
  'postgres.turnWal': postgresTurnWal,
  'haproxy.switch': haproxySwitch,
  'api.break': apiBreak,
  'api.crashLoop': apiCrashLoop,
  'redis.break': redisBreak,
  'redis.flush': redisFlush,
  'redis.fence': redisFence,
  'redis.promote': redisPromote,
  'redis.switch': redisSwitch,
  'toxiproxy.cut': toxiproxyCut,
  'link.break': linkBreak,
  'disk.fill': diskFill,
  'component.kill': componentKill,
  'component.freeze': componentFreeze,
  'files.backup': filesBackup,
  'files.restore': filesRestore,
  'configuration.seal': configurationSeal,
  'configuration.open': configurationOpen,
  'cache.backup': cacheBackup,
  'cache.restore': cacheRestore,
  'backup.take': backupTake,
  'backup.restore': backupRestore,
  'copy.promote': copyPromote,
  'rebuild.configure': rebuildConfigure,
  'rebuild.database': rebuildDatabase,
  'rebuild.files': rebuildFiles,
  'rebuild.cache': rebuildCache,
  'rebuild.services': rebuildServices,
  'rows.damage': rowsDamage,
  'rows.handBack': rowsHandBack,
  'canaries.prepare': canariesPrepare,
}

export type { LoadCall, MergeCall, ShardCall } from './load.js'
export type { SuiteCall } from './suite.js'

export interface ActivityDeps extends RecordDeps, KeepDeps, AbortDrillsDeps, LoadDeps, Omit<PreflightDeps, 'checks' | 'actions' | 'context'>, Omit<ObserveDeps, keyof StepContext> {
  /** The drill that holds an environment now, asked of Temporal. */
  holder: (environment: string) => Promise<{ drillId: string, summary: string } | undefined>
  /** The value behind `env:NAME` or `file:PATH`. */
  secret: (ref: string) => Promise<string>
  log: (message: string, fields?: Record<string, unknown>) => void
}

export type Activities = ReturnType<typeof createActivities>

type DoActivities = { [A in ActionName]: (input: ActivityContextInput<ActionInputs[A]>) => Promise<ActionResult> }
type UndoActivities = { [A in ActionName as `${A}.undo`]: (input: ActivityContextInput<ActionInputs[A]>) => Promise<UndoResult> }
export interface CheckCall<Input> extends ActivityContextInput<Input> { everyMs?: number, withinMs?: number }
type CheckActivities = { [C in CheckName as `check.${C}`]: (input: CheckCall<CheckInputs[C]>) => Promise<CheckResult> }

/** The full list of capabilities of a worker. */
export function createActivities (deps: ActivityDeps) {
  const checks = createChecks(deps)
  return {
    ...named(Object.entries(actions), name => name, (action, name) => doing(deps, name as ActionName, action)) as DoActivities,
    ...named(Object.entries(actions), name => `${name}.undo`, (action, name) => undoing(deps, name as ActionName, action)) as UndoActivities,
    ...named(Object.entries(checks), name => `check.${name}`, check => asking(deps, check)) as CheckActivities,
    'load.run': async (call: LoadCall) => await asActivity(deps, call, async context => await runLoadStep(call, context, deps)),
    'load.shard': async (call: ShardCall) => await asActivity(deps, call, async context => await runShardStep(call, context, deps)),
    'load.merge': async (call: MergeCall) => await asActivity(deps, call, async context => await mergeShardsStep(call, context, deps)),
    'suite.run': async (call: SuiteCall) => await asActivity(deps, call, async context => await runSuiteStep({ ...call, attempt: Context.current().info.attempt }, context, deps)),
    record: createRecord(deps),
    answerers: createAnswerers(deps),
    preflight: createPreflight({ ...deps, checks, actions, context: (drillId, stepId) => contextOf(deps, drillId, stepId) }),
    notify: createNotify(deps),
    keep: createKeep(deps),
    abortDrills: createAbortDrills(deps),
    observe: createObserve(deps, (drillId, stepId) => contextOf(deps, drillId, stepId)),
    holder: async ({ environment }: { environment: string }) => await deps.holder(environment),
  }
}

function named<T, F> (entries: Array<[string, T]>, name: (name: string) => string, make: (value: T, key: string) => F): Record<string, F> {
  return Object.fromEntries(entries.map(([key, value]) => [name(key), make(value, key)]))
}

function doing (deps: ActivityDeps, name: ActionName, action: Action<never>) {
  return async (input: ActivityContextInput<never>): Promise<ActionResult> =>
    await asActivity(deps, input, async context => await doLeased(deps.leases, name, action, input, context))
}

function undoing (deps: ActivityDeps, name: ActionName, action: Action<never>) {
  return async (input: ActivityContextInput<never>): Promise<UndoResult> =>
    await asActivity(deps, input, async context => await undoLeased(deps.leases, name, action, input, context))
}

function asking (deps: ActivityDeps, check: Check<never>) {
  return async (input: CheckCall<never>): Promise<CheckResult> => await asActivity(deps, input, async context => await askUntil(check, input.with, context, input))
}

/** Heartbeats by a timer, so that a cancel arrives and a dead worker is noticed, whatever the step is busy with. */
async function asActivity<T> (deps: ActivityDeps, { drillId, stepId }: { drillId: string, stepId: string }, body: (context: StepContext) => Promise<T>): Promise<T> {
  const { context, stop } = contextOf(deps, drillId, stepId)
  try {
    return await body(context)
  } catch (error) {
    throw asFailure(error)
  } finally {
    stop()
  }
}

const heartbeatMs = 1000

function contextOf (deps: ActivityDeps, drillId: string, stepId: string): { context: StepContext, stop: () => void } {
  const activity = Context.current()
  let details: unknown = activity.info.heartbeatDetails
  const timer = setInterval(() => { activity.heartbeat(details) }, heartbeatMs)
  const context: StepContext = {
    drillId,
    stepId,
    signal: activity.cancellationSignal,
    heartbeat: given => {
      if (given !== undefined) details = given
      activity.heartbeat(details)
    },
    previous: activity.info.heartbeatDetails,
    secret: deps.secret,
    log: (message, fields) => { deps.log(message, { drillId, stepId, ...fields }) },
  }
  return { context, stop: () => { clearInterval(timer) } }
}

/** Codes cross Temporal as the failure's type; what no retry can mend is said to be so. A cancel stays what it is. */
function asFailure (error: unknown): ApplicationFailure | CancelledFailure {
  if (Context.current().cancellationSignal.aborted && !(error instanceof DrillError)) return error as CancelledFailure
  if (error instanceof DrillError) {
    return ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable: !error.retryable, cause: error.cause instanceof Error ? error.cause : undefined })
  }
  return ApplicationFailure.create({ message: messageOf(error), type: 'internal', cause: error instanceof Error ? error : undefined })
}
