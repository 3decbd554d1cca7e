import type { CheckInputs } from '../../src/drill/checks.js'
import { onPrimary } from '../backup/live.js'
import { answer } from '../backup/answer.js'
import type { Check } from '../action.js'

interface Archiver { failing: boolean, failures: number, last: string | null, waiting: number }

const archiverSql = `
  select coalesce(last_failed_time > last_archived_time, last_failed_time is not null) as failing, failed_count::int as failures, last_failed_wal as last,
    (select count(*)::int from pg_ls_archive_statusdir() where name like '%.ready') as waiting
  from pg_stat_archiver`

/** The archiver's last try failed, and WAL waits for it on the primary. */
export const archivingStuck: Check<CheckInputs['archiving.stuck']> = async ({ database }, context) => {
  return await answer('the archiver fails, and WAL segments wait for it', context, async () => {
    const { failing, failures, last, waiting } = await onPrimary(database, context, async client => (await client.query<Archiver>(archiverSql)).rows[0]!)
    return {
      outcome: failing && waiting > 0 ? 'pass' : 'fail',
      observed: failing ? `${failures} tries failed, the last with ${last}; ${waiting} segments wait` : `the archiver's last try did not fail; ${waiting} segments wait`,
      output: { waiting },
    }
  })
}
