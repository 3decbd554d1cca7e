import type { UndoResult } from '../src/drill/actions.js'
import { DrillError } from '../src/errors.js'
import type { Action, StepContext } from './action.js'

/** Looks, undoes, looks again: only its own verification makes an undo a success. Throws `undo.unproven`. */
export async function undoVerified<Input> (action: Action<Input>, input: Input, context: StepContext): Promise<UndoResult> {
  const before = await action.verify(input, context).catch(() => ({ undone: false, summary: '' }))
  if (before.undone) return { state: 'already', summary: before.summary }
  const done = await action.undo(input, context)
  const after = await action.verify(input, context)
  if (!after.undone) throw new DrillError('undo.unproven', `${done}, but: ${after.summary}`)
  return { state: 'undone', summary: `${done}; ${after.summary}` }
}
