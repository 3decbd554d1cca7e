import { durationText } from './duration.js'
import type { LoadPoint, LoadSummary } from './load.js'

/** What customers felt of an outage that the probe saw: two witnesses, and the drill holds one against the other. */

/** Requests that came to an end in some seconds of a load, and how many of them failed. */
export interface Part { requests: number, errors: number }
export interface Felt { before: Part, during: Part, after: Part }

interface Outage { from: number, to?: number }

/** A load's seconds before, in and after an outage; a second that touches it counts to it. @param points with `atMs` in epoch ms @param fromMs begin of the load */
export function feltOf (points: readonly LoadPoint[], fromMs: number, { from, to = Infinity }: Outage): Felt {
  const felt: Felt = { before: { requests: 0, errors: 0 }, during: { requests: 0, errors: 0 }, after: { requests: 0, errors: 0 } }
  for (const [index, { atMs, requests, errors }] of points.entries()) {
    const part = atMs <= from ? felt.before : (points[index - 1]?.atMs ?? fromMs) >= to ? felt.after : felt.during
    part.requests += requests
    part.errors += errors
  }
  return felt
}

/** `40 of 60 requests failed; before it 0 of 120, after it 3 of 80, the last one 1.70 s after the recovery`. */
export function feltText ({ before, during, after }: Felt, lastAfterMs = 0): string {
  const of = ({ requests, errors }: Part): string => `${errors} of ${requests}`
  const last = after.errors === 0 ? '' : `, the last one ${durationText(lastAfterMs)} after the recovery`
  return `${of(during)} requests failed; before it ${of(before)}, after it ${of(after)}${last}`
}

/**
 * What customers felt that the probe did not see: requests that failed before the outage, or still after it. Undefined where both tell the
 * same, or nothing is over yet.
 * @param slackMs how much later than it was sent a request may fail
 */
export function unseen ({ failing }: Pick<LoadSummary, 'failing'>, outage: Outage | undefined, slackMs: number): string | undefined {
  if (failing === undefined || outage?.to === undefined) return undefined
  // A load knows its failures to the second in which they ended.
  const exactMs = 1000
  if (failing.toMs > outage.to + exactMs + slackMs) return `customers still got errors ${durationText(failing.toMs - outage.to)} after the probe had seen the recovery`
  if (failing.fromMs < outage.from - exactMs) return `customers got errors ${durationText(outage.from - failing.fromMs)} before the probe saw the outage`
  return undefined
}
