import { util, type Dispatcher } from 'undici'
import type { FailureClass } from '../drill/journey.js'
import type { Values } from '../journey/fill.js'
import { monotonicMs } from './clock.js'
import type { CompiledStep, Filled, Judged } from './compile.js'
import { failureOf, Stopped } from './failure.js'

const good: Judged = {}

/**
 * One request and its answer, as undici's dispatch tells of them. Body and headers are kept only where somebody asks what they hold:
 * of undici's two kinds of handler this is the older one, as the newer one reads every header of every answer. Times are by the
 * machine's monotonic clock.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  filled?: Filled
  sentMs?: number
  endMs = 0
  /** 0 where no answer has begun. */
  status = 0
  failure?: FailureClass
  /** Of a failure: one line, which may repeat a secret. */
  message?: string
  captured?: Values
  private cutOff?: (reason: Error) => void
  private headers?: Buffer[]
  private bytes = 0
  private chunks?: Buffer[]
  private over = false

  /** @param dueMs when it was to be sent  @param dispatchedMs when it is: now */
  constructor (
    readonly step: CompiledStep, readonly dueMs: number, readonly dispatchedMs: number, private readonly maxBodyBytes: number, private readonly onEnd: (exchange: Exchange) => void
  ) {}

  onConnect (abort: (reason?: Error) => void): void {
    this.sentMs = monotonicMs()
    this.cutOff = abort
    if (this.over) abort(new Stopped('aborted', 'it was given up before it was sent'))
  }

  onHeaders (status: number, headers: Buffer[]): boolean {
    // 1xx: the real one comes.
    if (status < 200) return true
    this.status = status
    if (this.step.readsHeaders) this.headers = headers
    if (this.step.readsBody) this.chunks = []
    return true
  }

  onData (chunk: Buffer): boolean {
    this.bytes += chunk.length
    if (this.bytes > this.maxBodyBytes) this.cutOff!(new Stopped('assertion', `the body is longer than ${this.maxBodyBytes} bytes`))
    else this.chunks?.push(chunk)
    return true
  }

  onComplete (): void {
    if (this.over) return
    this.endMs = monotonicMs()
    const { status, chunks, step } = this
    if (step.accepts?.(status) === true) return this.end(good)
    const headers = this.headers === undefined ? {} : util.parseHeaders(this.headers)
    const text = chunks === undefined ? '' : Buffer.concat(chunks).toString('utf8')
    this.end(step.judge({ status, headers, text, cut: false, ms: this.endMs - this.sentMs! }, this.filled!))
  }

  onError (error: Error): void {
    this.fail(error)
  }

  fail (error: unknown): void {
    if (this.over) return
    this.endMs = monotonicMs()
    this.end(failureOf(error))
  }

  /** False where it has not been sent, so that nothing could be aborted. */
  abort (reason: Stopped): boolean {
    if (this.cutOff === undefined) return false
    this.cutOff(reason)
    // Whether undici has told the handler of it already or will later.
    this.fail(reason)
    return true
  }

  private end ({ failure, message, captured }: Judged): void {
    this.over = true
    this.failure = failure
    this.message = message
    this.captured = captured
    this.chunks = this.headers = undefined
    this.onEnd(this)
  }
}
