import type { ActionInputs, ActionName } from './actions.js'
import type { Duration } from './duration.js'

/** How long a fault stays when nothing renews its lease, where a step does not say. */
export const defaultLease: Duration = '30s'
/** The longest lease that a step may ask for, where its runbook does not say. */
export const defaultMaxLease: Duration = '5m'

/** A fault that reverts by itself, whatever has died: what the watchdog needs to undo it without Temporal, store or worker. No secret. */
export interface Lease {
  drillId: string
  stepId: string
  action: ActionName
  with: ActionInputs[ActionName]
  leaseMs: number
  /** How long it stays at most, however often it is renewed. */
  mostMs?: number
  heldSinceMs: number
}

/** What the watchdog did, signed off with what its own verification saw. Kept until long after the drill has found it. */
export interface Reverted extends Lease {
  revertedAtMs: number
  /** Why it did not wait: whose renewal was missing, for how long. */
  reason: string
  /** What was done, and what the verification saw then. */
  summary: string
  by: { pid: number, host: string }
}
