import { Client } from 'undici'
import { masked, type Values } from '../journey/fill.js'
import type { CompiledStep, CompiledType } from './compile.js'
import { Exchange } from './exchange.js'
import { Stopped } from './failure.js'

export interface UserOptions {
  origin: string
  ca?: string
  values: Values
  timeoutMs: number
  maxBodyBytes: number
  runId: string
  /** How often it sends, and how much of that each intended time may be moved by. */
  everyMs: number
  jitter: number
  /** Its message holds no secret any more. */
  onEnd: (exchange: Exchange, user: User) => void
}

/** One user: a connection of its own, what it remembers (a token), and the task that it is at. One request at a time. */
export class User {
  active = false
  /** Intended times at which it still waited, since they were last asked for. */
  missed = 0
  /** The intended time of the next request, since the begin of the run. */
  dueMs = 0
  private ticks = 0
  private client: Client
  private exchange?: Exchange
  private captured: Values = {}
  private steps: CompiledStep[]
  private at = 0
  private starting = true
  private requests = 0

  constructor (
    private readonly number: number, readonly type: CompiledType, private readonly startMs: number, private readonly random: () => number, private readonly options: UserOptions
  ) {
    this.client = this.connect()
    this.steps = type.start
    this.advance()
  }

  get busy (): boolean { return this.exchange !== undefined }

  /** On to the intended time after this one; nothing that happened moves it. */
  advance (): void {
    const { everyMs, jitter } = this.options
    this.dueMs = Math.max(this.startMs, this.startMs + this.ticks++ * everyMs + (this.random() * 2 - 1) * jitter * everyMs)
  }

  /** Sends the next request of the task that it is at. Not to be called while it is busy. Both by the machine's monotonic clock. */
  send (dueMs: number, nowMs: number): void {
    const step = this.next()
    const exchange = this.exchange = new Exchange(step, dueMs, nowMs, this.options.maxBodyBytes, this.ended)
    try {
      exchange.filled = step.fill(this.values)
      this.client.dispatch(exchange.filled.request, exchange)
    } catch (error) {
      exchange.fail(new Stopped('assertion', error instanceof Error ? error.message : String(error)))
    }
  }

  /** Gives a request up that has taken too long; also one that waits for its connection still. */
  giveUp (nowMs: number): void {
    const { exchange, options } = this
    if (exchange === undefined || nowMs - exchange.dispatchedMs < options.timeoutMs) return
    this.stop(new Stopped('timeout', `no whole answer within ${options.timeoutMs} ms`))
  }

  /** @param reason what the request under way ends with, if there is one */
  stop (reason: Stopped): void {
    const { exchange, client } = this
    if (exchange === undefined || exchange.abort(reason)) return
    // Not sent yet: undici would send it once the connection is there.
    this.client = this.connect()
    exchange.fail(reason)
    client.destroy(reason).catch(() => {})
  }

  async close (): Promise<void> {
    await this.client.destroy()
  }

  private connect (): Client {
    const { origin, ca, timeoutMs } = this.options
    // Our own deadline is exact; undici's run on a coarse clock. Connections are kept for longer than any pace.
    return new Client(origin, { connect: { ca, timeout: timeoutMs }, pipelining: 1, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 600_000, headersTimeout: 0, bodyTimeout: 0 })
  }

  private next (): CompiledStep {
    if (this.at >= this.steps.length) {
      this.starting = false
      this.steps = this.type.draw(this.random())
      this.at = 0
    }
    return this.steps[this.at]!
  }

  private readonly ended = (exchange: Exchange): void => {
    this.exchange = undefined
    if (exchange.message !== undefined) exchange.message = masked(exchange.message, this.secrets())
    if (exchange.captured !== undefined) Object.assign(this.captured, exchange.captured)
    this.at++
    if (exchange.failure !== undefined) this.afterFailure(exchange.status)
    this.options.onEnd(exchange, this)
  }

  private readonly values = (): Values => {
    const { number, options: { values, runId } } = this
    return { ...values, run: runId, user: number, nonce: `${runId}-${number}-${this.requests++}`, ...this.captured }
  }

  /** All that it knows: an answer that is told in a message may repeat any of it. */
  private secrets (): string[] {
    return Object.values({ ...this.options.values, ...this.captured }).flatMap(value => typeof value === 'string' ? [value] : [])
  }

  /** What comes after a failed request is mostly moot: only what is to be done always still is. One that may not do anything logs in again. */
  private afterFailure (status: number): void {
    if (this.starting || (status === 401 && this.type.start.length > 0)) {
      this.starting = true
      this.steps = this.type.start
      this.at = 0
      this.captured = {}
      return
    }
    while (this.at < this.steps.length && !this.steps[this.at]!.always) this.at++
  }
}
