/**
 * Latencies in buckets that are each 2 % wider than the one before: percentiles within 1 %, small as JSON, and the totals of two
 * attempts add up. Keys are bucket numbers, values counts.
 */
export type Latencies = Record<number, number>

const growth = Math.log(1.02)
const smallestMs = 0.01

export function addLatency (latencies: Latencies, ms: number): void {
  const bucket = Math.max(0, Math.round(Math.log(Math.max(ms, smallestMs) / smallestMs) / growth))
  latencies[bucket] = (latencies[bucket] ?? 0) + 1
}

/** A percentile (0–1) in ms, 0 where there is no value. */
export function percentileMs (latencies: Latencies, share: number): number {
  const buckets = Object.entries(latencies).map(([bucket, count]) => ({ bucket: Number(bucket), count })).sort((a, b) => a.bucket - b.bucket)
  const total = buckets.reduce((sum, { count }) => sum + count, 0)
  let seen = 0
  for (const { bucket, count } of buckets) {
    seen += count
    if (seen >= share * total) return Math.round(smallestMs * Math.exp(bucket * growth) * 100) / 100
  }
  return 0
}
