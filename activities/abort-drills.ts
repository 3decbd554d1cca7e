import { Context } from '@temporalio/activity'
import type { Door, Person } from '../src/drill/people.js'
import { DrillError } from '../src/errors.js'

export interface AbortDrillsDeps {
  /** Ids of drills that run, in one environment or everywhere; those nested in another one are not among them. */
  runningDrills: (environment: string | undefined) => Promise<string[]>
  abort: (drillId: string, message: Omit<Order, 'environment'>) => Promise<unknown>
}

interface Order { environment?: string, person: Person, door: Door, reason: string }

/** Aborts every drill that runs; throws once all were told where one could not be, so that it is tried again. A drill that is over is no failure. */
export function createAbortDrills ({ runningDrills, abort }: AbortDrillsDeps) {
  return async ({ environment, ...message }: Order): Promise<{ told: string[] }> => {
    const told: string[] = []
    const failed: string[] = []
    for (const drillId of await runningDrills(environment)) {
      Context.current().heartbeat()
      try {
        await abort(drillId, message)
        told.push(drillId)
      } catch (error) {
        if (!(error instanceof DrillError) || (error.code !== 'drill.over' && error.code !== 'drill.unknown')) failed.push(drillId)
      }
    }
    if (failed.length > 0) throw new DrillError('temporal.timeout', `not told to abort yet: ${failed.join(', ')}`)
    return { told }
  }
}
