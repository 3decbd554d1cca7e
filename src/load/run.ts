import type { LoadLive, LoadResult } from '../drill/load.js'
import { checkPlan } from './check.js'
import { measureLoad } from './measure.js'
import { preparePlan, type LoadOrder } from './prepare.js'
import { resourcesOf } from './resources.js'
import { resultOf } from './result.js'
import { leaksOf } from './leaks.js'

export interface RunDeps {
  /** The value behind `env:NAME` or `file:PATH`. */
  secret: (ref: string) => Promise<string>
  signal?: AbortSignal
  /** Once a second. */
  onLive?: (live: LoadLive) => void
}

/**
 * One run from its order to its result: checked, made, measured, judged. Needs neither Temporal nor a store.
 * @throws DrillError `load.refused`, `secret.missing`, `load.failed`; what the target does is never thrown
 */
export async function runLoad (order: LoadOrder, { secret, ...options }: RunDeps): Promise<LoadResult> {
  const plan = await preparePlan(order, secret)
  checkPlan(plan, order.environment, order)
  const run = await measureLoad(plan, options)
  const resources = await resourcesOf(order.environment, run.measured)
  return resultOf(plan, run, { resources, leaks: leaksOf(plan, run.measured, resources) })
}
