import { Context } from '@temporalio/activity'
import { until } from '../src/control/until.js'
import { actionCatalog, type ActionName, type ActionResult, type ActivityContextInput, type UndoResult } from '../src/drill/actions.js'
import { DrillError } from '../src/errors.js'
import { deedText, type Acting, type Deed } from '../src/lease/acting.js'
import type { LeaseFolder } from '../src/lease/folder.js'
import type { Action, StepContext } from './action.js'
import { undoVerified } from './undo.js'

/** How long a watchdog has to take note of a lease, ms: it looks twenty times a second. */
const armMs = 5_000
const renewMs = 250
/** How long one try of an undo waits for who would act against it, ms: it says so then, and is tried again. */
const aloneMs = 2_000

/** Acts; a leased action only once the watchdog has its lease. */
export async function doLeased (leases: LeaseFolder, name: ActionName, action: Action<never>, input: ActivityContextInput<never>, context: StepContext): Promise<ActionResult> {
  const { drillId, stepId, leaseMs, mostMs } = input
  const acting = leases.act(deedOf(input))
  const lost = new AbortController()
  const signal = AbortSignal.any([context.signal, lost.signal])
  const stop = moving(leases, drillId, acting, () => { lost.abort(new DrillError('lease.lost', `step "${stepId}" was ended: the watchdog has taken over ${drillId}, and waited for it`)) })
  try {
    if (leaseMs !== undefined) {
      leases.hold({ drillId, stepId, action: name, with: input.with, leaseMs, mostMs, heldSinceMs: Date.now() })
      const armed = await until(() => leases.isArmed(drillId, stepId) || undefined, { everyMs: 5, deadlineMs: armMs, signal })
      if (!armed) {
        leases.release(drillId, stepId)
        throw new DrillError('watchdog.absent', `no watchdog took note of the lease of step "${stepId}" within ${armMs / 1000} s, so nothing was broken`)
      }
    }
    return await action.do(input.with, { ...context, signal })
  } catch (error) {
    lost.signal.throwIfAborted()
    throw error
  } finally {
    stop()
    acting.end()
  }
}

/**
 * Undoes, once the watchdog has finished what it may be at; tells what the watchdog did. What Temporal has given up may still be under
 * way here, a try of the step whose worker was silent for too long, or anything that a workflow asked for which was terminated: it is
 * waited for, and none begins any more.
 */
export async function undoLeased (leases: LeaseFolder, name: ActionName, action: Action<never>, input: ActivityContextInput<never>, context: StepContext): Promise<UndoResult> {
  const { drillId, stepId } = input
  await until(() => leases.reverting(drillId) === undefined || undefined, { everyMs: 50, deadlineMs: untilTimeout(), signal: context.signal })
  const acting = leases.act({ ...deedOf(input), undoes: true })
  const stop = moving(leases, drillId, acting)
  try {
    const alone = await until(() => acting.against().length === 0 || undefined, { everyMs: 50, deadlineMs: Math.min(aloneMs, leftMs() / 2), signal: context.signal })
    if (!alone) throw new DrillError('undo.unproven', `${acting.against().map(one => `process ${one.pid} is still at the ${deedText(one)}`).join(', ')}, and would act against this undo: end it`)
    const result = await undoVerified(action, input.with, context)
    leases.release(drillId, stepId)
    if (!actionCatalog[name].isLeased) return result
    const reverted = leases.revertsOf(drillId).find(one => one.stepId === stepId)
    return { ...result, ...reverted ? { reverted } : {}, ...leases.stateOf(drillId, stepId) === 'none' ? { leaseUnknown: true } : {} }
  } finally {
    stop()
    acting.end()
  }
}

/**
 * Renews and moves while the activity is at it, and for no longer than it may take: one that hangs lets the lease run out.
 * @param giveUp called once the watchdog has waited for this activity for as long as the lease that it has taken
 */
function moving (leases: LeaseFolder, drillId: string, acting: Acting, giveUp?: () => void): () => void {
  const end = performance.now() + untilTimeout()
  let takenAtMs: number | undefined
  const timer = setInterval(() => {
    const now = performance.now()
    if (now > end) return
    acting.move()
    leases.renew(drillId)
    const taken = leases.reverting(drillId)
    takenAtMs = taken && (takenAtMs ?? now)
    if (taken && now - takenAtMs! > taken.leaseMs) giveUp?.()
  }, renewMs)
  return () => { clearInterval(timer) }
}

function deedOf ({ drillId, stepId }: ActivityContextInput<never>): Deed {
  return { drillId, stepId, runId: Context.current().info.workflowExecution?.runId ?? '' }
}

function untilTimeout (): number {
  return Context.current().info.startToCloseTimeoutMs ?? 60_000
}

/** What is left of all tries together, ms: one that Temporal cuts off could not say why. */
function leftMs (): number {
  const { scheduledTimestampMs, scheduleToCloseTimeoutMs } = Context.current().info
  // 0: no limit.
  return scheduleToCloseTimeoutMs === 0 ? Infinity : Math.max(0, scheduledTimestampMs + scheduleToCloseTimeoutMs - Date.now())
}
