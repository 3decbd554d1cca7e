import type { BaselineResult, LoadResult } from './load.js'
import { durationText } from './duration.js'

/** An accepted run of the same scenario against the same target in the same configuration. */
export interface ReferenceRun { runId: string, p95Ms: number }

/** What a run may be held against: the newest accepted runs first, and whether there are runs of another configuration. */
export interface Earlier { runs: readonly ReferenceRun[], otherConfigurations: number }

/** So many accepted runs are looked back on. */
export const runsCompared = 5
/** A regression is worse by more than both. */
const shareBeyond = 0.1
const msBeyond = 5

/**
 * Holds a run's p95 against those of the last accepted runs: worse is more than a tenth *and* more than 5 ms above their median *and*
 * above all of them; better likewise. Runs of another configuration are never among them.
 * @param refusal why this run is compared with nothing, if it is not
 */
export function compareRun ({ p95Ms, refusal }: { p95Ms?: number, refusal?: string }, earlier: Earlier): BaselineResult {
  const runs = earlier.runs.slice(0, runsCompared)
  if (refusal !== undefined) return { outcome: 'not-compared', why: `not compared with earlier runs: ${refusal}`, runs: [] }
  if (p95Ms === undefined) return { outcome: 'not-compared', why: 'not compared with earlier runs: nothing was answered', runs: [] }
  if (runs.length === 0) {
    const others = earlier.otherConfigurations === 0 ? '' : `; ${earlier.otherConfigurations} earlier ${earlier.otherConfigurations === 1 ? 'one is' : 'ones are'} of another configuration, and not compared`
    return { outcome: 'first', why: `no run of this configuration against this target was accepted before: there is nothing to compare it with${others}`, runs: [] }
  }
  const sorted = runs.map(run => run.p95Ms).sort((one, other) => one - other)
  const median = (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2
  const text = `P95 ${durationText(p95Ms)} against ${durationText(median)}, the median of ${runs.length === 1 ? 'the last accepted run' : `the last ${runs.length} accepted runs`} (${durationText(sorted[0]!)} to ${durationText(sorted.at(-1)!)})`
  const isBeyond = (worse: number, good: number): boolean => worse > good * (1 + shareBeyond) && worse - good > msBeyond
  if (isBeyond(p95Ms, median) && p95Ms > sorted.at(-1)!) return { outcome: 'worse', why: `slower than before: ${text}`, runs: [...runs] }
  if (isBeyond(median, p95Ms) && p95Ms < sorted[0]!) return { outcome: 'better', why: `faster than before: ${text}`, runs: [...runs] }
  return { outcome: 'same', why: `as before: ${text}`, runs: [...runs] }
}

/** Whether later runs may be compared with this one: whole, undisturbed, and good. */
export function isReference (result: LoadResult): boolean {
  return result.verdict.startsWith('passed') && refusalOf(result) === undefined && result.total.responseMs !== undefined
}

/** Why a run can be compared with no other, if it cannot. */
export function refusalOf ({ scale, isHeld, durationMs, plannedDurationMs }: Pick<LoadResult, 'scale' | 'isHeld' | 'durationMs' | 'plannedDurationMs'>): string | undefined {
  if (isHeld === true) return 'it was held on the system while other steps ran'
  if (scale !== undefined) return 'it was shortened'
  // The last second of a run may be counted in part.
  if (durationMs < plannedDurationMs - 1500) return 'it ended before its time'
  return undefined
}
