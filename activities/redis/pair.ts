import type { ComponentState } from '../../src/control/control.js'
import type { CacheCluster, CacheNode } from '../../src/drill/environment.js'
import { DrillError, messageOf } from '../../src/errors.js'
import { controlOfCache, withRedis, type Reach } from './connection.js'

/** `down`: no answer, and its process is proven dead. `unknown`: no answer, and it may be anything, a primary too. */
export type CacheRole = 'primary' | 'replica' | 'down' | 'unknown'

export interface SeenCache {
  node: CacheNode
  role: CacheRole
  /** Random for each start of a server: tells servers apart through any proxy. */
  runId?: string
  /** Of a replica: whom it follows, and whether that link is up. */
  follows?: { host: string, port: number, up: boolean }
  /** Of a primary: the replicas that are online, as it sees them. */
  replicas: Array<{ ip: string, port: number }>
  /** Of one that gave no answer; undefined where its control could not be asked either. */
  state?: ComponentState
  error?: string
}

/** `key:value` lines of INFO. */
export function parseInfo (text: string): Record<string, string> {
  return Object.fromEntries(text.split(/\r?\n/).filter(line => line.includes(':')).map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
}

/** Asks one node, and where it gives no answer its control. Throws only when aborted. */
export async function lookAtCache (node: CacheNode, reach: Reach): Promise<SeenCache> {
  const state = await controlOfCache(node).state().catch(() => undefined)
  // It takes no step: nobody needs to wait for its answer.
  if (state === 'frozen') return { node, role: 'unknown', replicas: [], state, error: 'it is frozen' }
  try {
    const info = await withRedis(node, reach, async redis => parseInfo(await redis.info()))
    if (info.loading === '1') return { node, role: 'unknown', replicas: [], state: 'running', error: 'it is loading its data' }
    const replicas = Object.entries(info).filter(([key, value]) => /^slave\d+$/.test(key) && value.includes('state=online'))
      .map(([, value]) => ({ ip: /ip=([^,]+)/.exec(value)![1]!, port: Number(/port=(\d+)/.exec(value)![1]) }))
    if (info.role === 'master') return { node, role: 'primary', runId: info.run_id, replicas }
    return { node, role: 'replica', runId: info.run_id, replicas: [], follows: { host: info.master_host!, port: Number(info.master_port), up: info.master_link_status === 'up' } }
  } catch (error) {
    reach.signal.throwIfAborted()
    return { node, role: state === 'dead' ? 'down' : 'unknown', replicas: [], state, error: messageOf(error) }
  }
}

export async function lookAtCaches (cache: CacheCluster, reach: Reach): Promise<SeenCache[]> {
  return await Promise.all(cache.nodes.map(node => lookAtCache(node, reach)))
}

export function cacheRolesText (seen: SeenCache[]): string {
  return seen.map(one => `${one.node.name} is ${one.state === 'frozen' ? 'frozen' : `${one.role}${one.error === undefined ? '' : ` (${one.error})`}`}`).join(', ')
}

/** Throws `component.unexpected` where there is not exactly one. */
export function cachePrimaryOf (seen: SeenCache[]): SeenCache {
  const primaries = seen.filter(one => one.role === 'primary')
  if (primaries.length !== 1) throw new DrillError('component.unexpected', `The cache has ${primaries.length} primaries: ${cacheRolesText(seen)}`)
  return primaries[0]!
}
