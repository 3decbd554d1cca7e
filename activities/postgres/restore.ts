import { until } from '../../src/control/until.js'
import { DrillError } from '../../src/errors.js'
import type { DatabaseCluster } from '../../src/drill/environment.js'
import { pointEndpointAt } from '../haproxy.js'
import { controlOfNode, othersOf, type Reach } from './connection.js'
import { lookAtNode, lookAtPair, primaryOf, rolesText, type SeenNode } from './pair.js'
import { remindOfWal } from './owed-wal.js'
import { rejoin } from './rejoin.js'
import { forgetPrimacy, promiseSynchronous } from './standby.js'
import { finishSwitchover, switchOver } from './switchover.js'

/** Crash recovery of a large database takes minutes; the activity's own timeout ends a longer wait. */
const recoveryMs = 10 * 60_000

/**
 * Brings a database back to one primary with all others streaming from it, and the endpoint leading to it: the undo of everything
 * that breaks, fences or promotes a node, from any state that these leave when they are killed half-way. It decides by who is
 * primary now, not by what was done, and it never lets a node take writes while another one may.
 * @param home whether the first node must be the primary in the end
 * @returns one line of what was done
 */
export async function restorePair (database: DatabaseCluster, reach: Reach, { home = false } = {}): Promise<string> {
  const done: string[] = []
  const note = (text: string | undefined): void => { if (text !== undefined) done.push(text) }
  let primary = await settlePrimary(database, await settled(database, reach), reach, note)
  note(await assemble(database, primary, reach))
  const first = database.nodes[0]!
  if (home && primary.node !== first) {
    const { gapMs } = await switchOver(database, primary.node, first, reach)
    note(`failed back to ${first.name} (endpoint closed for ${gapMs} ms)`)
    primary = primaryOf(await lookAtPair(database, reach))
    note(await assemble(database, primary, reach))
  }
  return done.length === 0 ? 'nothing was to be done' : done.join('; ')
}

/** Everything around a given primary: endpoint first, for the application waits for that alone. */
async function assemble (database: DatabaseCluster, primary: SeenNode, reach: Reach): Promise<string | undefined> {
  const done: string[] = []
  if (await pointEndpointAt(database, primary.node.name, reach) === 'switched') done.push(`pointed the endpoint at ${primary.node.name}`)
  await unblock(primary)
  for (const other of othersOf(database, primary.node.name)) {
    const text = await rejoin(await lookAtNode(other, reach), await lookAtNode(primary.node, reach), reach)
    if (text !== undefined) done.push(text)
    const control = controlOfNode(other)
    if (await control.blocked()) await control.unblock()
    await forgetPrimacy(other, othersOf(database, other.name), reach)
  }
  if (database.synchronous && database.nodes.length > 1 && await promiseSynchronous(primary.node, reach)) done.push('commits wait for the standby again')
  // Last: the pair comes before its archive.
  const reminded = await remindOfWal(primary.node, reach)
  if (reminded !== undefined) done.push(reminded)
  return done.length === 0 ? undefined : done.join('; ')
}

async function unblock ({ node }: SeenNode): Promise<void> {
  const control = controlOfNode(node)
  if (await control.blocked()) await control.unblock()
}

/** Looks until no node is on its way up or down: what is starting may become a primary in the next moment. */
async function settled (database: DatabaseCluster, reach: Reach): Promise<SeenNode[]> {
  const seen = await until(async () => {
    const now = await lookAtPair(database, reach)
    return now.some(one => one.role === 'unknown' && one.state === 'running') ? undefined : now
  }, { everyMs: 50, deadlineMs: recoveryMs, signal: reach.signal })
  if (seen) return seen
  const last = await lookAtPair(database, reach)
  throw new DrillError('splitBrain.prevented', `A node runs and does not say what it is: ${rolesText(last)}`)
}

/** The primary: the one that is, else the one that may become it without a second one being possible. */
async function settlePrimary (database: DatabaseCluster, seen: SeenNode[], reach: Reach, note: (text?: string) => void): Promise<SeenNode> {
  const primaries = seen.filter(one => one.role === 'primary')
  if (primaries.length === 1) return primaries[0]!
  if (primaries.length > 1) return await newestOf(primaries, seen)
  const opaque = seen.filter(one => one.state === undefined && one.role !== 'standby')
  if (opaque.length > 0) throw new DrillError('splitBrain.prevented', `${opaque[0]!.node.name} cannot be asked and might be primary: ${opaque[0]!.error}`)
  // Dead or frozen without standby.signal: was primary, and would be one again.
  const former = seen.filter(one => one.role !== 'standby' && !one.marked)
  const chosen = former.length > 1 ? onlyOne(former.filter(one => !one.blocked)) : former[0]
  if (former.length > 1 && !chosen) {
    throw new DrillError('splitBrain.prevented', `${former.map(one => one.node.name).join(' and ')} would each come up as a primary, and nothing says which is the latest`)
  }
  if (!chosen) {
    note(await finishSwitchover(database, seen, reach))
    return primaryOf(await lookAtPair(database, reach))
  }
  // Where several were primary, the others stay blocked and dead until they are rewound.
  return await bringBack(chosen, reach, note)
}

/** Two live primaries: the one that was promoted last is the rightful one. The other is killed at once, not only when it is rewound. */
async function newestOf (primaries: SeenNode[], seen: SeenNode[]): Promise<SeenNode> {
  const newest = Math.max(...primaries.map(one => one.timeline ?? 0))
  const rightful = onlyOne(primaries.filter(one => one.timeline === newest))
  if (!rightful) throw new DrillError('splitBrain.prevented', `There are two primaries of one timeline: ${rolesText(seen)}`)
  for (const other of primaries.filter(one => one !== rightful)) {
    const control = controlOfNode(other.node)
    await control.block()
    await control.kill()
  }
  return rightful
}

async function bringBack (chosen: SeenNode, reach: Reach, note: (text: string) => void): Promise<SeenNode> {
  const { node } = chosen
  const control = controlOfNode(node)
  if (chosen.state === 'frozen') {
    await unblock(chosen)
    await control.thaw()
    note(`thawed ${node.name}`)
  } else {
    // What is left of a postmaster that was killed alone.
    await control.kill()
    await unblock(chosen)
    await control.start()
    note(`started ${node.name}`)
  }
  const now = await until(async () => {
    const one = await lookAtNode(node, reach)
    return one.role === 'primary' || one.role === 'down' ? one : undefined
  }, { everyMs: 20, deadlineMs: recoveryMs, signal: reach.signal })
  if (now?.role !== 'primary') throw new DrillError('component.unexpected', `${node.name} was brought back but is no primary: ${now?.error ?? 'it does not answer'}`)
  return now
}

function onlyOne<T> (items: T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined
}
