import { join } from 'node:path'
import type { ArchivedCanary } from '../../src/drill/backup.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import type { Copy, RecoveryLog } from '../../src/drill/copy.js'
import type { Backup, DatabaseCluster } from '../../src/drill/environment.js'
import { lsnBytes } from '../../src/drill/loss.js'
import { isReplayed } from '../../src/drill/target.js'
import { parseHistory, parseSegment, segmentText } from '../../src/drill/wal.js'
import type { Check, StepContext } from '../action.js'
import { askInvariants } from '../checks/postgres-invariants.js'
import { answer } from './answer.js'
import { copyControl, onCopy, readLog, standingOf } from './copy-server.js'
import { readWalEvents, segmentBytesOf } from './wal-events.js'

/** One of the six proofs: what was seen, or what is wrong with it, or why it could not be asked. */
type Proof = { good: string } | { wrong: string } | { blind: string }

/**
 * The six proofs of a restore: it is no longer in recovery (or paused where it was to), its server lives, the log says where recovery
 * stopped, it is on the expected PG timeline, the canary is there, and the business's invariants hold. `pg_ctl` said success and
 * "promoted" with data missing.
 */
export const copyProven: Check<CheckInputs['copy.proven']> = async (input, context) => {
  const { copy, database, backup, canary, later } = input
  return await answer('six proofs: recovery over, server alive, the stop in the log, the PG timeline, the canary, the invariants', context, async () => {
    const user = database.nodes[0]!.user
    if (!await (await copyControl(backup, copy, context)).alive()) {
      const { log } = await readLog(copy)
      return { outcome: 'fail', observed: `the copy's server is dead${log.fatal.length > 0 ? `: ${log.fatal.join('; ')}` : ''}` }
    }
    const { log } = await readLog(copy)
    const over = recoveryOver(copy, await standingOf(copy, user, context))
    // Nothing else can be asked then as it is asked of a copy that has arrived.
    if ('wrong' in over) return { outcome: 'fail', observed: over.wrong }
    const proofs: Proof[] = [
      over,
      { good: 'its server lives' },
      stopProof(copy, log),
      await timelineProof(copy, user, log, context),
      await canaryProof(input, canary, context),
      ...later ? [await canaryProof(input, later, context)] : [],
      await invariantProof(copy, user, database, context),
    ]
    const wrong = proofs.flatMap(proof => 'wrong' in proof ? [proof.wrong] : [])
    const blind = proofs.flatMap(proof => 'blind' in proof ? [proof.blind] : [])
    const good = proofs.flatMap(proof => 'good' in proof ? [proof.good] : [])
    const output = { proven: good.length, of: proofs.length }
    if (wrong.length > 0) return { outcome: 'fail', observed: [...wrong, ...blind].join('; '), output }
    if (blind.length > 0) return { outcome: 'blind', observed: blind.join('; '), output }
    return { outcome: 'pass', observed: good.join('; '), output }
  })
}

function recoveryOver ({ state }: Copy, { inRecovery, paused }: { inRecovery: boolean, paused: boolean }): { good: string } | { wrong: string } {
  if (!inRecovery) return { good: 'recovery is over' }
  return state === 'paused' && paused ? { good: 'recovery is paused at its target' } : { wrong: 'it is still in recovery' }
}

/** Without a target recovery goes to the end of the archive, and says nothing of a stop: where redo ended is the proof. */
function stopProof ({ target, gap }: Copy, { stopLine, redoDone }: RecoveryLog): Proof {
  if (target) {
    if (stopLine === undefined) return { wrong: `the log has no "recovery stopping" line, expected "${target.proof}"` }
    // With the time behind it, or the end: 149 must not do for 1492.
    return stopLine === target.proof || stopLine.startsWith(`${target.proof},`) ? { good: stopLine } : { wrong: `the log says "${stopLine}", expected "${target.proof}"` }
  }
  if (stopLine !== undefined) return { wrong: `recovery was to go to the end of the archive, and the log says "${stopLine}"` }
  if (redoDone === undefined) return { wrong: 'the log does not say where redo ended' }
  return gap === undefined ? { good: `redo ended at ${redoDone}` } : { wrong: `redo ended at ${redoDone}, before a hole in the archive: ${gap} is missing` }
}

/** By the WAL that it writes: right after a promotion the control file still says the old one. */
async function timelineProof (copy: Copy, user: string, log: RecoveryLog, context: StepContext): Promise<Proof> {
  return await onCopy(copy, { user, database: 'postgres' }, context, async client => {
    if (copy.state === 'paused') {
      const { rows: [row] } = await client.query<{ timeline: number }>('select min_recovery_end_timeline as timeline from pg_control_recovery()')
      // Before it has written anything back, recovery knows of no minimum.
      return row!.timeline === copy.timeline || row!.timeline === 0 ? { good: `it follows PG timeline ${copy.timeline}` } : { wrong: `it follows PG timeline ${row!.timeline}, expected ${copy.timeline}` }
    }
    const { rows: [row] } = await client.query<{ timeline: number, history: string | null }>(`
      select t as timeline, pg_read_file('pg_wal/' || lpad(upper(to_hex(t)), 8, '0') || '.history', 0, 1000000, true) as history
      from (select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as t) as now`)
    const { timeline, history } = row!
    const parent = parseHistory(history ?? '').at(-1)?.parent
    if (log.selectedTimeline !== timeline) return { wrong: `it writes PG timeline ${timeline}, its log selected ${log.selectedTimeline ?? 'none'}` }
    return parent === copy.timeline ? { good: `PG timeline ${timeline}, from ${parent}` } : { wrong: `it came up on PG timeline ${timeline}, which comes from ${parent ?? 'nowhere'}, expected from ${copy.timeline}` }
  })
}

async function canaryProof ({ copy, database, backup }: CheckInputs['copy.proven'], canary: ArchivedCanary | undefined, context: StepContext): Promise<Proof> {
  if (canary === undefined) return { blind: 'no canary was given, so nobody can tell how much is here' }
  const isHere = await isCommitted(copy, database.nodes[0]!.user, canary.xid, context)
  const isExpected = await liesBefore(copy, backup, canary, context)
  if (isExpected === undefined) return { blind: `transaction ${canary.xid} is not where the canary lies, in ${canary.segment}` }
  if (isHere === isExpected) return { good: `the canary, transaction ${canary.xid}, is ${isHere ? 'here' : 'not here, as its target wants'}` }
  return { wrong: isExpected ? `the newest archived canary, transaction ${canary.xid} in ${canary.segment}, is not here` : `the canary, transaction ${canary.xid}, is here, and lies behind the target` }
}

/** Whether a copy that went to its target has a canary. What the canary knows is where its record ends at most: near the target the WAL decides. */
async function liesBefore (copy: Copy, backup: Backup, canary: ArchivedCanary, context: StepContext): Promise<boolean | undefined> {
  const { dir, target } = copy
  if (target === undefined || lsnBytes(target.lsn) >= lsnBytes(canary.lsn)) return true
  const walDir = join(dir, 'wal')
  const segmentBytes = await segmentBytesOf(backup, { walDir }, canary.segment, context)
  const { timeline, index } = parseSegment(canary.segment, segmentBytes)
  // The record may have begun in the segment before the one that it ended in.
  for (const segments of [[canary.segment], [segmentText({ timeline, index: index - 1 }, segmentBytes), canary.segment]]) {
    const { commits } = await readWalEvents(backup, { walDir }, segments, context)
    const commit = commits.find(({ xid }) => xid === String(BigInt(canary.xid) % 2n ** 32n))
    if (commit) return isReplayed(commit.lsn, target)
  }
  return undefined
}

/** Whether a copy knows a transaction as committed. One that was still out at the stop, or is in its future, is not. */
export async function isCommitted (copy: Pick<Copy, 'socketDir' | 'port'>, user: string, xid: string, context: Pick<StepContext, 'signal' | 'secret'>): Promise<boolean> {
  return await onCopy(copy, { user, database: 'postgres' }, context, async client => {
    const { rows: [row] } = await client.query<{ here: boolean }>(
      // Asking for one in the future is an error of the server.
      "select case when $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status($1::xid8) = 'committed' else false end as here", [xid])
    return row!.here === true
  })
}

async function invariantProof (copy: Copy, user: string, database: DatabaseCluster, context: StepContext): Promise<Proof> {
  const login = { host: copy.socketDir, port: copy.port ?? 5432, user, database: database.endpoint.database }
  const { outcome, observed } = await askInvariants(login, database.invariants ?? [], context)
  return outcome === 'pass' ? { good: observed } : outcome === 'fail' ? { wrong: `invariant ${observed}` } : { blind: observed }
}
