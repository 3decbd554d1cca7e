import { performance } from 'node:perf_hooks'

/** Where the middle of some measured values lies, and their slow end; the unit is the figure's. */
export interface Spread { n: number, p50: number, p99: number }

/** What one figure is held to: its `of`, alone or as a ratio to the peer's, at most (a ratio) or below (a length). */
export interface Goal { of: 'p50' | 'p99', ratio?: number, below?: number }

/** One figure: ours, beside a peer where there is one, both measured in the same run. */
export interface Figure {
  what: string
  unit: 'ms' | 'events' | 'MiB' | 'cores'
  ours: Spread
  peer?: Spread & { name: string }
  /** Why the peer that the goals are held against is not there: then nothing is judged. */
  absent?: string
  /** None where the peer is shown for comparison alone. */
  goals: Goal[]
  /** What was seen beside it: counts, parts of the time. */
  notes: string[]
}

/** @throws RangeError where nothing was measured: a bench without figures must not look like one that is met */
export function spread (values: number[]): Spread {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = [...values].sort((a, b) => a - b)
  return { n: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** The nearest rank of sorted values, but for the middle of an even number. */
function quantile (sorted: number[], share: number): number {
  if (share === 0.5 && sorted.length % 2 === 0) return (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2
  return sorted[Math.ceil(sorted.length * share) - 1]!
}

/** Ours as a multiple of the peer's. */
export function ratioOf ({ ours, peer }: Figure, of: Goal['of']): number | undefined {
  return peer === undefined ? undefined : ours[of] / peer[of]
}

export function isMet (figure: Figure, goal: Goal): boolean {
  return goal.ratio === undefined ? figure.ours[goal.of] < goal.below! : ratioOf(figure, goal.of)! <= goal.ratio
}

/** How long some work took, ms. */
export async function took (work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
