import { durationMs } from '../drill/duration.js'
import type { LoadThreshold } from '../drill/load.js'
import { judgeThreshold } from '../drill/load-verdict.js'
import type { Gathering } from './gathering.js'
import { measure } from './tally.js'

const defaultWindowMs = 10_000
const defaultGraceMs = 10_000

/** Which thresholds end a run: the last seconds decide it, not the whole, which a good beginning would flatter. */
export class Breaker {
  readonly broken = new Map<LoadThreshold, number>()

  constructor (private readonly thresholds: readonly LoadThreshold[]) {}

  /** The thresholds that the last seconds have broken, now for the first time. @param atMs since the begin of the run */
  look (gathering: Gathering, atMs: number): LoadThreshold[] {
    return this.thresholds.filter(threshold => {
      const windowMs = durationOr(threshold.window, defaultWindowMs)
      if (this.broken.has(threshold) || atMs < Math.max(durationOr(threshold.grace, defaultGraceMs), windowMs)) return false
      const { tally, ...counts } = gathering.lately(windowMs)
      const { kept } = judgeThreshold(threshold, measure(threshold, tally, counts))
      tally.destroy()
      if (!kept) this.broken.set(threshold, atMs)
      return !kept
    })
  }
}

function durationOr (text: string | undefined, otherwiseMs: number): number {
  return text === undefined ? otherwiseMs : durationMs(text)
}
