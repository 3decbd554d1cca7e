import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs, durationText } from '../drill/duration.js'
import type { LevelResult, LoadLive, LoadThreshold } from '../drill/load.js'
import { Breaker } from './breaker.js'
import { monotonicMs } from './clock.js'
import { dealUsers } from './deal.js'
import { Gathering, type Measured } from './gathering.js'
import { Levels } from './levels.js'
import { requestsPerSecondOf, type GeneratorPlan, type LoadPlan } from './plan.js'
import { startThread, type GeneratorThread } from './thread.js'

export interface MeasureOptions {
  /** Ends the run within a second; what was measured by then is kept. */
  signal?: AbortSignal
  /** Once a second. */
  onLive?: (live: LoadLive) => void
  /** How many threads send. As many as the load needs, else. */
  generators?: number
  /** When it begins, epoch ms by this machine's clock: so that the shards of a load begin together. At once where that is over. */
  beginAtMs?: number
}

export interface MeasuredRun {
  measured: Measured
  /** Why it ended before its time, where somebody wanted it to. */
  cancelled?: string
  /** Thresholds that ended it, with the time, ms since its begin. */
  endedBy: ReadonlyMap<LoadThreshold, number>
  levels?: LevelResult[]
  /** Of a load in shards: how long after the first of them the last one began, by their clocks. */
  apartMs?: number
}

/** So that no user is late because the order to begin was on its way. */
const leadMs = 50
/** What one generator sends without effort, on a slow core. */
const requestsPerGenerator = 1500
/** Of a run that is ended early: requests under way may still end. */
const graceMs = 200

/**
 * Makes the load of a plan (which checkPlan() has let pass) and measures it; judging is another's. Threads send and time, this one
 * adds up.
 * @throws DrillError `load.failed` where a generator dies
 */
export async function measureLoad (plan: LoadPlan, { signal, onLive, generators, beginAtMs = 0 }: MeasureOptions = {}): Promise<MeasuredRun> {
  const { scenario } = plan
  const runMs = durationMs(scenario.runTime)
  const breaker = new Breaker(scenario.thresholds.filter(threshold => threshold.abortOnFail === true))
  const levels = scenario.levels === undefined ? undefined : new Levels(scenario)
  const threads: GeneratorThread[] = []
  const plans = generatorPlans(plan, generators)
  const gathering = new Gathering(plans.length, second => {
    const ends = breaker.look(gathering, second.toMs).length > 0
    const broke = levels?.second(gathering) === true
    if (ends || broke) stop()
    onLive?.(gathering.live(runMs))
  }, (plan.shard?.of ?? 1) > 1)
  let beginMs = monotonicMs()
  let cancelled: string | undefined
  const stop = (): void => { for (const thread of threads) thread.tell({ stop: graceMs }) }
  const abort = (): void => {
    cancelled = `it was ended by hand after ${durationText(Math.max(0, monotonicMs() - beginMs))}`
    stop()
  }
  signal?.addEventListener('abort', abort, { once: true })
  try {
    for (const one of plans) threads.push(startThread(one, window => { gathering.add(window) }))
    await Promise.all(threads.map(thread => thread.ready))
    await sleep(beginAtMs - Date.now() - leadMs, undefined, { signal }).catch(() => {})
    const inMs = Math.max(leadMs, beginAtMs - Date.now())
    beginMs = monotonicMs() + inMs
    const startedAtMs = Math.round(Date.now() + inMs)
    for (const thread of threads) thread.tell({ begin: beginMs })
    if (signal?.aborted) abort()
    await Promise.all(threads.map(thread => thread.ended))
    const lastMs = gathering.points.at(-1)?.atMs ?? 0
    if (levels !== undefined && !levels.isBroken) levels.close(lastMs)
    return { measured: gathering.measured(startedAtMs, Math.min(runMs, lastMs)), cancelled, endedBy: breaker.broken, levels: levels?.results }
  } finally {
    signal?.removeEventListener('abort', abort)
    await Promise.all(threads.map(thread => thread.kill()))
    levels?.destroy()
    gathering.destroy()
  }
}

function generatorPlans (plan: LoadPlan, given?: number): GeneratorPlan[] {
  const { scenario, target, shard = { index: 0, of: 1 } } = plan
  const seed = plan.seed ?? randomInt(2 ** 31)
  const url = new URL(target.url)
  const users = dealUsers(scenario, seed).filter(({ number }) => number % shard.of === shard.index)
  const generators = given ?? Math.max(1, Math.ceil(requestsPerSecondOf({ ...scenario, users: users.length }) / requestsPerGenerator))
  return Array.from({ length: generators }, (_, generator) => ({
    generator, seed,
    runId: plan.runId, behaviour: plan.behaviour, values: plan.values ?? {},
    origin: url.origin, basePath: url.pathname, ca: target.ca,
    headers: { 'user-agent': 'muster-load', ...target.headers, 'x-muster-drill': plan.drillId ?? plan.runId },
    users: users.filter((_, index) => index % generators === generator),
    runMs: durationMs(scenario.runTime), everyMs: durationMs(scenario.every), jitter: scenario.jitter ?? 0, timeoutMs: durationMs(scenario.timeout),
    slowMs: 1000, maxBodyBytes: plan.maxBodyBytes ?? 8 * 1024 * 1024,
  }))
}
