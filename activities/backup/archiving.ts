import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { ArchivedCanary } from '../../src/drill/backup.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import { segmentOfEnd, segmentText } from '../../src/drill/wal.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'
import { lookAtPrimary, onPrimary } from './live.js'
import { readArchive, readRepository } from './repository.js'

const everyMs = 250

interface Archiver { last: string | null, failed: string | null, failures: number }

const archiverSql = 'select last_archived_wal as last, last_failed_wal as failed, failed_count::int as failures from pg_stat_archiver'

/** Commits an empty transaction: its number, and where its commit record ends at most. */
export async function commitNothing (client: pg.Client): Promise<{ xid: string, lsn: string }> {
  await client.query('begin')
  const { xid } = (await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid')).rows[0]!
  await client.query('commit')
  return { xid, lsn: (await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')).rows[0]!.lsn }
}

/**
 * One empty transaction is committed (it has a number and a commit record, and touches no table), its WAL segment is closed, and then
 * the repository itself must have that segment: what the server says of its archiver is only what its archive_command said.
 */
export const backupArchiving: Check<CheckInputs['backup.archiving']> = async ({ database, backup, within = '60s' }, context) => {
  return await answer(`a WAL segment that ends now is in the repository within ${within}`, context, async () => {
    const { segmentBytes, timeline } = await lookAtPrimary(database, context)
    const from = Date.now()
    const canary = await onPrimary(database, context, async client => {
      const { xid, lsn } = await commitNothing(client)
      await client.query('select pg_switch_wal()')
      return { xid, lsn, segment: segmentText(segmentOfEnd(lsn, timeline, segmentBytes), segmentBytes), timeline } satisfies ArchivedCanary
    })
    for (;;) {
      const archive = await readArchive(backup, await readRepository(backup, context), segmentBytes, context)
      if (archive.segments.includes(canary.segment)) {
        return { outcome: 'pass', observed: `${canary.segment}, with transaction ${canary.xid}, was in the repository after ${durationText(Date.now() - from)}`, output: { canary } }
      }
      if (Date.now() - from > durationMs(within)) break
      await sleep(everyMs, undefined, { signal: context.signal })
    }
    const archiver = await onPrimary(database, context, async client => (await client.query<Archiver>(archiverSql)).rows[0]!)
    const pretends = archiver.last !== null && archiver.last.slice(8) >= canary.segment.slice(8)
    return {
      outcome: 'fail',
      observed: pretends
        ? `the server says that ${archiver.last} is archived, and the repository does not have ${canary.segment}: the archive command pretends`
        : `${canary.segment} was not archived within ${within}${archiver.failures > 0 ? `; ${archiver.failures} tries have failed, last ${archiver.failed}` : ''}`,
      output: {},
    }
  })
}
