import type { Check } from '../action.js'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import { accountFor, canaryKey, isBeyond, type Loss, type WalEvidence, type WrittenCanary } from '../../src/drill/loss.js'
import { messageOf } from '../../src/errors.js'
import { readJournals } from '../observe/journal.js'
import { nodeOf } from '../postgres/connection.js'
import { readCommitLog, readSurvivors, type Survivors } from './survivors.js'
import { readFailedWal } from './failed-wal.js'

/** How long canaries that are still out may take to be settled, before they count as unknown. */
const settleMs = 1_500

/**
 * The account of writes after a recovery: the journal (outside of the database) against the table on the promoted node, with the
 * failed node's WAL as second witness. Writers may go on meanwhile: only what was issued before the check began counts.
 */
export function canariesCompare ({ dataDir }: { dataDir: string }): Check<CheckInputs['canaries.compare']> {
  return async (input, context) => {
    const allowed = input.rpo === undefined ? 0 : durationMs(input.rpo)
    const expected = `no acknowledged write lost${allowed > 0 ? ` from longer than ${input.rpo} before the fault` : ''}, none there twice, and the failed node's WAL agrees`
    const blind = (observed: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })
    const cutMs = steadyNow()
    try {
      let written = await settledBefore(dataDir, context.drillId, cutMs, context.signal)
      if (!written.some(canary => canary.outcome === 'acked')) return blind(`the journal on this worker has no acknowledged canary of ${context.drillId}`)
      const promoted = nodeOf(input.database, input.promoted)
      const survivors = await readSurvivors({ ...promoted, database: input.database.endpoint.database }, context.drillId, context)
      // Read again: a row that was written after the cut was issued by somebody too.
      const later = new Set(readJournals(dataDir, context.drillId).filter(canary => !(canary.issuedAtMs < cutMs)).map(canaryKey))
      written = written.filter(canary => !later.has(canaryKey(canary)))
      const isAlone = input.failed === input.promoted
      const wal = isAlone ? await readCommitLog(promoted, written, context) : await failedWal(input, survivors, context)
      const found = survivors.found.filter(row => !later.has(canaryKey(row)))
      const loss = accountFor({ written, found, faultAtMs: input.faultAtMs, switchLsn: isAlone ? undefined : survivors.switchLsn, wal })
      return { outcome: outcomeOf(loss, allowed), observed: lossText(loss), expected, output: { ...loss, witness: loss.witness.outcome }, loss }
    } catch (error) {
      context.signal.throwIfAborted()
      return blind(messageOf(error))
    }
  }
}

function outcomeOf (loss: Loss, allowedMs: number): CheckResult['outcome'] {
  return isBeyond(loss, allowedMs) || loss.doubled > 0 || loss.alien > 0 || loss.witness.outcome === 'disagrees' ? 'fail' : 'pass'
}

/** The canaries that were issued before the cut, as soon as all are settled or the time for it is over. */
async function settledBefore (dataDir: string, drillId: string, cutMs: number, signal: AbortSignal): Promise<WrittenCanary[]> {
  for (;;) {
    signal.throwIfAborted()
    const written = readJournals(dataDir, drillId).filter(canary => canary.issuedAtMs < cutMs)
    const lastRun = written.reduce((run, canary) => Math.max(run, canary.run), 0)
    // Earlier runs are dead: what they had out stays out.
    if (steadyNow() - cutMs > settleMs || !written.some(canary => canary.run === lastRun && canary.settledAtMs === undefined)) return written
    await new Promise(resolve => { setTimeout(resolve, 50) })
  }
}

async function failedWal (input: CheckInputs['canaries.compare'], survivors: Survivors, context: { signal: AbortSignal }): Promise<WalEvidence> {
  const { switchLsn, parentTimeline: timeline, segmentBytes } = survivors
  if (switchLsn === undefined || timeline === undefined) return { unreadable: `${input.promoted} has no history of a promotion` }
  return await readFailedWal(nodeOf(input.database, input.failed), { switchLsn, timeline, segmentBytes }, context.signal)
}

/** One line with every figure. */
function lossText (loss: Loss): string {
  const parts = [
    `${loss.survived} of ${loss.acked} acknowledged writes survived, ${loss.lost} lost`,
    loss.lost > 0 ? `RPA ${durationText(loss.rpaMs)}, ${loss.lostBytes} bytes of WAL, lost over ${durationText(loss.lostSpanMs)}` : undefined,
    `${loss.unknown} unknown (${loss.unknownPresent} there), ${loss.refused} refused`,
    loss.doubled > 0 ? `${loss.doubled} there twice` : undefined,
    loss.alien > 0 ? `${loss.alien} there that nobody wrote` : undefined,
    loss.witness.outcome === 'blind' ? `second witness blind: ${loss.witness.detail}` : `second witness ${loss.witness.outcome}: ${loss.witness.detail}`,
  ]
  return parts.filter(part => part !== undefined).join('; ')
}
