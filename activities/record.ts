import type { DrillEvent } from '../src/drill/timeline.js'

export interface RecordDeps {
  /** Appends events to the store, idempotently on (drill, seq). */
  append: (drillId: string, events: DrillEvent[]) => Promise<void>
}

/** Carries what has gathered on a drill's timeline to the store. Twice is once. */
export function createRecord (deps: RecordDeps) {
  return async ({ drillId, events }: { drillId: string, events: DrillEvent[] }): Promise<void> => {
    await deps.append(drillId, events)
  }
}
