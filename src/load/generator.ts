import { performance } from 'node:perf_hooks'
import type { FailureExample, SlowRequest } from '../drill/load.js'
import { Agenda } from './agenda.js'
import { monotonicMs } from './clock.js'
import type { CompiledType, SeriesName } from './compile.js'
import type { Exchange } from './exchange.js'
import { Stopped } from './failure.js'
import { Histogram } from './histogram.js'
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
/** A user that is found busy this late was not hindered by the target alone. */
const lateMs = 25
const sweepMs = 50

/**
 * Sends requests at their intended times and gathers what became of them; one thread runs one. It never waits for an answer: a user
 * that is still busy at its time has missed it, and that is counted.
 */
export class Generator {
  private readonly agenda = new Agenda<User>()
  private readonly users: User[] = []
  private readonly series = new Map<SeriesName, Series>()
  private readonly lateness = Histogram.create()
  private readonly random: () => number
  private readonly counts = { planned: 0, sent: 0, skipped: 0 }
  private examples: FailureExample[] = []
  private readonly examplesKept = new Map<string, number>()
  private slow: SlowRequest[] = []
  private slowest = { kept: 0, leastMs: 0 }
  private timer?: NodeJS.Timeout
  private readonly timers: NodeJS.Timeout[] = []
  private beginMs = monotonicMs()
  private lastMs = 0
  private index = 0
  private loop = performance.eventLoopUtilization()
  private ending?: { untilMs: number }
  private over = false

  /** @param tell gets a window a second, the last one marked */
  constructor (private readonly plan: GeneratorPlan, types: ReadonlyMap<string, CompiledType>, private readonly tell: (window: Window) => void) {
    this.random = seeded(plan.seed)
    for (const { number, type, startMs } of plan.users) {
      const user = new User(number, types.get(type)!, startMs, seeded(plan.seed + number * 7919), {
        origin: plan.origin, ca: plan.ca, values: plan.values, timeoutMs: plan.timeoutMs, maxBodyBytes: plan.maxBodyBytes, runId: plan.runId,
        everyMs: plan.everyMs, jitter: plan.jitter, onEnd: this.ended,
      })
      this.users.push(user)
      this.agenda.push(user.dueMs, user)
    }
  }

  /** @param beginMs by the machine's monotonic clock */
  start (beginMs: number): void {
    this.beginMs = beginMs
    this.loop = performance.eventLoopUtilization()
    this.timers.push(
      setInterval(() => { this.window() }, windowMs),
      setInterval(() => { this.sweep() }, sweepMs))
    this.run()
  }

  /** No request is sent any more; those under way may end until then, and are cut off afterwards. @param graceMs how long they may take */
  stop (graceMs: number): void {
    const untilMs = this.nowMs() + graceMs
    this.ending = { untilMs: Math.min(untilMs, this.ending?.untilMs ?? Infinity) }
    clearTimeout(this.timer)
    this.sweep()
  }

  private nowMs (): number {
    return monotonicMs() - this.beginMs
  }

  private readonly run = (): void => {
    if (this.ending !== undefined) return
    const { agenda, plan } = this
    let first = agenda.first
    for (let nowMs = this.nowMs(); first !== undefined && first.dueMs <= nowMs && first.dueMs < plan.runMs; nowMs = this.nowMs()) {
      const { item: user } = first
      // Later than the agenda has it where it has sent since, as its answer came.
      this.settle(user, nowMs)
      agenda.putOff(user.dueMs)
      first = agenda.first
    }
    const nextMs = Math.min(first?.dueMs ?? Infinity, plan.runMs)
    const waitMs = Math.max(0, nextMs - this.nowMs())
    this.timer = nextMs < plan.runMs ? setTimeout(this.run, waitMs) : setTimeout(() => { this.stop(plan.timeoutMs + sweepMs) }, waitMs)
  }

  /** All that is due of a user: nothing ends meanwhile, so what comes after the first is missed. A target that stalls must not keep the generator busy. */
  private settle (user: User, nowMs: number): void {
    while (user.dueMs <= nowMs && user.dueMs < this.plan.runMs) {
      this.tick(user, nowMs)
      user.advance()
      if (!user.busy) return
    }
  }

  private tick (user: User, nowMs: number): void {
    const { dueMs } = user
    user.active = true
    this.counts.planned++
    const lateBy = nowMs - dueMs
    if (user.busy) {
      if (lateBy > lateMs) this.counts.skipped++
      else user.missed++
      return
    }
    this.lateness.recordMs(lateBy)
    this.counts.sent++
    user.send(dueMs + this.beginMs, nowMs + this.beginMs)
  }

  private readonly ended = ({ step, dueMs, dispatchedMs, sentMs = dispatchedMs, endMs, status, failure, message = failure }: Exchange, user: User): void => {
    const responseMs = endMs - dueMs
    const serviceMs = endMs - sentMs
    const isSlow = responseMs > this.plan.slowMs && failure !== 'aborted'
    let series = this.series.get(step.series)
    if (series === undefined) this.series.set(step.series, series = new Series(step.series))
    series.record(responseMs, serviceMs, failure, isSlow)
    // What fell due while a good answer came goes out with it: timers are a millisecond apart, and a connection that rests costs more.
    if (failure === undefined && this.ending === undefined) this.settle(user, endMs - this.beginMs)
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
    if (slow.responseMs <= this.slowest.leastMs) return
    this.slow.push(slow)
    this.slow.sort((one, other) => other.responseMs - one.responseMs)
    this.slow.length = slowKept
    this.slowest.leastMs = this.slow.at(-1)!.responseMs
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
    const { planned, sent, skipped } = this.counts
    this.tell({
      generator: this.plan.generator, index: this.index++, fromMs: this.lastMs, toMs, last,
      users: this.users.reduce((sum, user) => sum + Number(user.active), 0),
      planned, sent, skipped, missed: this.takeMissed(),
      series: [...this.series.values()].flatMap(series => series.take() ?? []),
      lateness: this.lateness.encode(),
      loop: performance.eventLoopUtilization(loop, this.loop).utilization,
      examples: this.examples, slow: this.slow,
    })
    Object.assign(this.counts, { planned: 0, sent: 0, skipped: 0 })
    this.lateness.reset()
    this.lastMs = toMs
    this.loop = loop
    this.examples = []
    this.slow = []
  }

  /** By user type, those that missed any. */
  private takeMissed (): Record<string, number> {
    const missed: Record<string, number> = {}
    for (const user of this.users) {
      if (user.missed > 0) missed[user.type.name] = (missed[user.type.name] ?? 0) + user.missed
      user.missed = 0
    }
    return missed
  }
}
