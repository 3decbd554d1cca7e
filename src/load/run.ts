import type { Earlier } from '../drill/baseline.js'
import type { LoadLive, LoadResult } from '../drill/load.js'
import { DrillError, messageOf } from '../errors.js'
import { checkPlan } from './check.js'
import { mergeRuns, type ShardPart } from './merge.js'
import { measureLoad, type MeasuredRun } from './measure.js'
import type { LoadPlan } from './plan.js'
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
  /** When it begins, epoch ms; see measureLoad(). */
  beginAtMs?: number
  /** Accepted runs of a configuration against a target, where somebody keeps them. A failure to tell is no failure of the run. */
  earlier?: (of: { scenario: string, target: string, configHash: string }) => Promise<Earlier>
}

/**
 * One run from its order to its result: checked, made, measured, judged. Needs neither Temporal nor, without `earlier`, a store.
 * @throws DrillError `load.refused`, `secret.missing`, `load.failed`; what the target does is never thrown
 */
export async function runLoad (order: LoadOrder, { secret, earlier, ...options }: RunDeps): Promise<LoadResult> {
  const plan = await checkedPlan(order, secret)
  return await judged(order, plan, await measureLoad(plan, options), earlier)
}

/**
 * One shard of a run: its users alone, measured and not judged.
 * @throws as runLoad()
 */
export async function runShard (order: LoadOrder & { shard: { index: number, of: number } }, { secret, ...options }: Omit<RunDeps, 'earlier'>): Promise<ShardPart> {
  const plan = await checkedPlan(order, secret)
  if (plan.scenario.levels !== undefined) throw new DrillError('load.refused', `${plan.scenario.name} steps up, and each load is judged as a whole: it takes one shard`)
  const { measured, cancelled, endedBy } = await measureLoad(plan, options)
  return { measured, ...(cancelled === undefined ? {} : { cancelled }), endedBy: [...endedBy].map(([threshold, atMs]) => [plan.scenario.thresholds.indexOf(threshold), atMs]) }
}

/**
 * The result of a run from what its shards measured, as if one had made it.
 * @throws DrillError `load.failed` where parts are missing
 */
export async function judgeShards (order: LoadOrder & { shards: number }, parts: readonly ShardPart[], { secret, earlier }: Pick<RunDeps, 'secret' | 'earlier'>): Promise<LoadResult> {
  if (parts.length !== order.shards) throw new DrillError('load.failed', `${parts.length} of ${order.shards} shards have measured: there is no whole to judge`)
  const plan = await preparePlan(order, secret)
  return await judged(order, plan, mergeRuns(parts, plan.scenario.thresholds), earlier)
}

async function checkedPlan (order: LoadOrder, secret: RunDeps['secret']): Promise<LoadPlan> {
  const plan = await preparePlan(order, secret)
  checkPlan(plan, order.environment, order)
  return plan
}

async function judged (order: LoadOrder, plan: LoadPlan, run: MeasuredRun, earlier: RunDeps['earlier']): Promise<LoadResult> {
  const resources = await resourcesOf(order.environment, run.measured)
  const known = await earlier?.({ scenario: plan.scenario.name, target: new URL(plan.target.url).origin, configHash: configHash(plan) })
    .catch((error: unknown) => ({ blind: `earlier runs are not known: ${messageOf(error)}` }))
  return resultOf(plan, run, { resources, leaks: leaksOf(plan, run.measured, resources), earlier: known })
}
