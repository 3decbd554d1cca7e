import type { FailureClass } from '../drill/journey.js'
import type { LoadFigures, LoadThreshold, Percentiles } from '../drill/load.js'
import { Histogram } from './histogram.js'
import type { SeriesWindow } from './series.js'

interface Sum extends Omit<SeriesWindow, 'response' | 'service'> { response: Histogram, service: Histogram }
type Scope = { endpoint?: string, userType?: string }

/**
 * Windows added up, of whatever generators and workers: sums and histograms add exactly, so the tally of the parts is the tally of
 * the whole. To be destroyed after use.
 */
export class Tally {
  private readonly sums = new Map<string, Sum>()

  add (windows: readonly SeriesWindow[]): void {
    for (const window of windows) {
      const key = `${window.endpoint}\n${window.userType}`
      let sum = this.sums.get(key)
      if (sum === undefined) {
        const { endpoint, userType } = window
        this.sums.set(key, sum = { endpoint, userType, requests: 0, errors: 0, slow: 0, byFailure: {}, response: Histogram.create(), service: Histogram.create() })
      }
      sum.requests += window.requests
      sum.errors += window.errors
      sum.slow += window.slow
      for (const [failure, count] of Object.entries(window.byFailure) as Array<[FailureClass, number]>) sum.byFailure[failure] = (sum.byFailure[failure] ?? 0) + count
      sum.response.addEncoded(window.response)
      sum.service.addEncoded(window.service)
    }
  }

  /** What another tally can add: the shard of a scenario as it goes over a network. */
  export (): SeriesWindow[] {
    return [...this.sums.values()].map(sum => ({ ...sum, response: sum.response.encode(), service: sum.service.encode() }))
  }

  figures (scope: Scope = {}): LoadFigures {
    const within = this.within(scope)
    return {
      requests: within.reduce((sum, one) => sum + one.requests, 0),
      errors: within.reduce((sum, one) => sum + one.errors, 0),
      responseMs: merged(within.map(one => one.response), percentilesOf),
      serviceMs: merged(within.map(one => one.service), percentilesOf),
    }
  }

  /** All response times as one encoded histogram. */
  encodeResponse (): Uint8Array {
    return merged(this.within({}).map(one => one.response), histogram => histogram.encode())
  }

  /** Count of the values that a figure of times is made from. */
  timed (scope: Scope = {}): number {
    return this.within(scope).reduce((sum, one) => sum + one.response.count, 0)
  }

  byEndpoint (): Array<LoadFigures & { endpoint: string }> {
    return this.distinct('endpoint').map(endpoint => ({ endpoint, ...this.figures({ endpoint }) }))
  }

  byUserType (): Array<LoadFigures & { userType: string }> {
    return this.distinct('userType').map(userType => ({ userType, ...this.figures({ userType }) }))
  }

  bySeries (): Array<LoadFigures & { endpoint: string, userType: string }> {
    return [...this.sums.values()].map(({ endpoint, userType }) => ({ endpoint, userType, ...this.figures({ endpoint, userType }) }))
  }

  failures (): Partial<Record<FailureClass, number>> {
    const total: Partial<Record<FailureClass, number>> = {}
    for (const { byFailure } of this.sums.values()) {
      for (const [failure, count] of Object.entries(byFailure) as Array<[FailureClass, number]>) total[failure] = (total[failure] ?? 0) + count
    }
    return total
  }

  get slow (): number {
    return [...this.sums.values()].reduce((sum, { slow }) => sum + slow, 0)
  }

  destroy (): void {
    for (const { response, service } of this.sums.values()) {
      response.destroy()
      service.destroy()
    }
    this.sums.clear()
  }

  private within ({ endpoint, userType }: Scope): Sum[] {
    return [...this.sums.values()].filter(sum => (endpoint === undefined || sum.endpoint === endpoint) && (userType === undefined || sum.userType === userType))
  }

  private distinct (field: 'endpoint' | 'userType'): string[] {
    return [...new Set([...this.sums.values()].map(sum => sum[field]))].sort()
  }
}

/** The value of a threshold's metric, and how many requests it is made from; undefined where it is made from none. */
export function measure ({ metric, stat = 'p99', endpoint, userType }: LoadThreshold, tally: Tally, { seconds, planned, missed }: { seconds: number, planned: number, missed: number }): { value?: number, samples: number } {
  const scope = { endpoint, userType }
  const { requests, errors, responseMs, serviceMs } = tally.figures(scope)
  switch (metric) {
    case 'responseMs': return { value: responseMs?.[stat], samples: tally.timed(scope) }
    case 'serviceMs': return { value: serviceMs?.[stat], samples: tally.timed(scope) }
    case 'errorShare': return requests === 0 ? { samples: 0 } : { value: errors / requests, samples: requests }
    case 'missedShare': return planned === 0 ? { samples: 0 } : { value: missed / planned, samples: planned }
    case 'requestsPerSecond': return requests === 0 || seconds <= 0 ? { samples: 0 } : { value: requests / seconds, samples: requests }
  }
}

export function percentilesOf (histogram: Histogram): Percentiles | undefined {
  if (histogram.count === 0) return undefined
  const at = (percentile: number): number => histogram.percentileMs(percentile)!
  return { p50: at(50), p75: at(75), p90: at(90), p95: at(95), p99: at(99), p999: at(99.9), max: histogram.maxMs!, mean: histogram.meanMs! }
}

function merged<T> (parts: Histogram[], read: (histogram: Histogram) => T): T {
  const whole = Histogram.create()
  for (const part of parts) whole.add(part)
  const result = read(whole)
  whole.destroy()
  return result
}
