import { until } from '../../src/control/until.js'
import type { CacheCluster, CacheNode } from '../../src/drill/environment.js'
import { DrillError } from '../../src/errors.js'
import { controlOfCache, upstreamOf, withRedis, type Reach } from './connection.js'
import { askCacheEndpoint, pointCacheAt } from './endpoint.js'
import { cachePrimaryOf, cacheRolesText, lookAtCache, lookAtCaches, type SeenCache } from './pair.js'

/** A large append-only file takes minutes to load; the activity's own timeout ends a longer wait. */
const loadMs = 5 * 60_000
const followMs = 15_000
const failoverMs = 5_000

/**
 * Brings a cache back to one primary that the endpoint leads to, all others following it: the undo of everything that breaks, fences or
 * promotes a node, from any state that these leave when they are killed half-way. It decides by who is primary now. A node always
 * starts as a replica, and a frozen one is only thawed where no other was promoted: no old primary ever wakes beside a new one.
 * @param home whether the first node must be the primary in the end
 * @returns one line of what was done
 */
export async function restoreCache (cache: CacheCluster, reach: Reach, { home = false } = {}): Promise<string> {
  const done: string[] = []
  const note = (text: string): void => { done.push(text) }
  let primary = await settlePrimary(cache, reach, note)
  await assemble(cache, primary.node, reach, note)
  const first = cache.nodes[0]!
  if (home && primary.node !== first) {
    await failOverTo(first, primary, reach)
    note(`failed back to ${first.name}`)
    primary = cachePrimaryOf(await lookAtCaches(cache, reach))
    await assemble(cache, primary.node, reach, note)
  }
  return done.length === 0 ? 'nothing was to be done' : done.join('; ')
}

/** The primary: the one that is, else the one that may become it without a second one being possible. */
async function settlePrimary (cache: CacheCluster, reach: Reach, note: (text: string) => void): Promise<SeenCache> {
  const seen = await settled(cache, reach)
  const primaries = seen.filter(one => one.role === 'primary')
  if (primaries.length === 1) return primaries[0]!
  if (primaries.length > 1) return await rightfulOf(cache, primaries, reach, note)
  const opaque = seen.find(one => one.role === 'unknown' && one.state !== 'frozen')
  if (opaque) throw new DrillError('splitBrain.prevented', `${opaque.node.name} cannot be asked and might be primary: ${opaque.error}`)
  // Nobody was promoted: whoever gives no answer was the primary, and where several do, home was.
  const silent = seen.filter(one => one.role !== 'replica')
  const chosen = silent.find(one => one.node === cache.nodes[0]) ?? silent[0] ?? seen[0]!
  for (const other of silent) {
    // Two frozen ones: only one of them may have been the primary, and nobody knows what the other one does when it wakes.
    if (other !== chosen && other.state === 'frozen') await controlOfCache(other.node).kill()
  }
  return await bringBack(chosen, reach, note)
}

/** Of two primaries the one that the endpoint leads to has the newest writes; the other is killed at once. */
async function rightfulOf (cache: CacheCluster, primaries: SeenCache[], reach: Reach, note: (text: string) => void): Promise<SeenCache> {
  const endpoint = await askCacheEndpoint(cache, reach)
  const rightful = 'runId' in endpoint ? primaries.find(one => one.runId === endpoint.runId) : undefined
  if (!rightful) throw new DrillError('splitBrain.prevented', `There are two primaries, and the endpoint leads to neither: ${cacheRolesText(primaries)}`)
  for (const other of primaries) {
    if (other === rightful) continue
    await controlOfCache(other.node).kill()
    note(`killed ${other.node.name}, a second primary`)
  }
  return rightful
}

/** Looks until no node is on its way up. */
async function settled (cache: CacheCluster, reach: Reach): Promise<SeenCache[]> {
  const seen = await until(async () => {
    const now = await lookAtCaches(cache, reach)
    return now.some(one => one.role === 'unknown' && one.state === 'running') ? undefined : now
  }, { everyMs: 50, deadlineMs: loadMs, signal: reach.signal })
  return seen ?? await lookAtCaches(cache, reach)
}

async function bringBack (chosen: SeenCache, reach: Reach, note: (text: string) => void): Promise<SeenCache> {
  const { node } = chosen
  const control = controlOfCache(node)
  if (await control.blocked()) await control.unblock()
  if (chosen.state === 'frozen') {
    await control.thaw()
    note(`thawed ${node.name}`)
  } else if (chosen.role === 'down') {
    await control.start()
    note(`started ${node.name}`)
  }
  const now = await answering(node, reach)
  if (now.role === 'primary') return now
  await withRedis(node, reach, async redis => await redis.replicaof('NO', 'ONE'))
  return await answering(node, reach)
}

/** Everything around a given primary: endpoint first, for the application waits for that alone. */
async function assemble (cache: CacheCluster, primary: CacheNode, reach: Reach, note: (text: string) => void): Promise<void> {
  if (cache.loadBalancer && await pointCacheAt(cache, primary, reach) === 'switched') note(`pointed the endpoint at ${primary.name}`)
  const own = controlOfCache(primary)
  if (await own.blocked()) await own.unblock()
  for (const node of cache.nodes) if (node !== primary) await follow(node, primary, reach, note)
}

async function follow (node: CacheNode, primary: CacheNode, reach: Reach, note: (text: string) => void): Promise<void> {
  const control = controlOfCache(node)
  const seen = await lookAtCache(node, reach)
  // It may have been the primary, and would be one for as long as nobody tells it otherwise.
  if (seen.state === 'frozen') await control.kill()
  if (await control.blocked()) await control.unblock()
  if (seen.state !== undefined && await control.start() === 'started') note(`started ${node.name} as a replica`)
  const { host, port } = upstreamOf(node, primary)
  const now = await answering(node, reach)
  if (now.role === 'primary' || now.follows?.host !== host || now.follows.port !== port) {
    await withRedis(node, reach, async redis => await redis.replicaof(host, port))
    note(`${node.name} follows ${primary.name}`)
  }
  const up = await until(async () => (await lookAtCache(node, reach)).follows?.up === true || undefined, { everyMs: 50, deadlineMs: followMs, signal: reach.signal })
  if (!up) throw new DrillError('component.unexpected', `${node.name} follows ${host}:${port}, but its link is not up after ${followMs} ms`)
}

/** Waits until a node says what it is. */
async function answering (node: CacheNode, reach: Reach): Promise<SeenCache> {
  const seen = await until(async () => {
    const now = await lookAtCache(node, reach)
    return now.role === 'primary' || now.role === 'replica' || now.role === 'down' ? now : undefined
  }, { everyMs: 20, deadlineMs: loadMs, signal: reach.signal })
  if (seen === undefined || seen.role === 'down') throw new DrillError('component.unexpected', `${node.name} was brought back but does not answer: ${seen?.error ?? 'it is loading its data'}`)
  return seen
}

/** Hands over without losing a write: the primary waits until the other one has everything. */
async function failOverTo (node: CacheNode, primary: SeenCache, reach: Reach): Promise<void> {
  const replica = (await lookAtCache(primary.node, reach)).replicas.find(one => one.port === node.port)
  if (!replica) throw new DrillError('component.unexpected', `${primary.node.name} does not see ${node.name} as a replica that is online`)
  await withRedis(primary.node, reach, async redis => await redis.call('FAILOVER', 'TO', replica.ip, String(replica.port), 'TIMEOUT', String(failoverMs)))
  const over = await until(async () => (await lookAtCache(node, reach)).role === 'primary' || undefined, { everyMs: 10, deadlineMs: failoverMs + 2_000, signal: reach.signal })
  if (!over) throw new DrillError('component.unexpected', `${node.name} is no primary ${failoverMs} ms after FAILOVER`)
}
