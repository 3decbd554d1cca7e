import { messageOf } from '../../src/errors.js'
import type { DatabaseCluster } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type Reach } from './connection.js'
import { forgottenWal, textOf } from './owed-wal.js'
import { followerOf, lookAtPair, rolesText, type SeenNode } from './pair.js'

/**
 * What is not as it should be in a database, as sentences; none means whole: exactly one primary, every other node a readable and
 * streaming standby, commits synchronous as promised, nothing blocked, and the endpoint leads to the primary.
 * @param home the first node must be the primary too
 */
export async function defectsOf (database: DatabaseCluster, reach: Reach, { home = false } = {}): Promise<{ defects: string[], seen: SeenNode[] }> {
  const [seen, endpoint, blocked] = await Promise.all([lookAtPair(database, reach), askEndpoint(database, reach), blockedNodes(database)])
  const primaries = seen.filter(one => one.role === 'primary')
  const primary = primaries[0]
  if (primary === undefined || primaries.length > 1) return { seen, defects: [`${primaries.length} primaries: ${rolesText(seen)}`] }
  const defects: string[] = []
  for (const one of seen) {
    if (one === primary) continue
    const follower = followerOf(primary, one.node)
    if (one.role !== 'standby') defects.push(`${one.node.name} is ${one.role}: ${one.error}`)
    else if (follower?.state !== 'streaming') defects.push(`${one.node.name} does not stream from ${primary.node.name} (${follower?.state ?? 'not connected'})`)
  }
  if (database.synchronous && seen.length > 1 && !primary.followers.some(follower => follower.sync === 'sync' || follower.sync === 'quorum')) {
    defects.push('no standby is synchronous, although the environment promises it')
  }
  if (endpoint !== primary.startedAt) {
    const other = seen.find(one => one.startedAt !== undefined && one.startedAt === endpoint)
    defects.push(other ? `the endpoint leads to ${other.node.name}` : `the endpoint does not lead to ${primary.node.name} (${endpoint})`)
  }
  for (const name of blocked) defects.push(`${name} is blocked: it could not be started again`)
  if (home && primary.node !== database.nodes[0]) defects.push(`${primary.node.name} is primary, home is ${database.nodes[0]!.name}`)
  return { defects, seen }
}

/** `defectsOf` as the verification of an undo; and no WAL is forgotten that the archive needs. */
export async function verifyWhole (database: DatabaseCluster, reach: Reach, options: { home?: boolean } = {}): Promise<{ undone: boolean, summary: string }> {
  const { defects, seen } = await defectsOf(database, reach, options)
  if (defects.length === 0) {
    const primary = seen.find(one => one.role === 'primary')!
    const forgotten = await forgottenWal(primary.node, reach)
    if (forgotten.length > 0) defects.push(`${primary.node.name} has neither archived nor is to archive ${textOf(forgotten)}`)
  }
  if (defects.length > 0) return { undone: false, summary: defects.join('; ') }
  const names = (role: SeenNode['role']): string => seen.filter(one => one.role === role).map(one => one.node.name).join(', ')
  return { undone: true, summary: `${names('primary')} is the one primary and the endpoint leads to it, ${names('standby')} streams${database.synchronous ? ' synchronously' : ''}` }
}

/** The postmaster's start time of the server behind the endpoint, or why there is none. */
async function askEndpoint (database: DatabaseCluster, reach: Reach): Promise<string> {
  try {
    return await withClient(database.endpoint, reach, async client => {
      const { rows } = await client.query<{ started_at: string }>('select pg_postmaster_start_time()::text as started_at')
      return rows[0]!.started_at
    })
  } catch (error) {
    reach.signal.throwIfAborted()
    return messageOf(error)
  }
}

async function blockedNodes (database: DatabaseCluster): Promise<string[]> {
  const names = await Promise.all(database.nodes.map(async node => {
    try {
      return await controlOfNode(node).blocked() ? [node.name] : []
    } catch {
      // A control that cannot be asked is no defect of a database that answers.
      return []
    }
  }))
  return names.flat()
}
