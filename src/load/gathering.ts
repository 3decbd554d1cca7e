import type { FailureExample, LoadLive, LoadPoint, SlowRequest } from '../drill/load.js'
import type { Window } from './generator.js'
import { Histogram } from './histogram.js'
import type { SeriesWindow } from './series.js'
import { Tally } from './tally.js'

/** One second, of all generators together. */
interface Second { users: number, planned: number, sent: number, missed: number, series: SeriesWindow[], toMs: number, windows: number }

/** What a run has measured: all that the shards of it need to be added up exactly. */
export interface Measured {
  /** Epoch ms. */
  startedAtMs: number
  durationMs: number
  series: SeriesWindow[]
  lateness: Uint8Array
  planned: number
  sent: number
  skipped: number
  missed: Record<string, number>
  busiestLoop: number
  points: LoadPoint[]
  /** Of a shard: the response times of each point as an encoded histogram, for a percentile of the whole. */
  responses?: Uint8Array[]
  examples: FailureExample[]
  slow: SlowRequest[]
}

export const slowKept = 100
export const examplesEach = 5
const recentSeconds = 60

/** Adds up what the generators tell. Bounded: totals, one short line a second, the last minute in full. To be destroyed after use. */
export class Gathering {
  readonly tally = new Tally()
  readonly points: LoadPoint[] = []
  readonly recent: Second[] = []
  planned = 0
  private sent = 0
  private skipped = 0
  private readonly missed: Record<string, number> = {}
  private busiestLoop = 0
  private readonly lateness = Histogram.create()
  private readonly open = new Map<number, Second>()
  private readonly lastIndex = new Map<number, number>()
  private examples: FailureExample[] = []
  private slow: SlowRequest[] = []

  private readonly responses?: Uint8Array[]

  constructor (private readonly generators: number, private readonly onSecond: (second: Second) => void, isShard = false) {
    if (isShard) this.responses = []
  }

  get missedTotal (): number { return Object.values(this.missed).reduce((sum, count) => sum + count, 0) }

  add (window: Window): void {
    this.tally.add(window.series)
    this.lateness.addEncoded(window.lateness)
    this.planned += window.planned
    this.sent += window.sent
    this.skipped += window.skipped
    let missed = 0
    for (const [type, count] of Object.entries(window.missed)) {
      this.missed[type] = (this.missed[type] ?? 0) + count
      missed += count
    }
    // The last piece of a second is too short to say how busy a thread is.
    if (window.toMs - window.fromMs >= 500) this.busiestLoop = Math.max(this.busiestLoop, window.loop)
    for (const example of window.examples) if (this.examples.filter(({ failure }) => failure === example.failure).length < examplesEach) this.examples.push(example)
    this.slow = [...this.slow, ...window.slow].sort((one, other) => other.responseMs - one.responseMs).slice(0, slowKept)

    const second = this.open.get(window.index) ?? { users: 0, planned: 0, sent: 0, missed: 0, series: [], toMs: 0, windows: 0 }
    this.open.set(window.index, second)
    second.users += window.users
    second.planned += window.planned
    second.sent += window.sent
    second.missed += missed
    second.series.push(...window.series)
    second.toMs = Math.max(second.toMs, window.toMs)
    second.windows++
    if (window.last) this.lastIndex.set(window.generator, window.index)
    this.closeSeconds()
  }

  /** The last so many ms, as far as they are kept. */
  lately (ms: number): { tally: Tally, seconds: number, planned: number, missed: number } {
    const seconds = this.recent.slice(-Math.max(1, Math.round(ms / 1000)))
    const tally = new Tally()
    for (const second of seconds) tally.add(second.series)
    return { tally, seconds: seconds.length, planned: sum(seconds.map(one => one.planned)), missed: sum(seconds.map(one => one.missed)) }
  }

  live (plannedMs: number): LoadLive {
    const point = this.points.at(-1)
    const few = this.points.slice(-5)
    const { requests, errors } = this.tally.figures()
    const spanMs = few.length === 0 ? 0 : few.at(-1)!.atMs - (this.points.at(-6)?.atMs ?? 0)
    return {
      atMs: point?.atMs ?? 0, plannedMs, users: point?.users ?? 0, requests, errors, missed: this.missedTotal,
      requestsPerSecond: spanMs === 0 ? 0 : Math.round(sum(few.map(one => one.requests)) / spanMs * 10_000) / 10,
      p50Ms: point?.p50Ms, p95Ms: point?.p95Ms, p99Ms: point?.p99Ms,
      ...(requests === 0 ? {} : { errorShare: errors / requests }),
    }
  }

  measured (startedAtMs: number, durationMs: number): Measured {
    const { planned, sent, skipped, missed, busiestLoop, points, responses, examples, slow } = this
    return {
      ...(responses === undefined ? {} : { responses }),
      startedAtMs, durationMs, planned, sent, skipped, missed, busiestLoop, points, examples, slow,
      series: this.tally.export(), lateness: this.lateness.encode(),
    }
  }

  destroy (): void {
    this.tally.destroy()
    this.lateness.destroy()
  }

  /** A second is over once every generator that still runs has told of it. */
  private closeSeconds (): void {
    for (const [index, second] of [...this.open].sort(([one], [other]) => one - other)) {
      const expected = this.generators - [...this.lastIndex.values()].filter(last => last < index).length
      if (second.windows < expected) return
      this.open.delete(index)
      this.close(second)
    }
  }

  private close (second: Second): void {
    const tally = new Tally()
    tally.add(second.series)
    const { requests, errors, responseMs } = tally.figures()
    this.responses?.push(tally.encodeResponse())
    tally.destroy()
    this.points.push({
      atMs: Math.round(second.toMs), users: second.users, requests, errors, missed: second.missed,
      ...(responseMs === undefined ? {} : { p50Ms: responseMs.p50, p95Ms: responseMs.p95, p99Ms: responseMs.p99 }),
    })
    this.recent.push(second)
    if (this.recent.length > recentSeconds) this.recent.shift()
    this.onSecond(second)
  }
}

function sum (values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
