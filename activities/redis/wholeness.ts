import type { CacheCluster } from '../../src/drill/environment.js'
import { askCacheEndpoint } from './endpoint.js'
import { controlOfCache, upstreamOf, type Reach } from './connection.js'
import { cacheRolesText, lookAtCaches, type SeenCache } from './pair.js'

/**
 * What is not as it should be in a cache, as sentences; none means whole: exactly one primary, every other node a replica whose link is
 * up, nothing blocked, and the endpoint leads to the primary.
 * @param home the first node must be the primary too
 */
export async function cacheDefects (cache: CacheCluster, reach: Reach, { home = false } = {}): Promise<{ defects: string[], seen: SeenCache[] }> {
  const [seen, endpoint, blocked] = await Promise.all([lookAtCaches(cache, reach), askCacheEndpoint(cache, reach), blockedNodes(cache)])
  const primaries = seen.filter(one => one.role === 'primary')
  const primary = primaries[0]
  if (primary === undefined || primaries.length > 1) return { seen, defects: [`${primaries.length} primaries: ${cacheRolesText(seen)}`] }
  const defects: string[] = []
  for (const one of seen) {
    if (one === primary) continue
    const wanted = upstreamOf(one.node, primary.node)
    if (one.role !== 'replica') defects.push(cacheRolesText([one]))
    else if (one.follows?.host !== wanted.host || one.follows.port !== wanted.port) defects.push(`${one.node.name} follows ${one.follows?.host}:${one.follows?.port}, not ${wanted.host}:${wanted.port}`)
    else if (!one.follows.up) defects.push(`${one.node.name} has lost its link to ${primary.node.name}`)
  }
  if ('error' in endpoint) defects.push(`the endpoint gives no answer: ${endpoint.error}`)
  else if (endpoint.runId !== primary.runId) {
    const other = seen.find(one => one.runId === endpoint.runId)
    defects.push(`the endpoint leads to ${other?.node.name ?? 'another server'}, not to ${primary.node.name}`)
  }
  for (const name of blocked) defects.push(`${name} is blocked: it could not be started again`)
  if (home && primary.node !== cache.nodes[0]) defects.push(`${primary.node.name} is primary, home is ${cache.nodes[0]!.name}`)
  return { defects, seen }
}

/** `cacheDefects` as the verification of an undo. */
export async function verifyCache (cache: CacheCluster, reach: Reach, options: { home?: boolean } = {}): Promise<{ undone: boolean, summary: string }> {
  const { defects, seen } = await cacheDefects(cache, reach, options)
  if (defects.length > 0) return { undone: false, summary: defects.join('; ') }
  const names = (role: SeenCache['role']): string => seen.filter(one => one.role === role).map(one => one.node.name).join(', ')
  return { undone: true, summary: `${names('primary')} is the one primary and the endpoint leads to it, ${names('replica') || 'nobody'} follows` }
}

async function blockedNodes (cache: CacheCluster): Promise<string[]> {
  const names = await Promise.all(cache.nodes.map(async node => await controlOfCache(node).blocked().catch(() => false) ? [node.name] : []))
  return names.flat()
}
