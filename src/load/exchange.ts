import type { Dispatcher } from 'undici'
import type { Values } from '../journey/fill.js'
import type { FailureClass } from '../drill/journey.js'
import { monotonicMs } from './clock.js'
import type { CompiledStep, Filled } from './compile.js'
import { failureOf, Stopped } from './failure.js'

/** One request and its answer, as undici's dispatch tells of them. The body is kept only where somebody asks what it holds. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly dispatchedMs = monotonicMs()
  sentMs?: number
  endMs = 0
  filled!: Filled
  outcome: { status?: number, failure?: FailureClass, message?: string, captured?: Values } = {}
  private controller?: Dispatcher.DispatchController
  private headers: Record<string, string | string[] | undefined> = {}
  private status = 0
  private bytes = 0
  private chunks?: Buffer[]
  private over = false

  constructor (readonly step: CompiledStep, readonly dueMs: number, private readonly maxBodyBytes: number, private readonly done: () => void) {}

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.sentMs = monotonicMs()
    this.controller = controller
    if (this.over) controller.abort(new Stopped('aborted', 'it was given up before it was sent'))
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
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
    const { status, headers, chunks, step } = this
    const text = chunks === undefined ? '' : Buffer.concat(chunks).toString('utf8')
    this.end({ status, ...step.judge({ status, headers, text, cut: false, ms: this.endMs - this.sentMs! }, this.filled) })
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error)
  }

  fail (error: unknown): void {
    if (this.over) return
    this.endMs = monotonicMs()
    this.end({ ...(this.status === 0 ? {} : { status: this.status }), ...failureOf(error) })
  }

  /** False where it has not been sent, so that nothing could be aborted. */
  abort (reason: Stopped): boolean {
    if (this.controller === undefined) return false
    this.controller.abort(reason)
    // Whether undici has told the handler of it already or will later.
    this.fail(reason)
    return true
  }

  private end (outcome: Exchange['outcome']): void {
    this.over = true
    this.outcome = outcome
    this.chunks = undefined
    this.done()
  }
}
