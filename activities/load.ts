import { createHash } from 'node:crypto'
import { retrying } from '../src/control/until.js'
import type { Earlier } from '../src/drill/baseline.js'
import { loadSummary, type LoadLive, type LoadResult, type LoadSummary } from '../src/drill/load.js'
import type { Progress } from '../src/drill/progress.js'
import { readPart, writePart } from '../src/load/merge.js'
import type { LoadOrder } from '../src/load/prepare.js'
import { liveText } from '../src/load/report/text.js'
import { judgeShards, runLoad, runShard, type RunDeps } from '../src/load/run.js'
import type { StepContext } from './action.js'
import type { Results } from './results.js'

/** A load as a drill orders it. */
export interface LoadCall extends Omit<LoadOrder, 'runId' | 'drillId' | 'shard' | 'seed'> { drillId: string, stepId: string }
/** One of the workers' parts of it. */
export interface ShardCall extends LoadCall {
  shard: { index: number, of: number }
  /** The same for all, epoch ms. Absent where an older workflow asks: then it begins at once. */
  beginAtMs?: number
}
/** What the parts came to. */
export interface MergeCall extends LoadCall { shards: number }

export interface LoadDeps {
  results: Results
  earlierRuns: (of: { scenario: string, target: string, configHash: string }) => Promise<Earlier>
  /** Tells the drill that all users of a load that it holds are there, or those of one shard. */
  sendLoadUp: (drillId: string, step: string, shard: number) => Promise<void>
  /** Idempotent by run and shard. */
  saveShard: (runId: string, shard: number, part: string) => Promise<void>
  shardsOf: (runId: string) => Promise<string[]>
}

/** A cancel travels on a heartbeat's answer: this bounds how late the generators hear of it, ms. */
const beatMs = 300
/** How long a shard waits for the store, ms: without its part there is no whole. */
const patienceMs = 60_000

/**
 * Makes a load and judges it. A cancel ends the generators within a second; what they measured by then is kept. The whole result goes to the
 * store, the drill hears the figures.
 */
export async function runLoadStep (call: LoadCall, context: StepContext, deps: LoadDeps): Promise<LoadSummary> {
  const result = await making(call, context, deps, async options => await runLoad(orderOf(call), { ...options, earlier: deps.earlierRuns }))
  return await kept(call, result, deps)
}

/** Makes one worker's part of a load, and leaves what it measured in the store. */
export async function runShardStep (call: ShardCall, context: StepContext, deps: LoadDeps): Promise<{ ended: boolean }> {
  const part = await making(call, context, deps, async options => await runShard({ ...orderOf(call), shard: call.shard }, { ...options, beginAtMs: call.beginAtMs }))
  const text = writePart(part)
  await retrying(async () => { await deps.saveShard(runIdOf('load', call.drillId, call.stepId), call.shard.index, text) }, { everyMs: 1000, deadlineMs: patienceMs })
  return { ended: part.endedBy.length > 0 }
}

/** Adds the parts up and judges the whole, as if one worker had made it. */
export async function mergeShardsStep (call: MergeCall, context: StepContext, deps: LoadDeps): Promise<LoadSummary> {
  const parts = await deps.shardsOf(runIdOf('load', call.drillId, call.stepId))
  const result = await judgeShards({ ...orderOf(call), shards: call.shards }, parts.map(readPart), { secret: context.secret, earlier: deps.earlierRuns })
  return await kept(call, result, deps)
}

/** Heartbeats with live figures for as long as it takes, and says when the users are there. */
async function making<T> (call: LoadCall & Partial<ShardCall>, context: StepContext, { sendLoadUp }: LoadDeps, make: (options: RunDeps) => Promise<T>): Promise<T> {
  const { drillId, stepId, scenario, overrides, isHeld, shard = { index: 0, of: 1 } } = call
  const firstUsers = Math.floor(Math.min(overrides?.users ?? scenario.users, scenario.levels?.users ?? Infinity) / shard.of)
  const beat = setInterval(() => { context.heartbeat() }, beatMs)
  let isUp = false
  const onLive = (live: LoadLive): void => {
    const of = shard.of === 1 ? '' : `shard ${shard.index + 1} of ${shard.of}: `
    context.heartbeat({ step: stepId, text: of + liveText(live), figures: live } satisfies Progress)
    if (isHeld !== true || isUp || live.users < firstUsers) return
    isUp = true
    sendLoadUp(drillId, stepId, shard.index).catch((error: unknown) => {
      isUp = false
      context.log('the drill could not be told yet that the load is up', { error: String(error) })
    })
  }
  try {
    return await make({ secret: context.secret, signal: context.signal, onLive })
  } finally {
    clearInterval(beat)
  }
}

async function kept ({ drillId, stepId }: LoadCall, result: LoadResult, { results }: LoadDeps): Promise<LoadSummary> {
  return loadSummary(result, await results.keep({ kind: 'load', drillId, step: stepId, result }))
}

/** All shards deal the same users: they share a seed. */
function orderOf ({ drillId, stepId, ...order }: LoadCall): LoadOrder {
  const runId = runIdOf('load', drillId, stepId)
  return { ...order, drillId, runId, seed: Number.parseInt(runId.slice(-7), 16) }
}

/** Short, for it becomes part of what synthetic users are called; the same for the same step, so that a result is kept once. */
export function runIdOf (kind: 'load' | 'smoke', drillId: string, stepId: string): string {
  return `${kind}-${createHash('sha256').update(`${drillId}\n${stepId}`).digest('hex').slice(0, 12)}`
}
