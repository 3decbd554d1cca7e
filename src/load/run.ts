import type { Earlier } from '../drill/baseline.js'
import type { LoadLive, LoadResult } from '../drill/load.js'
import { messageOf } from '../errors.js'
import { checkPlan } from './check.js'
import { measureLoad } from './measure.js'
import { preparePlan, type LoadOrder } from './prepare.js'
import { resourcesOf } from './resources.js'
import { configHash, resultOf } from './result.js'
import { leaksOf } from './leaks.js'

export interface RunDeps {
  /** The value behind `env:NAME` or `file:PATH`. */
  secret: (ref: string) => Promise<string>
  signal?: AbortSignal
  /** Once a second. */
  onLive?: (live: LoadLive) => void
  /** Accepted runs of a configuration against a target, where somebody keeps them. A failure to tell is no failure of the run. */
  earlier?: (of: { scenario: string, target: string, configHash: string }) => Promise<Earlier>
}

/**
 * One run from its order to its result: checked, made, measured, judged. Needs neither Temporal nor, without `earlier`, a store.
 * @throws DrillError `load.refused`, `secret.missing`, `load.failed`; what the target does is never thrown
 */
export async function runLoad (order: LoadOrder, { secret, earlier, ...options }: RunDeps): Promise<LoadResult> {
  const plan = await preparePlan(order, secret)
  checkPlan(plan, order.environment, order)
  const run = await measureLoad(plan, options)
  const resources = await resourcesOf(order.environment, run.measured)
  const known = await earlier?.({ scenario: plan.scenario.name, target: new URL(plan.target.url).origin, configHash: configHash(plan) })
    .catch((error: unknown) => ({ blind: `earlier runs are not known: ${messageOf(error)}` }))
  return resultOf(plan, run, { resources, leaks: leaksOf(plan, run.measured, resources), earlier: known })
}
