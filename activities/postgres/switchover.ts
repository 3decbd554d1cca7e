import { until } from '../../src/control/until.js'
import { DrillError } from '../../src/errors.js'
import type { DatabaseCluster, PostgresNode } from '../../src/drill/environment.js'
import { pointEndpointAt, takeOut } from '../haproxy.js'
import { controlOfNode, withClient, type Reach } from './connection.js'
import { controlData } from './control-data.js'
import { rolesText, standbySignal, type SeenNode } from './pair.js'
import { promoteNode } from './promotion.js'
import { ensureSlot } from './standby.js'

const stopMs = 30_000
const catchUpMs = 5_000

/**
 * Swaps the roles of a primary and its streaming standby without losing a commit: endpoint closed, primary stopped in order, the
 * standby proven to have replayed everything, then promoted. The old one is marked as a standby before that, so from its stop
 * on nothing that starts it makes a second primary. Killed half-way, `finishSwitchover` goes on.
 */
export async function switchOver (database: DatabaseCluster, from: PostgresNode, to: PostgresNode, reach: Reach): Promise<{ gapMs: number }> {
  const control = controlOfNode(from)
  await Promise.all([
    // A slot can be made on a standby: so the gap does not hold this.
    withClient(to, reach, client => ensureSlot(client, from)),
    // Shortens the stop, whose own checkpoint finds little to do.
    withClient(from, reach, client => client.query('checkpoint'), { queryMs: 60_000 }),
  ])
  const startedAt = performance.now()
  await takeOut(database, from.name, reach)
  await control.stop({ timeoutMs: stopMs, signal: reach.signal })
  if (!await hasEverything(to, from, reach)) {
    await control.start()
    throw new DrillError('component.unexpected', `${to.name} has not received all that ${from.name} wrote: ${from.name} was started again, nothing is switched`)
  }
  await control.createFile(standbySignal(from))
  await promoteNode(to, reach)
  await pointEndpointAt(database, to.name, reach)
  const gapMs = Math.round(performance.now() - startedAt)
  await control.start()
  return { gapMs }
}

/**
 * No node is primary and none would be after a start: a switchover was killed between the mark and the promotion. Goes on where
 * the standby has everything, else turns back.
 */
export async function finishSwitchover (database: DatabaseCluster, seen: SeenNode[], reach: Reach): Promise<string> {
  const standbys = seen.filter(one => one.role === 'standby')
  for (const old of seen.filter(one => one.role === 'down')) {
    const { state } = await controlData(old.node, reach)
    // A standby that was stopped says "shut down in recovery", one that was killed "in archive recovery".
    if (state !== 'shut down') continue
    const next = standbys.find(one => one.node === database.nodes[0]) ?? standbys[0]
    if (next && await hasEverything(next.node, old.node, reach)) {
      await promoteNode(next.node, reach)
      return `finished the switchover to ${next.node.name}`
    }
    const control = controlOfNode(old.node)
    await control.removeFile(standbySignal(old.node))
    if (await control.blocked()) await control.unblock()
    await control.start()
    const back = await until(async () => {
      try {
        return await withClient(old.node, reach, async client => (await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')).rows[0]!.standby ? undefined : true)
      } catch {
        reach.signal.throwIfAborted()
        return undefined
      }
    }, { everyMs: 20, deadlineMs: stopMs, signal: reach.signal })
    if (back) return `turned back the switchover: ${old.node.name} is primary again`
  }
  throw new DrillError('component.unexpected', `No node is primary and none was last: ${rolesText(seen)}`)
}

/** Whether a standby has replayed a stopped primary's last checkpoint, behind which no commit can be. */
async function hasEverything (standby: PostgresNode, stopped: PostgresNode, reach: Reach): Promise<boolean> {
  const { state, checkpoint } = await controlData(stopped, reach)
  if (state !== 'shut down') return false
  return await withClient(standby, reach, async client => await until(async () => {
    // The replay position is the end of the last record, the checkpoint's the start of its own.
    const { rows } = await client.query<{ has: boolean | null }>('select pg_last_wal_replay_lsn() > $1::pg_lsn as has', [checkpoint])
    return rows[0]!.has || undefined
  }, { everyMs: 5, deadlineMs: catchUpMs, signal: reach.signal })) === true
}
