import { actionCatalog, type ActionInputs, type ActionName } from './actions.js'
import type { EventBody } from './timeline.js'

/** One undo that a drill owes. Written before its action runs, because an action that timed out may have happened. */
export interface LedgerEntry {
  /** The step's id. */
  id: string
  action: ActionName
  with: ActionInputs[ActionName]
  title: string
  byHand: string
  state: 'owed' | 'settled' | 'left-behind'
}

export function owe (id: string, action: ActionName, input: ActionInputs[ActionName]): LedgerEntry {
  const facts = actionCatalog[action]
  return { id, action, with: input, title: facts.undoTitle(input as never), byHand: facts.byHand(input as never), state: 'owed' }
}

/** The event of an entry: with all that is needed to undo it when the drill's workflow is gone. */
export function owedEvent ({ id, action, with: input, title, byHand }: LedgerEntry): Extract<EventBody, { type: 'undo.owed' }> {
  return { type: 'undo.owed', entry: id, action, with: input as unknown as Record<string, unknown>, title, byHand }
}

/**
 * The order in which what is owed is undone: links first (every other undo may need them, and a healed link harms nobody), then
 * the reverse of how it was done.
 */
export function unwindOrder (entries: LedgerEntry[]): LedgerEntry[] {
  const owed = entries.filter(entry => entry.state === 'owed').reverse()
  return [...owed.filter(entry => actionCatalog[entry.action].healsFirst), ...owed.filter(entry => !actionCatalog[entry.action].healsFirst)]
}
