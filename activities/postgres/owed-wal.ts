import type pg from 'pg'
import { until } from '../../src/control/until.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type Reach } from './connection.js'

// PostgreSQL says by files beside its WAL which segments are to be archived (.ready) and which are (.done). What has neither is archived
// by nobody, and the archive has a hole that no recovery from an older backup gets over.

/** Of the files of what is just being ended: the server says a moment later that it is ready. */
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
  return await withClient(primary, reach, async client => {
    const { rows } = await client.query<{ segment: string }>(receivedSql)
    const owed: string[] = []
    // The newest first: an archiver goes in order, so behind one that it has done there is none that it has not.
    for (const { segment } of rows) {
      if (await from.hasFile(statusOf(dead, segment, 'done'))) break
      if (await from.hasFile(statusOf(dead, segment, 'ready'))) owed.push(segment)
    }
    if (owed.length === 0) return undefined
    await markReady(primary, owed, client)
    const what = `${textOf(owed.reverse())}, which ${dead.name} had not archived`
    const done = await until(async () => !await to.hasFile(statusOf(primary, owed.at(-1)!, 'ready')) || undefined, { everyMs: 50, deadlineMs: archivedMs, signal: reach.signal })
    return done ? `archived ${what}` : `left it to the archiver of ${primary.name} to archive ${what}`
  })
}

/** Segments that a primary has finished on its timeline and that are neither archived nor to be: a full disk takes no mark either. */
export async function forgottenWal (primary: PostgresNode, reach: Reach): Promise<string[]> {
  return await withClient(primary, reach, async client => (await client.query<{ segment: string }>(forgottenSql)).rows.map(({ segment }) => segment))
}

/** Has the archiver of a primary take what was forgotten. @returns one line of what was done, undefined where nothing was missing */
export async function remindOfWal (primary: PostgresNode, reach: Reach): Promise<string | undefined> {
  const forgotten = await forgottenWal(primary, reach)
  if (forgotten.length === 0) return undefined
  await withClient(primary, reach, async client => { await markReady(primary, forgotten, client) })
  return `had ${primary.name} archive ${textOf(forgotten)}, which it had forgotten`
}

/** In the order of their names; one or more. */
export function textOf (segments: string[]): string {
  return segments.length === 1 ? segments[0]! : `${segments.length} WAL segments up to ${segments.at(-1)!}`
}

async function markReady (node: PostgresNode, segments: string[], client: pg.Client): Promise<void> {
  const control = controlOfNode(node)
  for (const segment of segments) await control.createFile(statusOf(node, segment, 'ready'))
  // An archiver looks around only when a segment ends. Not transactional, so that no commit waits for a standby.
  await client.query("select pg_logical_emit_message(false, 'muster.owedWal', 'turn')")
  await client.query('select pg_switch_wal()')
}

function statusOf ({ dataDir }: PostgresNode, segment: string, status: 'ready' | 'done'): string {
  return `${dataDir}/pg_wal/archive_status/${segment}.${status}`
}
