import { until } from '../../src/control/until.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type Reach } from './connection.js'
import { endSegment } from './end-segment.js'

// PostgreSQL says by files beside its WAL which segments are to be archived (.ready) and which are (.done). What has neither is archived
// by nobody, and the archive has a hole that no recovery from an older backup gets over.

/** A segment that has just ended gets its mark a moment later, ms. */
const freshMs = 2_000

const receivedSql = `
  select substr(name, 1, 24) as segment from pg_ls_archive_statusdir()
  where current_setting('archive_mode') = 'on' and name ~ '^[0-9A-F]{24}\\.done$' and substr(name, 1, 8) < substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  order by name desc`

const forgottenSql = `
  select name as segment from pg_ls_waldir(), pg_walfile_name(pg_current_wal_lsn()) as writing
  where current_setting('archive_mode') <> 'off' and name ~ '^[0-9A-F]{24}$' and substr(name, 1, 8) = substr(writing, 1, 8) and name < writing
    and modification < clock_timestamp() - ${freshMs} * interval '1 ms'
    and not exists (select 1 from pg_ls_archive_statusdir() as said where said.name in (pg_ls_waldir.name || '.ready', pg_ls_waldir.name || '.done'))
  order by name`

/**
 * Lets a promoted node archive what the dead primary had finished and not archived yet: a standby marks what it receives as done
 * (`archive_mode=on`), and pg_rewind throws the dead one's mark away. Both have the same bytes. To be called before the dead one is
 * rewound; again, it does what is left.
 * @param archivedMs how long the archiver is waited for: one that works is done in a moment, and what another one owes PostgreSQL keeps
 * @returns one line of what was done, undefined where nothing was missing
 */
export async function handOverWal (dead: PostgresNode, primary: PostgresNode, reach: Reach, archivedMs = 10_000): Promise<string | undefined> {
  const [from, to] = [controlOfNode(dead), controlOfNode(primary)]
  const owed: string[] = []
  // The newest first: an archiver goes in order, so behind one that it has done there is none that it has not.
  for (const segment of await segmentsOf(primary, receivedSql, reach)) {
    if (await from.hasFile(statusOf(dead, segment, 'done'))) break
    if (await from.hasFile(statusOf(dead, segment, 'ready'))) owed.unshift(segment)
  }
  if (owed.length === 0) return undefined
  await markReady(primary, owed, reach)
  const what = `${textOf(owed)}, which ${dead.name} had not archived`
  const done = await until(async () => !await to.hasFile(statusOf(primary, owed.at(-1)!, 'ready')) || undefined, { everyMs: 50, deadlineMs: archivedMs, signal: reach.signal })
  return done ? `archived ${what}` : `left it to the archiver of ${primary.name} to archive ${what}`
}

/** Segments that a primary has finished on its timeline and that are neither archived nor to be: a full disk takes no mark either. */
export async function forgottenWal (primary: PostgresNode, reach: Reach): Promise<string[]> {
  return await segmentsOf(primary, forgottenSql, reach)
}

/** Has the archiver of a primary take what was forgotten. @returns one line of what was done, undefined where nothing was missing */
export async function remindOfWal (primary: PostgresNode, reach: Reach): Promise<string | undefined> {
  const forgotten = await forgottenWal(primary, reach)
  if (forgotten.length === 0) return undefined
  await markReady(primary, forgotten, reach)
  return `had ${primary.name} archive ${textOf(forgotten)}, which it had forgotten`
}

/** In the order of their names; one or more. */
export function textOf (segments: string[]): string {
  return segments.length === 1 ? segments[0]! : `${segments.length} WAL segments up to ${segments.at(-1)!}`
}

async function segmentsOf (node: PostgresNode, sql: string, reach: Reach): Promise<string[]> {
  return await withClient(node, reach, async client => (await client.query<{ segment: string }>(sql)).rows.map(({ segment }) => segment))
}

async function markReady (node: PostgresNode, segments: string[], reach: Reach): Promise<void> {
  const control = controlOfNode(node)
  for (const segment of segments) await control.createFile(statusOf(node, segment, 'ready'))
  await withClient(node, reach, endSegment)
}

function statusOf ({ dataDir }: PostgresNode, segment: string, status: 'ready' | 'done'): string {
  return `${dataDir}/pg_wal/archive_status/${segment}.${status}`
}
