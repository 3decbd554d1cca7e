import { performance } from 'node:perf_hooks'

const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Milliseconds of the machine's monotonic clock: the same in every thread, and never set back. */
export function monotonicMs (): number {
  return performance.now() + offsetMs
}
