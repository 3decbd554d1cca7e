import type { CacheCluster, CacheNode } from '../../src/drill/environment.js'
import { DrillError, messageOf } from '../../src/errors.js'
import { proxyOf, setProxy } from '../toxiproxy.js'
import { withRedis, type Reach } from './connection.js'
import { parseInfo } from './pair.js'

/** The endpoint's owner is asked on its own address too, and longer. */
const endpointMs = 1_000

/** `run_id` of the server behind the endpoint, or why there is none. */
export async function askCacheEndpoint (cache: CacheCluster, reach: Reach): Promise<{ runId: string } | { error: string }> {
  try {
    return { runId: await withRedis(cache.endpoint, reach, async redis => parseInfo(await redis.info('server')).run_id ?? '', endpointMs) }
  } catch (error) {
    reach.signal.throwIfAborted()
    return { error: messageOf(error) }
  }
}

/** Moves the endpoint to one node; open connections to another one end. Where it leads there already nothing is touched. */
export async function pointCacheAt (cache: CacheCluster, node: CacheNode, reach: Reach): Promise<'switched' | 'already'> {
  const door = cache.loadBalancer
  if (!door) throw new DrillError('input.invalid', 'The cache has no loadBalancer in its environment file, so its endpoint cannot be moved')
  const upstream = `${node.host}:${node.port}`
  const before = await proxyOf(door, reach)
  if (before.upstream === upstream) return 'already'
  const after = await setProxy(door, { upstream }, reach)
  if (after.upstream !== upstream) throw new DrillError('component.unexpected', `Toxiproxy leads "${door.proxy}" to ${after.upstream}, although it took ${upstream}`)
  return 'switched'
}
