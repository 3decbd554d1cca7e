import { tryDurationMs } from '../../drill/duration.js'

/** Whether a duration is there, known already, and nothing. */
export function isZero (duration: string | undefined): boolean {
  return duration !== undefined && tryDurationMs(duration) === 0
}
