import { build, initWebAssemblySync, WasmHistogram } from 'hdr-histogram-js'

/**
 * Lengths of time in whole microseconds from 1 µs to 2 min, three significant digits. One kind everywhere, so that the histograms of
 * threads, of workers and of seconds add up exactly. It lies outside JavaScript's heap: whoever makes one destroys it.
 */
export class Histogram {
  private constructor (private readonly values: WasmHistogram) {}

  static create (): Histogram {
    initialise()
    return new Histogram(build({ ...shape, useWebAssembly: true }) as WasmHistogram)
  }

  /** @param bytes what `encode` gave, in whatever thread or process */
  static decode (bytes: Uint8Array): Histogram {
    const empty = Histogram.create()
    empty.addEncoded(bytes)
    return empty
  }

  /** Longer than two minutes counts as two minutes, and nothing as one microsecond: no value is ever left out. */
  recordMs (ms: number): void {
    this.values.recordValue(Math.min(shape.highestTrackableValue, Math.max(1, Math.round(ms * 1000))))
  }

  add (other: Histogram): void {
    this.values.add(other.values)
  }

  addEncoded (bytes: Uint8Array): void {
    const other = WasmHistogram.decode(bytes, shape.bitBucketSize) as WasmHistogram
    this.values.add(other)
    other.destroy()
  }

  encode (): Uint8Array {
    return this.values.encode()
  }

  get count (): number { return this.values.totalCount }

  /** @param percentile 0 to 100; undefined where nothing was recorded: an empty series has no percentile, least of all 0 */
  percentileMs (percentile: number): number | undefined {
    return this.count === 0 ? undefined : rounded(this.values.getValueAtPercentile(percentile))
  }

  get meanMs (): number | undefined { return this.count === 0 ? undefined : rounded(this.values.mean) }
  get maxMs (): number | undefined { return this.count === 0 ? undefined : rounded(this.values.maxValue) }

  reset (): void {
    this.values.reset()
  }

  destroy (): void {
    this.values.destroy()
  }
}

const shape = { bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 } as const

function rounded (microseconds: number): number {
  return Math.round(microseconds) / 1000
}

let ready = false
function initialise (): void {
  if (ready) return
  initWebAssemblySync()
  ready = true
}
