/** Nearest rank: a value that was really measured. Of nothing: NaN, which no limit takes for good. */
export function percentile (values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(rank / 100 * sorted.length) - 1)] ?? NaN
}
