import type { ProbeEdge, ProbeSample } from '../../src/drill/observation.js'

/** Where one target stands. Plain data: it goes from one attempt to the next. */
export interface Standing {
  down: boolean
  /** Samples in a row that speak against where it stands. */
  against: number
  /** Start of the first of them, epoch ms. */
  sinceMs: number
  /** Why the first of them failed. */
  error?: string
}

export const standingUp: Standing = { down: false, against: 0, sinceMs: 0 }

/**
 * One more sample, in order of start. An outage begins where the first of the failures in a row was started, and ends where the
 * first of the good ones was: confirming takes longer, but is no part of the outage.
 */
export function follow (standing: Standing, sample: ProbeSample, limits: { failures: number, successes: number }, confirmedAtMs: number): { standing: Standing, edge?: ProbeEdge } {
  const speaksAgainst = standing.down ? sample.ok : !sample.ok
  if (!speaksAgainst) return { standing: { down: standing.down, against: 0, sinceMs: 0 } }
  const next = standing.against === 0
    ? { down: standing.down, against: 1, sinceMs: sample.atMs, error: sample.error }
    : { ...standing, against: standing.against + 1 }
  if (next.against < (standing.down ? limits.successes : limits.failures)) return { standing: next }
  const edge: ProbeEdge = standing.down
    ? { edge: 'up', target: sample.target, firstGoodAtMs: next.sinceMs, confirmedAtMs }
    : { edge: 'down', target: sample.target, firstFailedAtMs: next.sinceMs, confirmedAtMs, error: next.error ?? 'failed' }
  return { standing: { down: !standing.down, against: 0, sinceMs: 0 }, edge }
}
