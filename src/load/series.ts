import type { FailureClass } from '../drill/journey.js'
import type { SeriesName } from './compile.js'
import { Histogram } from './histogram.js'

/** One second of one endpoint and one type of user, as it goes from a generator to whoever adds it up. */
export interface SeriesWindow extends SeriesName {
  requests: number
  errors: number
  byFailure: Partial<Record<FailureClass, number>>
  slow: number
  /** Encoded histograms: of what was answered or timed out. A connection that was refused has no response time. */
  response: Uint8Array
  service: Uint8Array
}

const untimed: ReadonlySet<FailureClass | undefined> = new Set<FailureClass>(['dns', 'connect', 'tls', 'reset', 'aborted'])

/** What one generator gathers of one series until it is asked for. */
export class Series {
  private readonly response = Histogram.create()
  private readonly service = Histogram.create()
  private requests = 0
  private errors = 0
  private slow = 0
  private byFailure: SeriesWindow['byFailure'] = {}

  constructor (private readonly name: SeriesName) {}

  record (responseMs: number, serviceMs: number, failure: FailureClass | undefined, isSlow: boolean): void {
    if (failure !== undefined) this.byFailure[failure] = (this.byFailure[failure] ?? 0) + 1
    // What the end of the run cut off says nothing about the target.
    if (failure === 'aborted') return
    this.requests++
    if (failure !== undefined) this.errors++
    if (isSlow) this.slow++
    if (untimed.has(failure)) return
    this.response.recordMs(responseMs)
    this.service.recordMs(serviceMs)
  }

  /** What has gathered since the last time, if anything has. */
  take (): SeriesWindow | undefined {
    if (this.requests === 0 && this.byFailure.aborted === undefined) return undefined
    const { requests, errors, byFailure, slow } = this
    const taken = { ...this.name, requests, errors, byFailure, slow, response: this.response.encode(), service: this.service.encode() }
    this.response.reset()
    this.service.reset()
    this.requests = this.errors = this.slow = 0
    this.byFailure = {}
    return taken
  }

  destroy (): void {
    this.response.destroy()
    this.service.destroy()
  }
}
