import { DrillError } from '../../src/errors.js'
import { durationText } from '../../src/drill/duration.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import type { Check } from '../action.js'
import { withClient, type Reach } from '../postgres/connection.js'
import type { SeenNode } from '../postgres/pair.js'
import { defectsOf } from '../postgres/wholeness.js'

/** A finished segment that the archiver has not taken after this long is stuck, ms. */
const archiveWithinMs = 30_000

const archiverSql = `
  select current_setting('archive_mode') as mode,
    last_failed_wal, coalesce(last_failed_time > last_archived_time, last_failed_time is not null) as failing,
    (extract(epoch from clock_timestamp() - last_archived_time) * 1000)::float8 as archived_ms_ago,
    (select (extract(epoch from clock_timestamp() - min(modification)) * 1000)::float8 from pg_ls_archive_statusdir() where name like '%.ready') as oldest_ready_ms,
    (select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::float8 from pg_stat_replication) as behind
  from pg_stat_archiver`

interface Archiver { mode: string, last_failed_wal: string | null, failing: boolean, archived_ms_ago: number | null, oldest_ready_ms: number | null, behind: number }

/** Exactly one primary, everything streaming as promised, archiving works, and the endpoint leads to the primary. Looks only. */
export const postgresSteady: Check<CheckInputs['postgres.steady']> = async ({ database }, context) => {
  const expected = `one primary, every other node streaming ${database.synchronous ? 'synchronously' : 'asynchronously'}, archiving works, the endpoint leads to the primary`
  try {
    const { defects, seen } = await defectsOf(database, context)
    const named = (role: SeenNode['role']): string[] => seen.filter(one => one.role === role).map(one => one.node.name)
    const primary = seen.find(one => one.role === 'primary')
    const output = { primary: named('primary').join(', '), standby: named('standby').join(', ') }
    if (!primary || named('primary').length > 1) return red('fail', defects.join('; '), expected, output)
    const waiting = primary.followers.filter(follower => follower.sync === 'sync' || follower.sync === 'quorum')
    if (!database.synchronous && waiting.length > 0) defects.push(`commits wait for ${waiting.map(follower => follower.slot).join(', ')}, although the environment promises asynchronous ones`)
    const archiver = await askArchiver(primary, context)
    defects.push(...archiveDefects(archiver))
    if (defects.length > 0) return red('fail', defects.join('; '), expected, output)
    const archived = archiver.archived_ms_ago === null ? 'nothing waits for the archiver' : `archived ${durationText(Math.max(0, archiver.archived_ms_ago))} ago`
    return { outcome: 'pass', observed: `${output.primary} is primary, ${output.standby || 'no standby'} streams, ${archiver.behind} bytes behind, ${archived}`, expected, output }
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof DrillError)) throw error
    return red('blind', error.message, expected)
  }
}

async function askArchiver (primary: SeenNode, reach: Reach): Promise<Archiver> {
  return await withClient(primary.node, reach, async client => (await client.query<Archiver>(archiverSql)).rows[0]!)
}

function archiveDefects (archiver: Archiver): string[] {
  if (archiver.mode === 'off') return ['archiving is off']
  if (archiver.failing) return [`archiving fails: its last try, ${archiver.last_failed_wal}, failed after its last success`]
  if (archiver.oldest_ready_ms !== null && archiver.oldest_ready_ms > archiveWithinMs) return [`a WAL segment has waited for the archiver for ${durationText(archiver.oldest_ready_ms)}`]
  return []
}

function red (outcome: 'fail' | 'blind', observed: string, expected: string, output: Record<string, unknown> = {}): CheckResult {
  return { outcome, observed, expected, output }
}
