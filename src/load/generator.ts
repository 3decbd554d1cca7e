import { performance } from 'node:perf_hooks'
import type { FailureExample, SlowRequest } from '../drill/load.js'
import { monotonicMs } from './clock.js'
import type { CompiledType, SeriesName } from './compile.js'
import type { Exchange } from './exchange.js'
import { Stopped } from './failure.js'
import { Histogram } from './histogram.js'
import { Pacing } from './pacing.js'
import type { GeneratorPlan } from './plan.js'
import { seeded } from './random.js'
import { Series, type SeriesWindow } from './series.js'
import { User } from './user.js'

/** What one generator tells every second. */
export interface Window {
  generator: number
  /** Which second of this generator, from 0. */
  index: number
  /** Since the begin of the run. */
  fromMs: number
  toMs: number
  users: number
  planned: number
  sent: number
  missed: Record<string, number>
  skipped: number
  series: SeriesWindow[]
  lateness: Uint8Array
  /** Share of time that this thread's event loop was busy. */
  loop: number
  examples: FailureExample[]
  slow: SlowRequest[]
  /** The last one of this generator. */
  last: boolean
}

const windowMs = 1000
const examplesEach = 5
const slowKept = 100
const sweepMs = 50

/** Lets users send at their times, and gathers what became of it; one thread runs one. */
export class Generator {
  private readonly users: User[]
  private readonly pacing: Pacing
  private readonly series = new Map<SeriesName, Series>()
  private readonly lateness = Histogram.create()
  private examples: FailureExample[] = []
  private readonly examplesKept = new Map<string, number>()
  private slow: SlowRequest[] = []
  private leastSlowMs = 0
  private readonly timers: NodeJS.Timeout[] = []
  private beginMs = monotonicMs()
  private lastMs = 0
  private index = 0
  private loop = performance.eventLoopUtilization()
  private ending?: { untilMs: number }
  private over = false

  /** @param tell gets a window a second, the last one marked */
  constructor (private readonly plan: GeneratorPlan, types: ReadonlyMap<string, CompiledType>, private readonly tell: (window: Window) => void) {
    this.users = plan.users.map(({ number, type, startMs }) => new User(number, types.get(type)!, startMs, seeded(plan.seed + number * 7919), {
      origin: plan.origin, ca: plan.ca, values: plan.values, timeoutMs: plan.timeoutMs, maxBodyBytes: plan.maxBodyBytes, runId: plan.runId,
      everyMs: plan.everyMs, jitter: plan.jitter, onEnd: this.ended,
    }))
    this.pacing = new Pacing(this.users, plan.runMs, this.lateness, () => { this.stop(plan.timeoutMs + sweepMs) })
  }

  /** @param beginMs by the machine's monotonic clock */
  start (beginMs: number): void {
    this.beginMs = beginMs
    this.loop = performance.eventLoopUtilization()
    this.timers.push(
      setInterval(() => { this.window() }, windowMs),
      setInterval(() => { this.sweep() }, sweepMs))
    this.pacing.start(beginMs)
  }

  /** No request is sent any more; those under way may end until then, and are cut off afterwards. @param graceMs how long they may take */
  stop (graceMs: number): void {
    const untilMs = this.nowMs() + graceMs
    this.ending = { untilMs: Math.min(untilMs, this.ending?.untilMs ?? Infinity) }
    this.pacing.stop()
    this.sweep()
  }

  private nowMs (): number {
    return monotonicMs() - this.beginMs
  }

  private readonly ended = ({ step, dueMs, dispatchedMs, sentMs = dispatchedMs, endMs, status, failure, message = failure }: Exchange, user: User): void => {
    const responseMs = endMs - dueMs
    const serviceMs = endMs - sentMs
    const isSlow = responseMs > this.plan.slowMs && failure !== 'aborted'
    let series = this.series.get(step.series)
    if (series === undefined) this.series.set(step.series, series = new Series(step.series))
    series.record(responseMs, serviceMs, failure, isSlow)
    this.pacing.answered(user, endMs - this.beginMs)
    if (failure === undefined && !isSlow) return
    const named = { atMs: Math.round(dueMs - this.beginMs), ...step.series }
    if (failure !== undefined) this.exemplify({ failure, ...named, message: message ?? failure })
    if (isSlow) this.keepSlow({ ...named, responseMs: Math.round(responseMs), serviceMs: Math.round(serviceMs), outcome: failure ?? String(status) })
  }

  private exemplify (example: FailureExample): void {
    const kept = this.examplesKept.get(example.failure) ?? 0
    if (kept >= examplesEach) return
    this.examplesKept.set(example.failure, kept + 1)
    this.examples.push(example)
  }

  private keepSlow (slow: SlowRequest): void {
    if (this.slow.length < slowKept) {
      this.slow.push(slow)
      return
    }
    if (slow.responseMs <= this.leastSlowMs) return
    this.slow.push(slow)
    this.slow.sort((one, other) => other.responseMs - one.responseMs)
    this.slow.length = slowKept
    this.leastSlowMs = this.slow.at(-1)!.responseMs
  }

  private sweep (): void {
    const nowMs = monotonicMs()
    for (const user of this.users) user.giveUp(nowMs)
    if (this.ending === undefined || this.over) return
    if (this.nowMs() >= this.ending.untilMs) for (const user of this.users) user.stop(new Stopped('aborted', 'the run ended'))
    if (this.users.some(user => user.busy)) return
    this.over = true
    for (const timer of this.timers) clearInterval(timer)
    this.window(true)
    for (const series of this.series.values()) series.destroy()
    this.lateness.destroy()
    Promise.all(this.users.map(user => user.close())).catch(() => {})
  }

  private window (last = false): void {
    const toMs = this.nowMs()
    const loop = performance.eventLoopUtilization()
    this.tell({
      generator: this.plan.generator, index: this.index++, fromMs: this.lastMs, toMs, last,
      users: this.users.reduce((sum, user) => sum + Number(user.active), 0),
      ...this.pacing.take(),
      series: [...this.series.values()].flatMap(series => series.take() ?? []),
      lateness: this.lateness.encode(),
      loop: performance.eventLoopUtilization(loop, this.loop).utilization,
      examples: this.examples, slow: this.slow,
    })
    this.lateness.reset()
    this.lastMs = toMs
    this.loop = loop
    this.examples = []
    this.slow = []
  }
}
