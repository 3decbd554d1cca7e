import type { Dispatcher } from 'undici'
import type { FailureClass } from '../drill/journey.js'
import type { Values } from '../journey/fill.js'
import { monotonicMs } from './clock.js'
import type { CompiledStep, Filled, Judged } from './compile.js'
import { failureOf, Stopped } from './failure.js'

type Headers = Record<string, string | string[] | undefined>

/**
 * One request and its answer, as undici's dispatch tells of them. The body is kept only where somebody asks what it holds. Times are by
 * the machine's monotonic clock.
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
  private controller?: Dispatcher.DispatchController
  private headers?: Headers
  private bytes = 0
  private chunks?: Buffer[]
  private over = false

  /** @param dueMs when it was to be sent  @param dispatchedMs when it is: now */
  constructor (
    readonly step: CompiledStep, readonly dueMs: number, readonly dispatchedMs: number, private readonly maxBodyBytes: number, private readonly onEnd: (exchange: Exchange) => void
  ) {}

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.sentMs = monotonicMs()
    this.controller = controller
    if (this.over) controller.abort(new Stopped('aborted', 'it was given up before it was sent'))
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // 1xx: the real one comes.
    if (status < 200) return
    this.status = status
    this.headers = headers
    if (this.step.readsBody) this.chunks = []
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length
    if (this.bytes > this.maxBodyBytes) controller.abort(new Stopped('assertion', `the body is longer than ${this.maxBodyBytes} bytes`))
    else this.chunks?.push(chunk)
  }

  onResponseEnd (): void {
    if (this.over) return
    this.endMs = monotonicMs()
    const { status, headers = {}, chunks } = this
    const text = chunks === undefined ? '' : Buffer.concat(chunks).toString('utf8')
    this.end(this.step.judge({ status, headers, text, cut: false, ms: this.endMs - this.sentMs! }, this.filled!))
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error)
  }

  fail (error: unknown): void {
    if (this.over) return
    this.endMs = monotonicMs()
    this.end(failureOf(error))
  }

  /** False where it has not been sent, so that nothing could be aborted. */
  abort (reason: Stopped): boolean {
    if (this.controller === undefined) return false
    this.controller.abort(reason)
    // Whether undici has told the handler of it already or will later.
    this.fail(reason)
    return true
  }

  private end ({ failure, message, captured }: Judged): void {
    this.over = true
    this.failure = failure
    this.message = message
    this.captured = captured
    this.chunks = undefined
    this.onEnd(this)
  }
}
