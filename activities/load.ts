import { createHash } from 'node:crypto'
import type { Earlier } from '../src/drill/baseline.js'
import { loadSummary, type LoadLive, type LoadSummary } from '../src/drill/load.js'
import type { Progress } from '../src/drill/progress.js'
import { liveText } from '../src/load/report/text.js'
import type { LoadOrder } from '../src/load/prepare.js'
import { runLoad } from '../src/load/run.js'
import type { StepContext } from './action.js'
import type { Results } from './results.js'

/** A load as a drill orders it. */
export interface LoadCall extends Omit<LoadOrder, 'runId' | 'drillId'> { drillId: string, stepId: string }

export interface LoadDeps {
  results: Results
  earlierRuns: (of: { scenario: string, target: string, configHash: string }) => Promise<Earlier>
  /** Tells the drill that all users of a load that it holds are there. */
  sendLoadUp: (drillId: string, step: string) => Promise<void>
}

/** A cancel travels on a heartbeat's answer: this bounds how late the generators hear of it, ms. */
const beatMs = 300

/**
 * Makes a load and judges it. A cancel ends the generators within a second; what they measured by then is kept. The whole result goes to the
 * store, the drill hears the figures.
 */
export async function runLoadStep (call: LoadCall, context: StepContext, { results, earlierRuns, sendLoadUp }: LoadDeps): Promise<LoadSummary> {
  const { drillId, stepId, ...order } = call
  const { scenario, overrides, isHeld } = call
  const firstUsers = Math.min(overrides?.users ?? scenario.users, scenario.levels?.users ?? Infinity)
  const beat = setInterval(() => { context.heartbeat() }, beatMs)
  let isUp = false
  const onLive = (live: LoadLive): void => {
    context.heartbeat({ step: stepId, text: liveText(live), figures: live } satisfies Progress)
    if (isHeld !== true || isUp || live.users < firstUsers) return
    isUp = true
    sendLoadUp(drillId, stepId).catch((error: unknown) => {
      isUp = false
      context.log('the drill could not be told yet that the load is up', { error: String(error) })
    })
  }
  try {
    const result = await runLoad({ ...order, drillId, runId: runIdOf('load', drillId, stepId) }, { secret: context.secret, signal: context.signal, onLive, earlier: earlierRuns })
    const stored = await results.keep({ kind: 'load', drillId, step: stepId, result })
    return loadSummary(result, stored)
  } finally {
    clearInterval(beat)
  }
}

/** Short, for it becomes part of what synthetic users are called; the same for the same step, so that a result is kept once. */
export function runIdOf (kind: 'load' | 'smoke', drillId: string, stepId: string): string {
  return `${kind}-${createHash('sha256').update(`${drillId}\n${stepId}`).digest('hex').slice(0, 12)}`
}
