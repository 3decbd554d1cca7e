import { durationMs } from '../drill/duration.js'
import type { LevelResult, LoadScenario, LoadThreshold } from '../drill/load.js'
import { judgeThreshold, thresholdText } from '../drill/load-verdict.js'
import { Breaker } from './breaker.js'
import type { Gathering } from './gathering.js'
import { measure, Tally } from './tally.js'

/** Steps up, and judges each load on its own. */
export class Levels {
  readonly results: LevelResult[] = []
  private tally = new Tally()
  private counts = { planned: 0, missed: 0 }
  private fromMs = 0
  private breaker: Breaker
  private readonly everyMs: number
  private readonly thresholds: LoadThreshold[]

  constructor (private readonly scenario: LoadScenario) {
    this.everyMs = durationMs(scenario.levels!.every)
    // A level is judged by what it is all about; the first seconds of each belong to the ramp.
    this.thresholds = scenario.thresholds.map(threshold => ({ ...threshold, grace: '0s', window: '5s' }))
    this.breaker = new Breaker(this.thresholds)
  }

  get isBroken (): boolean { return this.results.some(level => level.broken.length > 0) }

  /** One second more. True: this load broke an expectation, so none above it is tried. */
  second (gathering: Gathering): boolean {
    const second = gathering.recent.at(-1)!
    this.tally.add(second.series)
    this.counts.planned += second.planned
    this.counts.missed += second.missed
    this.breaker.look(gathering, second.toMs)
    return second.toMs >= this.fromMs + this.everyMs && this.results.length + 1 < this.count ? this.close(second.toMs) : false
  }

  /** Ends the last one. */
  close (toMs: number): boolean {
    const seconds = (toMs - this.fromMs) / 1000
    const broken = this.thresholds.filter(threshold => !judgeThreshold(threshold, measure(threshold, this.tally, { seconds, ...this.counts })).kept)
    const { requests, errors, responseMs } = this.tally.figures()
    this.results.push({
      users: Math.min(this.scenario.users, (this.results.length + 1) * this.scenario.levels!.users),
      fromMs: this.fromMs,
      toMs,
      requestsPerSecond: Math.round(requests / seconds * 10) / 10,
      ...(responseMs === undefined ? {} : { p99Ms: responseMs.p99 }), ...(requests === 0 ? {} : { errorShare: errors / requests }),
      broken: broken.map(threshold => ({ text: thresholdText(threshold), firstBrokenAtMs: this.breaker.broken.get(threshold) ?? toMs }))
        .sort((one, other) => one.firstBrokenAtMs - other.firstBrokenAtMs),
    })
    this.tally.destroy()
    this.tally = new Tally()
    this.counts = { planned: 0, missed: 0 }
    this.fromMs = toMs
    this.breaker = new Breaker(this.thresholds)
    return broken.length > 0
  }

  destroy (): void {
    this.tally.destroy()
  }

  private get count (): number { return Math.ceil(this.scenario.users / this.scenario.levels!.users) }
}

/** The last load that held, and what gave first; undefined for a scenario without levels. */
export function breakingText (levels: readonly LevelResult[] | undefined): string | undefined {
  if (levels === undefined || levels.length === 0) return undefined
  const broke = levels.find(level => level.broken.length > 0)
  const held = broke === undefined ? levels.at(-1) : levels[levels.indexOf(broke) - 1]
  const loadOf = ({ users, requestsPerSecond }: LevelResult): string => `${users} users (${Math.round(requestsPerSecond)} requests a second)`
  if (broke === undefined) return `not reached: ${loadOf(held!)} held`
  return `${held === undefined ? 'no load held' : `${loadOf(held)} held`}; at ${loadOf(broke)} gave first: ${broke.broken[0]!.text}`
}
