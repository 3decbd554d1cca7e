import type pg from 'pg'
import type { DatabaseCluster, PostgresNode } from '../../src/drill/environment.js'
import type { LiveCluster } from '../../src/drill/backup.js'
import { withClient, type Reach } from '../postgres/connection.js'
import { lookAtPair, primaryOf } from '../postgres/pair.js'

export interface LivePrimary extends LiveCluster {
  node: PostgresNode
  segmentBytes: number
  /** Of the WAL that it writes now. */
  timeline: number
}

const liveSql = `select (select system_identifier::text from pg_control_system()) as "systemId",
  (current_setting('server_version_num')::int / 10000)::text as major,
  (select setting::int from pg_settings where name = 'wal_segment_size') as "segmentBytes",
  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as timeline`

/** The primary, and what its backups must be of. Throws `component.unreachable`, `steady.unhealthy`. */
export async function lookAtPrimary (database: DatabaseCluster, reach: Reach): Promise<LivePrimary> {
  const { node } = primaryOf(await lookAtPair(database, reach))
  return await withClient(node, reach, async client => ({ node, ...(await client.query<Omit<LivePrimary, 'node'>>(liveSql)).rows[0]! }))
}

/** Asks the primary, in the application's database, as the node's own role. */
export async function onPrimary<T> (database: DatabaseCluster, reach: Reach, use: (client: pg.Client, node: PostgresNode) => Promise<T>, queryMs = 30_000): Promise<T> {
  const { node } = primaryOf(await lookAtPair(database, reach))
  return await withClient({ ...node, database: database.endpoint.database }, reach, async client => await use(client, node), { queryMs })
}
