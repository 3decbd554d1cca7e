/** Whether a series grows: the slope by Theil and Sen, and by Mann and Kendall whether it is more than chance. Both shrug at outliers. */
export interface Trend {
  /** In the series' unit. */
  perHour: number
  /** Chance of such a trend in a series without one, two-sided. */
  p: number
}

const hourMs = 3_600_000
/** Slopes of all pairs are many: of longer series every n-th sample is taken. */
const maxSamples = 400

/**
 * Undefined where there are too few samples to say anything.
 * Sources: Sen 1968 (median of the slopes of all pairs); Mann 1945 and Kendall 1975 (S, its variance with ties, normal approximation
 * with continuity correction).
 */
export function trendOf (samples: ReadonlyArray<readonly [atMs: number, value: number]>): Trend | undefined {
  const every = Math.ceil(samples.length / maxSamples)
  const taken = samples.filter((_, index) => index % every === 0)
  const n = taken.length
  if (n < 10) return undefined
  const slopes: number[] = []
  let s = 0
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const [[fromMs, from], [toMs, to]] = [taken[i]!, taken[j]!]
      if (toMs > fromMs) slopes.push((to - from) / (toMs - fromMs))
      s += Math.sign(to - from)
    }
  }
  if (slopes.length === 0) return undefined
  slopes.sort((a, b) => a - b)
  const middle = slopes.length / 2
  const slope = slopes.length % 2 === 1 ? slopes[Math.floor(middle)]! : (slopes[middle - 1]! + slopes[middle]!) / 2
  const ties = new Map<number, number>()
  for (const [, value] of taken) ties.set(value, (ties.get(value) ?? 0) + 1)
  const tied = [...ties.values()].reduce((sum, t) => sum + t * (t - 1) * (2 * t + 5), 0)
  const variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
  const z = variance <= 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance)
  return { perHour: slope * hourMs, p: 2 * (1 - normal(Math.abs(z))) }
}

/** The standard normal distribution's share below z (Abramowitz and Stegun 26.2.17; error below 7.5e-8). */
function normal (z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const tail = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return 1 - tail
}
