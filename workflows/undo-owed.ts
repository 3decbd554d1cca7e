import { sleep } from '@temporalio/workflow'
import type { UndoInput } from '../src/drill/owed.js'
import { activitiesIn } from './activities.js'
import { hold } from './hold.js'
import { Journal } from './journal.js'
import { unwind } from './unwind.js'

/**
 * Undoes what a drill owes whose workflow cannot any more: it was terminated, or it left something behind and has ended. Everything comes
 * from the drill's record, and is written to it. Its id is `undo:DRILL`, so that two people, or a person and the reconciler, start one.
 */
export async function undoOwed (input: UndoInput): Promise<{ leftBehind: string[] }> {
  const { drillId, environment, entries, lastSeq, ended, reason, undoDeadlineMs } = input
  const journal = new Journal(drillId, 500, lastSeq)
  const recording = journal.run()
  journal.emit({ type: 'undo.asked', reason })
  journal.hurry()
  const release = await holdOnce(environment, drillId)

  const ledger = entries.map(entry => ({ ...entry }))
  await unwind({
    journal,
    ledger,
    activities: activitiesIn(input.taskQueue),
    input: { drillId, runbook: { undoDeadline: `${undoDeadlineMs}ms` } },
    keeper: { tell: ({ stepId, revertedAtMs, reason, summary }) => { journal.emit({ type: 'lease.reverted', step: stepId, revertedAtMs, reason, summary }) } },
  })
  release()
  const leftBehind = ledger.filter(entry => entry.state !== 'settled').map(entry => entry.id)
  if (!ended) {
    // Never green, and never as if somebody had looked: what its steps had reached is not known.
    journal.emit(leftBehind.length > 0
      ? { type: 'drill.ended', verdict: 'failed', why: `${reason}; left behind: ${leftBehind.join(', ')}` }
      : { type: 'drill.ended', verdict: 'aborted', why: `${reason}; ${entries.length === 0 ? 'it owed nothing' : 'what it owed was undone, and proven so'}` })
  }
  journal.close()
  await recording
  return { leftBehind }
}

/** A drill that runs there now is waited for: an undo beside it would act against it. */
async function holdOnce (environment: string, drillId: string): Promise<() => void> {
  for (;;) {
    const release = await hold(environment, drillId)
    if (release) return release
    await sleep('2s', { summary: `${environment} is held by a drill` })
  }
}
