import { escapeIdentifier } from 'pg'
import type { ActionInputs } from '../src/drill/actions.js'
import type { Action } from './action.js'
import { withClient, type Reach } from './postgres/connection.js'
import { lookAtPair, primaryOf } from './postgres/pair.js'
import type { DatabaseCluster } from '../src/drill/environment.js'

/**
 * The table that canaries are written to. No unique key: a write that arrived twice must be seen, not refused. The position and the
 * transaction are the server's own, also of a row whose writer never heard of it.
 */
function tableSql (user: string): string[] {
  return [
    'create schema if not exists muster_canary',
    `create table if not exists muster_canary.canaries (
      drill text not null, run integer not null, writer integer not null, seq bigint not null,
      xid xid8 not null default pg_current_xact_id(), lsn pg_lsn not null default pg_current_wal_insert_lsn())`,
    `grant usage on schema muster_canary to ${escapeIdentifier(user)}`,
    `grant select, insert on muster_canary.canaries to ${escapeIdentifier(user)}`,
  ]
}

const existsSql = "select to_regnamespace('muster_canary') is not null as there"

/** Makes the canary table on the primary, for the application's own role; its undo drops the whole schema. */
export const canariesPrepare: Action<ActionInputs['canaries.prepare']> = {
  async do ({ database }, context) {
    const node = await onPrimary(database, context, async client => {
      for (const sql of tableSql(database.endpoint.user)) await client.query(sql)
    })
    return { summary: `made the canary table on ${node}`, output: {} }
  },

  async verify ({ database }, context) {
    let there = true
    const node = await onPrimary(database, context, async client => {
      there = (await client.query<{ there: boolean }>(existsSql)).rows[0]!.there
    })
    return { undone: !there, summary: there ? `schema muster_canary is on ${node}` : `no schema muster_canary on ${node}` }
  },

  async undo ({ database }, context) {
    const node = await onPrimary(database, context, async client => {
      // Writers of a worker that is not quite dead hold locks for moments only.
      await client.query("set lock_timeout = '5s'")
      await client.query('drop schema if exists muster_canary cascade')
    })
    return `dropped schema muster_canary on ${node}`
  },
}

/** Asks the primary, in the application's database, as the node's own role. */
async function onPrimary (database: DatabaseCluster, reach: Reach, use: Parameters<typeof withClient<void>>[2]): Promise<string> {
  const { node } = primaryOf(await lookAtPair(database, reach))
  await withClient({ ...node, database: database.endpoint.database }, reach, use)
  return node.name
}
