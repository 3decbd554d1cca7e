import { clockText, durationText } from './duration.js'
import type { DrillStatus } from './status.js'

/** What a drill is at, in plain words: the same in the terminal and on the page. */
export function stateText (status: DrillStatus): string {
  if (status.verdict !== undefined) return verdictText[status.verdict]
  if (status.waitingFor.length > 0) return 'waiting for people'
  switch (status.phase) {
    case 'admission': return 'checking whether it may start'
    case 'unwinding': return 'putting everything back'
    case 'waiting': return 'waiting'
    case 'ended': return 'ended'
    case 'running': return 'running'
  }
}

export const verdictText: Record<NonNullable<DrillStatus['verdict']>, string> = {
  passed: 'PASSED', 'passed-with-findings': 'PASSED WITH FINDINGS', failed: 'FAILED', invalid: 'INVALID', aborted: 'ABORTED',
}

/** How the outage stands, beside the recovery clock. */
export function recoveryText (status: DrillStatus, nowMs: number): string {
  const { clock } = status
  if (clock.recoveredAtMs !== undefined) {
    return clock.rtaTechnicalMs === undefined ? 'recovered' : `recovered in ${durationText(clock.rtaTechnicalMs)}`
  }
  if (clock.startedAtMs !== undefined) return clock.detectedAtMs === undefined ? 'down, not detected yet' : 'down'
  if (clock.faultAtMs !== undefined) return `fault struck ${clockText(nowMs - clock.faultAtMs)} ago, no failed probe yet`
  return 'no outage so far'
}
