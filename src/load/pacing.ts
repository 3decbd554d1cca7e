import { Agenda, type Entry } from './agenda.js'
import { monotonicMs } from './clock.js'
import type { Histogram } from './histogram.js'
import type { User } from './user.js'

/** A user that is found waiting this late was not hindered by the target alone. */
const lateMs = 25
/** How soon a user that waits is looked at again: what falls due meanwhile is counted then, or when its answer comes. Well below `lateMs`. */
const againMs = 10
/** What fell due so shortly before an answer goes out with it, and all before was missed: as fine as timers are. */
const togetherMs = 1

export interface Paced { planned: number, sent: number, skipped: number, missed: Record<string, number> }

/**
 * Sends each user's requests at their intended times. It never waits for an answer: a user that still waits at its time has missed
 * it, and that is counted. Times are ms since the begin of the run.
 */
export class Pacing {
  private readonly agenda = new Agenda<User>()
  private readonly entries = new Map<User, Entry<User>>()
  private readonly counts = { planned: 0, sent: 0, skipped: 0 }
  private timer?: NodeJS.Timeout
  private armedMs = 0
  private beginMs = monotonicMs()
  private over = false

  /**
   * @param lateness gets how late each request went out
   * @param onEnd told once, when nothing more falls due
   */
  constructor (private readonly users: readonly User[], private readonly runMs: number, private readonly lateness: Histogram, private readonly onEnd: () => void) {
    for (const user of users) this.entries.set(user, this.agenda.push(user.dueMs, user))
  }

  /** @param beginMs by the machine's monotonic clock */
  start (beginMs: number): void {
    this.beginMs = beginMs
    this.run()
  }

  /** Nothing is sent any more. */
  stop (): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.timer)
    const nowMs = this.nowMs()
    for (const user of this.users) if (user.busy) this.miss(user, nowMs, nowMs)
  }

  /**
   * A user has its answer. What fell due just before goes out with it: a timer would come a millisecond later, and a connection that
   * rests costs more.
   */
  answered (user: User, nowMs: number): void {
    if (this.over) return
    this.miss(user, nowMs - togetherMs, nowMs)
    this.settle(user, nowMs)
    const entry = this.entries.get(user)!
    if (user.busy || entry.dueMs <= user.dueMs) return
    this.agenda.bringForward(entry, user.dueMs)
    if (user.dueMs < this.armedMs) this.arm()
  }

  private nowMs (): number {
    return monotonicMs() - this.beginMs
  }

  /** What was counted since it was last asked. */
  take (): Paced {
    const missed: Paced['missed'] = {}
    for (const user of this.users) {
      if (user.missed > 0) missed[user.type.name] = (missed[user.type.name] ?? 0) + user.missed
      user.missed = 0
    }
    const taken = { ...this.counts, missed }
    Object.assign(this.counts, { planned: 0, sent: 0, skipped: 0 })
    return taken
  }

  private readonly run = (): void => {
    if (this.over) return
    const { agenda, runMs } = this
    let first = agenda.first
    for (let nowMs = this.nowMs(); first !== undefined && first.dueMs <= nowMs && first.dueMs < runMs; nowMs = this.nowMs()) {
      const { item: user } = first
      this.settle(user, nowMs)
      agenda.putOff(user.busy ? Math.max(user.dueMs, nowMs + againMs) : user.dueMs)
      first = agenda.first
    }
    this.arm()
  }

  /** For whoever is due first, or for the end. */
  private arm (): void {
    const nextMs = this.armedMs = Math.min(this.agenda.first?.dueMs ?? Infinity, this.runMs)
    clearTimeout(this.timer)
    this.timer = setTimeout(nextMs < this.runMs ? this.run : this.onEnd, Math.max(0, nextMs - this.nowMs()))
  }

  /** All that is due of a user: the first goes out, and nothing ends meanwhile, so what comes after it is missed. */
  private settle (user: User, nowMs: number): void {
    while (user.dueMs <= nowMs && user.dueMs < this.runMs && !user.busy) this.send(user, nowMs)
    this.miss(user, nowMs, nowMs)
  }

  private send (user: User, nowMs: number): void {
    const { dueMs } = user
    user.active = true
    this.counts.planned++
    this.counts.sent++
    this.lateness.recordMs(nowMs - dueMs)
    user.advance()
    user.send(dueMs + this.beginMs, nowMs + this.beginMs)
  }

  /** What was due until then, while the user waited. What is found so late that the generator was held up is not the target's fault. */
  private miss (user: User, untilMs: number, nowMs: number): void {
    while (user.dueMs <= untilMs && user.dueMs < this.runMs) {
      this.counts.planned++
      if (nowMs - user.dueMs > lateMs) this.counts.skipped++
      else user.missed++
      user.advance()
    }
  }
}
