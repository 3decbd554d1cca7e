import type { ActionInputs, ActionName } from './actions.js'
import { durationMs } from './duration.js'
import type { LedgerEntry } from './ledger.js'
import { defaultUndoDeadline } from './runbook.js'
import type { DrillEvent, Phase } from './timeline.js'

/** What a drill still owes an environment, as its record says; Temporal may have forgotten it. */
export interface OwedEntry {
  drillId: string
  environment: string
  phase: Phase
  /** The ledger entry: its step's id. */
  entry: string
  title: string
  /** The command for a person, should `muster undo` not do it. */
  byHand: string
  state: 'owed' | 'left-behind'
  /** Why it could not be undone so far. */
  message?: string
}

/** What is needed to undo the rest of a drill without its workflow. */
export interface UndoInput {
  drillId: string
  environment: string
  /** Where the environment's workers are. */
  taskQueue?: string
  undoDeadlineMs: number
  entries: LedgerEntry[]
  /** The last event on record. */
  lastSeq: number
  /** Whether its end is on record. A drill whose workflow was terminated has none: it gets one. */
  ended: boolean
  /** Why it is undone from outside: who asked, or what was found. */
  reason: string
}

/** What undoes the rest of a drill, from its whole record. */
export function undoInputOf (events: DrillEvent[], reason: string): UndoInput | undefined {
  const [first] = events
  if (first?.type !== 'drill.started') return undefined
  const { drillId, environment, taskQueue, undoDeadlineMs = durationMs(defaultUndoDeadline) } = first
  return { drillId, environment, taskQueue, undoDeadlineMs, reason, entries: owedIn(events), lastSeq: events.at(-1)!.seq, ended: events.some(event => event.type === 'drill.ended') }
}

/** Entries of the ledger that no event has settled, as they can be undone: in the order in which they were owed. */
export function owedIn (events: DrillEvent[]): LedgerEntry[] {
  const entries = new Map<string, LedgerEntry>()
  for (const event of events) {
    if (event.type === 'undo.owed') {
      const { entry: id, action, with: input, title, byHand } = event
      if (action !== undefined) entries.set(id, { id, action: action as ActionName, with: input as unknown as ActionInputs[ActionName], title, byHand, state: 'owed' })
    } else if (event.type === 'undo.finished') {
      entries.delete(event.entry)
    }
  }
  return [...entries.values()]
}
