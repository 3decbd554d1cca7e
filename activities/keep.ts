import { Context } from '@temporalio/activity'
import type { Reverted } from '../src/drill/lease.js'
import type { LeaseFolder } from '../src/lease/folder.js'

export interface KeepDeps {
  leases: LeaseFolder
  /** Whether Temporal says that the drill still runs. False where Temporal does not answer: then nothing is to be kept broken. */
  isRunning: (drillId: string) => Promise<boolean>
}

/** How often leases are renewed, ms: a lease of a few seconds must survive a slow answer. */
const everyMs = 500

/**
 * Renews the leases of a drill for as long as it runs: its life is what keeps the faults broken. A dead worker, a Temporal that is away
 * and a drill that was terminated all end the renewing, and the watchdog does the rest.
 * @param known steps whose revert the drill has heard of already
 * @returns what the watchdog reverted meanwhile, as soon as it has
 */
export function createKeep ({ leases, isRunning }: KeepDeps) {
  return async ({ drillId, known }: { drillId: string, known: string[] }): Promise<Reverted[]> => {
    const activity = Context.current()
    for (;;) {
      activity.heartbeat()
      const reverted = leases.revertsOf(drillId).filter(one => !known.includes(one.stepId))
      if (reverted.length > 0) return reverted
      if (await isRunning(drillId)) leases.renew(drillId)
      await activity.sleep(everyMs)
    }
  }
}
