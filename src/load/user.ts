import { Client, type Dispatcher } from 'undici'
import type { FailureClass } from '../drill/journey.js'
import { masked, type Values } from '../journey/fill.js'
import type { CompiledStep, CompiledType, Filled } from './compile.js'
import { Exchange } from './exchange.js'
import { Stopped } from './failure.js'

/** How a request ended. */
export interface Outcome {
  step: CompiledStep
  /** By the machine's monotonic clock, as the other two. */
  dueMs: number
  sentMs: number
  endMs: number
  status?: number
  failure?: FailureClass
  /** Of a failure: one line without secrets. */
  message?: string
}

export interface UserOptions {
  origin: string
  ca?: string
  headers: Record<string, string>
  values: Values
  timeoutMs: number
  maxBodyBytes: number
  runId: string
  onEnd: (user: User, outcome: Outcome) => void
}

/** One user: a connection of its own, what it remembers (a token), and the task that it is at. One request at a time. */
export class User {
  active = false
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
  }

  get busy (): boolean { return this.exchange !== undefined }

  /** The intended time of the next request, since the begin of the run: no earlier one moves it. */
  nextMs (everyMs: number, jitter: number): number {
    return Math.max(this.startMs, this.startMs + this.ticks++ * everyMs + (this.random() * 2 - 1) * jitter * everyMs)
  }

  /** Sends the next request of the task that it is at. Not to be called while it is busy. */
  send (dueMs: number): void {
    const { options } = this
    const step = this.next()
    const exchange = new Exchange(step, dueMs, options.maxBodyBytes, () => { this.ended(exchange) })
    this.exchange = exchange
    try {
      const filled = step.fill({ ...options.values, run: options.runId, user: this.number, nonce: `${options.runId}-${this.number}-${this.requests++}`, ...this.captured })
      exchange.filled = filled
      this.client.dispatch({ path: filled.path, method: step.method as Dispatcher.HttpMethod, headers: headersOf(options.headers, filled), body: filled.body }, exchange)
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

  private ended (exchange: Exchange): void {
    const { step, dueMs, sentMs, dispatchedMs } = exchange
    const { captured, message, ...outcome } = exchange.outcome
    this.exchange = undefined
    const shown = message === undefined ? undefined : masked(message, this.secrets())
    Object.assign(this.captured, captured)
    this.at++
    if (outcome.failure !== undefined) this.afterFailure(outcome.status)
    this.options.onEnd(this, { step, dueMs, sentMs: sentMs ?? dispatchedMs, endMs: exchange.endMs, message: shown, ...outcome })
  }

  /** All that it knows: an answer that is told in a message may repeat any of it. */
  private secrets (): string[] {
    return Object.values({ ...this.options.values, ...this.captured }).flatMap(value => typeof value === 'string' ? [value] : [])
  }

  /** What comes after a failed request is mostly moot: only what is to be done always still is. One that may not do anything logs in again. */
  private afterFailure (status: number | undefined): void {
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

function headersOf (common: Record<string, string>, { headers }: Filled): Record<string, string> {
  return Object.keys(headers).length === 0 ? common : { ...common, ...headers }
}
