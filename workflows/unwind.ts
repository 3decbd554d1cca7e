import { sleep } from '@temporalio/workflow'
import { durationMs, type Duration } from '../src/drill/duration.js'
import { unwindOrder, type LedgerEntry } from '../src/drill/ledger.js'
import { defaultUndoDeadline } from '../src/drill/runbook.js'
import type { UndoLimit } from './activities.js'
import { causeOf } from './answered.js'
import type { Run } from './run.js'

/** What undoing takes: a running drill, or one that is taken up from its record. */
export interface Unwinding extends Pick<Run, 'journal' | 'ledger' | 'activities'> {
  input: { drillId: string, runbook: { undoDeadline?: Duration } }
  keeper: Pick<Run['keeper'], 'tell'>
}

/** Tries of one undo before the ones behind it get their turn: they may heal what it needs. */
const triesATurn = 2

/**
 * Undoes what is owed until each entry's own verification has passed or its deadline is over; what could not be proven is "left
 * behind", never swallowed. One that fails waits for the others: it may need what they heal. Runs outside of every cancellation.
 */
export async function unwind (run: Unwinding, keep: (entry: LedgerEntry) => boolean = () => false): Promise<void> {
  const deadlineAtMs = Date.now() + undoDeadlineMs(run)
  for (;;) {
    const owed = unwindOrder(run.ledger).filter(entry => !keep(entry))
    if (owed.length === 0) return
    let progress = false
    for (const entry of owed) {
      const leftMs = deadlineAtMs - Date.now()
      // The only one left has all the time that is left; past the deadline each gets a last turn, whatever the others took.
      const problem = owed.length === 1 && leftMs > 0
        ? await attempt(run, entry, { withinMs: leftMs })
        : await attempt(run, entry, { tries: triesATurn })
      if (problem === undefined) progress = true
      else if (Date.now() >= deadlineAtMs) leaveBehind(run, entry, problem)
    }
    if (!progress && Date.now() < deadlineAtMs) await sleep(1000, { summary: 'undo again' })
  }
}

/** Undoes one entry now, for an `undo` step. An error text where it failed: it is still owed then, and tried again at the end. */
export async function undoEntry (run: Unwinding, entry: LedgerEntry): Promise<string | undefined> {
  if (entry.state === 'settled') return undefined
  return await attempt(run, entry, { withinMs: undoDeadlineMs(run) })
}

async function attempt (run: Unwinding, entry: LedgerEntry, limit: UndoLimit): Promise<string | undefined> {
  run.journal.emit({ type: 'undo.started', entry: entry.id })
  try {
    const result = await run.activities.undo(entry.action, { drillId: run.input.drillId, stepId: entry.id, with: entry.with }, limit)
    entry.state = 'settled'
    if (result.reverted) run.keeper.tell(result.reverted)
    if (result.leaseUnknown) run.journal.emit({ type: 'finding.raised', severity: 'major', text: `the lease of "${entry.id}" was held on another machine: whether its watchdog reverted the fault is not known`, step: entry.id })
    run.journal.emit({ type: 'undo.finished', entry: entry.id, state: result.state, summary: result.summary })
    return undefined
  } catch (error) {
    const cause = causeOf(error)
    if (cause === undefined) throw error
    return cause.message
  }
}

function leaveBehind (run: Unwinding, entry: LedgerEntry, message: string): void {
  entry.state = 'left-behind'
  run.journal.emit({ type: 'undo.leftBehind', entry: entry.id, title: entry.title, byHand: entry.byHand, message })
  run.journal.emit({ type: 'finding.raised', severity: 'critical', text: `left behind: ${entry.title}. By hand: ${entry.byHand}`, step: entry.id })
}

function undoDeadlineMs (run: Unwinding): number {
  return durationMs(run.input.runbook.undoDeadline ?? defaultUndoDeadline)
}
