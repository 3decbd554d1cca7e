import { until } from '../../src/control/until.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type Reach } from './connection.js'

const receivedSql = `
  select substr(name, 1, 24) as segment from pg_ls_archive_statusdir()
  where current_setting('archive_mode') = 'on' and name ~ '^[0-9A-F]{24}\\.done$' and substr(name, 1, 8) < substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  order by name desc`

/**
 * Lets a promoted node archive what the dead primary had finished and not archived yet. A standby marks what it receives as done
 * (`archive_mode=on`), and pg_rewind throws the dead one's away: the archive would have a hole that no recovery from an older backup
 * gets over. Both have the same bytes. To be called before the dead one is rewound; again, it does what is left.
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
    for (const segment of owed) await to.createFile(statusOf(primary, segment, 'ready'))
    // An archiver looks around only when a segment ends. Not transactional, so that no commit waits for a standby.
    await client.query("select pg_logical_emit_message(false, 'muster.handOver', 'turn')")
    await client.query('select pg_switch_wal()')
    const what = `${owed.length === 1 ? owed[0]! : `${owed.length} WAL segments up to ${owed[0]!}`}, which ${dead.name} had not archived`
    const done = await until(async () => !await to.hasFile(statusOf(primary, owed[0]!, 'ready')) || undefined, { everyMs: 50, deadlineMs: archivedMs, signal: reach.signal })
    return done ? `archived ${what}` : `left it to the archiver of ${primary.name} to archive ${what}`
  })
}

function statusOf ({ dataDir }: PostgresNode, segment: string, status: 'ready' | 'done'): string {
  return `${dataDir}/pg_wal/archive_status/${segment}.${status}`
}
