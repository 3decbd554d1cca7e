import type { CheckInputs } from '../../src/drill/checks.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import type { LastWrite } from '../../src/drill/rebuild.js'
import type { Check } from '../action.js'
import { answer } from '../backup/answer.js'
import { commitNothing } from '../backup/archiving.js'
import { onCopy, readLog } from '../backup/copy-server.js'
import { onPrimary } from '../backup/live.js'

/**
 * The moment at which the living system counts as lost: one more write is acknowledged there, and the clock runs. Nothing is archived
 * for it: what the archive lacks then is what a disaster takes.
 */
export const rebuildMoment: Check<CheckInputs['rebuild.moment']> = async ({ rebuild: { source } }, context) => {
  return await answer('a last write is acknowledged by the living system', context, async () => {
    const lastWrite = await onPrimary(source.database, context, async client => {
      const { xid, lsn } = await commitNothing(client)
      const { rows: [row] } = await client.query<{ at: string | null }>('select (extract(epoch from pg_xact_commit_timestamp($1::xid8::xid)) * 1000)::text as at', [xid])
      return { xid, lsn, committedAtMs: row!.at === null ? undefined : Number(row!.at) }
    })
    const { xid, committedAtMs } = lastWrite
    if (committedAtMs === undefined) return { outcome: 'blind', observed: 'the living server keeps no commit times (track_commit_timestamp): what is lost could not be told as a time' }
    return { outcome: 'pass', observed: `transaction ${xid} was acknowledged at ${timeText(committedAtMs)}: from here on the living system counts as lost`, output: { lastWrite, atMs: Date.now() } }
  })
}

/** What the restored database lacks of what was acknowledged. Asked before anybody writes to it: later its transactions take the same numbers. */
export const rebuildLoss: Check<CheckInputs['rebuild.loss']> = async ({ rebuild, copy, lastWrite, rpo }, context) => {
  const allowedMs = rpo === undefined ? 0 : durationMs(rpo)
  return await answer(allowedMs === 0 ? 'no acknowledged write is lost' : `at most ${rpo} of acknowledged writes are lost`, context, async () => {
    const user = rebuild.source.database.nodes[0]!.user
    const { log } = await readLog(copy)
    if (await isThere(copy, user, lastWrite, context)) return { outcome: 'pass', observed: `nothing is lost: the last acknowledged write, transaction ${lastWrite.xid}, is here`, output: { lostMs: 0 } }
    if (log.lastCommitAtMs === undefined) return { outcome: 'blind', observed: `the last acknowledged write, transaction ${lastWrite.xid}, is not here, and the log does not say of when the newest one is that is` }
    const lostMs = Math.max(0, Math.round(lastWrite.committedAtMs - log.lastCommitAtMs))
    const observed = `the last acknowledged write, transaction ${lastWrite.xid} of ${timeText(lastWrite.committedAtMs)}, is lost; the newest that is here is of ${timeText(log.lastCommitAtMs)}: RPA ${durationText(lostMs)}`
    return { outcome: allowedMs > 0 && lostMs <= allowedMs ? 'pass' : 'fail', observed, output: { lostMs } }
  })
}

/** From the moment of the disaster to the first good smoke on the restored system, which is asked right before this. */
export const rebuildTimely: Check<CheckInputs['rebuild.timely']> = async ({ atMs, smoke, rto = '4h' }, context) => {
  return await answer(`the system is back within ${rto}, proven by its smoke checks`, context, async () => {
    const tookMs = Date.now() - atMs
    if (!smoke.startsWith('passed')) return { outcome: 'fail', observed: `the smoke checks say "${smoke}": after ${durationText(tookMs)} the system is not back`, output: {} }
    return { outcome: tookMs <= durationMs(rto) ? 'pass' : 'fail', observed: `RTA ${durationText(tookMs)} from the disaster to good smoke checks`, output: { tookMs } }
  })
}

/** By number and time: a number alone may be another transaction's by now. */
async function isThere (copy: CheckInputs['rebuild.loss']['copy'], user: string, { xid, committedAtMs }: LastWrite, context: Parameters<Check<never>>[1]): Promise<boolean> {
  return await onCopy(copy, { user, database: 'postgres' }, context, async client => {
    const { rows: [row] } = await client.query<{ at: string | null }>(
      `select case when $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) and pg_xact_status($1::xid8) = 'committed'
        then (extract(epoch from pg_xact_commit_timestamp($1::xid8::xid)) * 1000)::text end as at`, [xid])
    return row!.at !== null && Number(row!.at) === committedAtMs
  })
}

function timeText (atMs: number): string {
  return new Date(atMs).toISOString()
}
