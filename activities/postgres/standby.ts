import type pg from 'pg'
import { until } from '../../src/control/until.js'
import { DrillError } from '../../src/errors.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { withClient, type Reach } from './connection.js'
import { followerOf, lookThrough, type SeenNode } from './pair.js'

/** The slot that a standby will use on this server; made anew where its WAL is gone. */
export async function ensureSlot (client: pg.Client, standby: PostgresNode): Promise<void> {
  const { rows: [slot] } = await client.query<{ lost: boolean }>('select wal_status = \'lost\' as lost from pg_replication_slots where slot_name = $1', [standby.slot])
  if (slot && !slot.lost) return
  if (slot) await client.query('select pg_drop_replication_slot($1)', [standby.slot])
  await client.query('select pg_create_physical_replication_slot($1, true)', [standby.slot])
}

/**
 * Takes from a standby what it had as a primary: the unused slots of the others, which would hold back its WAL until the disk is full,
 * and the promise to wait for one of them, which its next promotion would have to take back while everybody waits.
 */
export async function forgetPrimacy (node: PostgresNode, others: PostgresNode[], reach: Reach): Promise<void> {
  await withClient(node, reach, async client => {
    await client.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_type = \'physical\' and not active and slot_name = any($1)',
      [others.map(other => other.slot)])
    const { rows: [row] } = await client.query<{ names: string }>("select current_setting('synchronous_standby_names') as names")
    if (row!.names === '') return
    await client.query('alter system reset synchronous_standby_names')
    await client.query('select pg_reload_conf()')
  })
}

/** Waits until a standby streams and answers queries; false where it does not by the deadline. */
export async function waitForStandby (node: PostgresNode, primary: PostgresNode, reach: Reach, deadlineMs: number): Promise<boolean> {
  return withClient(primary, reach, async client => {
    let nudgedAt = 0
    const there = await until(async () => {
      const follower = followerOf(await lookThrough(primary, client), node)
      if (follower?.state !== 'streaming') return undefined
      if (await isReadable(node, reach)) return true
      // At a segment's boundary a rewound standby of an idle primary opens only with one more WAL record.
      if (performance.now() - nudgedAt > 250) {
        nudgedAt = performance.now()
        await client.query('select pg_create_restore_point(\'muster_rejoin\')')
      }
      return undefined
    }, { everyMs: 10, deadlineMs, signal: reach.signal })
    return there === true
  })
}

async function isReadable (node: PostgresNode, reach: Reach): Promise<boolean> {
  try {
    return await withClient(node, reach, async client => (await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')).rows[0]!.standby, { connectMs: 500 })
  } catch {
    reach.signal.throwIfAborted()
    return false
  }
}

/** Makes commits wait for the standbys again: a promoted node has waited for nobody. Returns whether there was anything to do. */
export async function promiseSynchronous (primary: PostgresNode, reach: Reach): Promise<boolean> {
  return withClient(primary, reach, async client => {
    const isPromised = (seen: SeenNode): boolean => seen.followers.some(follower => follower.sync === 'sync' || follower.sync === 'quorum')
    if (isPromised(await lookThrough(primary, client))) return false
    // One that streamed a moment ago may just connect anew: its settings were changed.
    const names = await until(async () => {
      const { followers } = await lookThrough(primary, client)
      const streaming = followers.filter(follower => follower.state === 'streaming' && follower.name !== null)
      return streaming.length === 0 ? undefined : streaming.map(follower => client.escapeIdentifier(follower.name!))
    }, { everyMs: 20, deadlineMs: 5_000, signal: reach.signal })
    if (names === undefined) throw new DrillError('component.unexpected', `No standby streams from ${primary.name}, so no commit can wait for one`)
    // ALTER SYSTEM takes no parameters.
    await client.query(`alter system set synchronous_standby_names = ${client.escapeLiteral(names.length === 1 ? names[0]! : `ANY 1 (${names.join(', ')})`)}`)
    await client.query('select pg_reload_conf()')
    const on = await until(async () => isPromised(await lookThrough(primary, client)) || undefined, { everyMs: 5, deadlineMs: 5_000, signal: reach.signal })
    if (!on) throw new DrillError('component.unexpected', `${primary.name} does not count ${names.join(', ')} as synchronous`)
    return true
  })
}
