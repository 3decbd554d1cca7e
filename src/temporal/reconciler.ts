import { setTimeout as delay } from 'node:timers/promises'
import { undoInputOf, type UndoInput } from '../drill/owed.js'
import type { DrillEvent } from '../drill/timeline.js'
import { DrillError, messageOf } from '../errors.js'
import type { WorkflowState } from './orphans.js'

export interface ReconcilerDeps {
  /** Ids of drills without an end on record. */
  unended: () => Promise<string[]>
  /** Drills whose workflow was torn away, as Temporal knows them: those of which nothing is recorded are among them. */
  torn: () => Promise<string[]>
  stateOf: (drillId: string) => Promise<WorkflowState>
  recorded: (drillId: string) => Promise<DrillEvent[]>
  /** Events that the workflow had and the record has not. */
  missing: (drillId: string, after: number) => Promise<DrillEvent[]>
  append: (drillId: string, events: DrillEvent[]) => Promise<void>
  undo: (input: UndoInput) => Promise<unknown>
  log: (message: string, fields?: Record<string, unknown>) => void
  /** How often it looks, ms. Default 5000. */
  everyMs?: number
}

/**
 * Finds drills without a living workflow (terminated, timed out, forgotten by Temporal) that have no end on record, completes their
 * record from the workflow's history where that is still there, and has undone what they owe. Every worker runs one: the undoing is a
 * workflow of its own with the drill's name in its id, so that there is one at a time.
 */
export function startReconciler (deps: ReconcilerDeps): { stop: () => Promise<void>, look: () => Promise<void> } {
  const stopped = new AbortController()
  const done = new Set<string>()

  const look = async (): Promise<void> => {
    const [unended, torn] = await Promise.all([deps.unended(), deps.torn()])
    for (const drillId of new Set([...unended, ...torn])) {
      if (stopped.signal.aborted) return
      if (done.has(drillId)) continue
      try {
        if (await takeUp(deps, drillId)) done.add(drillId)
      } catch (error) {
        // The next look tries again: store or Temporal are away, or no worker could answer from the history.
        deps.log(`drill ${drillId} could not be taken up yet: ${messageOf(error)}`, { drillId })
      }
    }
  }

  const loop = (async () => {
    while (!stopped.signal.aborted) {
      await look().catch((error: unknown) => { if (!(error instanceof DrillError)) deps.log(`the reconciler could not look: ${messageOf(error)}`) })
      await delay(deps.everyMs ?? 5000, undefined, { signal: stopped.signal }).catch(() => {})
    }
  })()
  return {
    look,
    stop: async () => {
      stopped.abort()
      await loop
    },
  }
}

/** True once nothing is left to do for that drill. */
async function takeUp (deps: ReconcilerDeps, drillId: string): Promise<boolean> {
  const state = await deps.stateOf(drillId)
  if (state === 'running') return false
  const before = await deps.recorded(drillId)
  if (before.some(event => event.type === 'drill.ended')) return true
  const missing = state === 'over' ? await deps.missing(drillId, before.length) : []
  if (missing.length > 0) await deps.append(drillId, missing)
  const input = undoInputOf([...before, ...missing], 'its workflow ended without undoing (terminated from outside)')
  if (!input || input.ended) return true
  deps.log(`drill ${drillId} has no living workflow: undoing ${input.entries.length} entries that it owes`, { drillId })
  await deps.undo(input)
  return false
}
