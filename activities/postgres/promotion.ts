import { until } from '../../src/control/until.js'
import { DrillError } from '../../src/errors.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { withClient, type Reach } from './connection.js'
import { timelineOf } from './pair.js'

const promoteMs = 30_000

/** The WAL segment that a primary writes to; null on a standby. */
const writingSql = 'select case when pg_is_in_recovery() then null else pg_walfile_name(pg_current_wal_lsn()) end as segment'

export interface Promotion {
  /** It was none any more. */
  already: boolean
  timeline: number
  promoteMs: number
  /** What it had replayed when it was asked to become primary; absent where it was already. */
  replayLsn?: string
}

/**
 * Makes a standby a primary, returned once it takes writes. `pg_promote()` itself would wait in steps of 100 ms.
 * @param allowed throws where another primary could be; it is asked while the connection is being made
 */
export async function promoteNode (node: PostgresNode, reach: Reach, allowed: Promise<void> = Promise.resolve()): Promise<Promotion> {
  // Where the connection fails first, nobody waits for the other any more.
  allowed.catch(() => {})
  return withClient(node, reach, async client => {
    const { rows: [before] } = await client.query<{ standby: boolean, lsn: string | null, names: string }>(
      'select pg_is_in_recovery() as standby, pg_last_wal_replay_lsn()::text as lsn, current_setting(\'synchronous_standby_names\') as names')
    await allowed
    const startedAt = performance.now()
    if (before!.standby) {
      // pg_rewind and pg_basebackup copy this setting: a new primary would wait for a standby that it does not have.
      if (before!.names !== '') {
        await client.query('alter system set synchronous_standby_names = \'\'')
        await client.query('select pg_reload_conf()')
      }
      await client.query('select pg_promote(false)')
    }
    const segment = await until(async () => (await client.query<{ segment: string | null }>(writingSql)).rows[0]!.segment ?? undefined,
      { everyMs: 2, deadlineMs: promoteMs, signal: reach.signal })
    if (segment === undefined) throw new DrillError('component.unexpected', `${node.name} is still a standby ${promoteMs} ms after pg_promote()`)
    const tookMs = Math.round(performance.now() - startedAt)
    return {
      already: !before!.standby,
      timeline: timelineOf(segment),
      promoteMs: before!.standby ? tookMs : 0,
      ...(before!.standby && before!.lsn !== null ? { replayLsn: before!.lsn } : {}),
    }
  })
}
