import type pg from 'pg'
import { DrillError, messageOf } from '../../src/errors.js'
import type { ComponentState } from '../../src/control/control.js'
import type { DatabaseCluster, PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type AskOptions, type Reach } from './connection.js'

/** `down`: it gave no answer and its process is proven dead. `unknown`: it gave none, and may be anything, a primary too. */
export type NodeRole = 'primary' | 'standby' | 'down' | 'unknown'

/** One standby's connection, as its primary sees it. */
export interface Follower {
  slot: string
  /** `application_name`, which `synchronous_standby_names` goes by. */
  name: string | null
  /** `streaming`, `catchup`, …; null where nobody uses the slot. */
  state: string | null
  /** `async`, `sync`, `quorum`, `potential`. */
  sync: string | null
}

export interface SeenNode {
  node: PostgresNode
  role: NodeRole
  /** PostgreSQL's timeline of a primary. */
  timeline?: number
  /** Start of the postmaster, to the microsecond: tells servers apart through any proxy. */
  startedAt?: string
  followers: Follower[]
  synchronousNames?: string
  /** Of one that gave no answer; undefined where its control could not be asked either. */
  state?: ComponentState
  /** Of one that gave no answer: `standby.signal` is there, so whatever starts it, it comes up as a standby. */
  marked?: boolean
  /** Of one that gave no answer: its start is prevented. */
  blocked?: boolean
  /** Why it gave none. */
  error?: string
}

export const standbySignal = (node: PostgresNode): string => `${node.dataDir}/standby.signal`

const lookSql = `
  select pg_is_in_recovery() as standby,
    pg_postmaster_start_time()::text as started_at,
    current_setting('synchronous_standby_names') as synchronous_names,
    case when pg_is_in_recovery() then null else pg_walfile_name(pg_current_wal_lsn()) end as segment,
    coalesce((select json_agg(json_build_object('slot', s.slot_name, 'name', r.application_name, 'state', r.state, 'sync', r.sync_state))
      from pg_replication_slots s left join pg_stat_replication r on r.pid = s.active_pid where s.slot_type = 'physical'), '[]') as followers`

interface LookRow { standby: boolean, started_at: string, synchronous_names: string, segment: string | null, followers: Follower[] }

/** What a connected node is. */
export async function lookThrough (node: PostgresNode, client: pg.Client): Promise<SeenNode> {
  const { rows: [row] } = await client.query<LookRow>(lookSql)
  return {
    node,
    role: row!.standby ? 'standby' : 'primary',
    startedAt: row!.started_at,
    synchronousNames: row!.synchronous_names,
    timeline: row!.segment === null ? undefined : timelineOf(row!.segment),
    followers: row!.followers,
  }
}

/** The timeline in the name of a WAL segment; `pg_control_checkpoint()` still says the old one right after a promotion. */
export function timelineOf (segment: string): number {
  return parseInt(segment.slice(0, 8), 16)
}

/** Asks one node, and where it gives no answer its control. Throws only when aborted. */
export async function lookAtNode (node: PostgresNode, reach: Reach, options: AskOptions = {}): Promise<SeenNode> {
  try {
    return await withClient(node, reach, client => lookThrough(node, client), options)
  } catch (error) {
    reach.signal.throwIfAborted()
    // A missing secret is our own mistake, and no sign of anything about the node.
    if (error instanceof DrillError && error.code === 'secret.missing') throw error
    return lookFromOutside(node, messageOf(error))
  }
}

async function lookFromOutside (node: PostgresNode, error: string): Promise<SeenNode> {
  const control = controlOfNode(node)
  try {
    const [state, marked, blocked] = await Promise.all([control.state(), control.hasFile(standbySignal(node)), control.blocked()])
    return { node, role: state === 'dead' ? 'down' : 'unknown', state, marked, blocked, error, followers: [] }
  } catch (cause) {
    return { node, role: 'unknown', error: `${error}; ${messageOf(cause)}`, followers: [] }
  }
}

/** Asks every node at once who it is. */
export function lookAtPair (database: DatabaseCluster, reach: Reach, options: AskOptions = {}): Promise<SeenNode[]> {
  return Promise.all(database.nodes.map(node => lookAtNode(node, reach, options)))
}

/** The one primary. Throws `splitBrain.prevented` where there are two, `component.unexpected` where there is none. */
export function primaryOf (seen: SeenNode[]): SeenNode {
  const primaries = seen.filter(one => one.role === 'primary')
  if (primaries.length > 1) throw new DrillError('splitBrain.prevented', `There are two primaries: ${rolesText(seen)}`)
  if (primaries.length === 0) throw new DrillError('component.unexpected', `There is no primary: ${rolesText(seen)}`)
  return primaries[0]!
}

export function followerOf (primary: SeenNode, node: PostgresNode): Follower | undefined {
  return primary.followers.find(follower => follower.slot === node.slot)
}

export function rolesText (seen: SeenNode[]): string {
  return seen.map(one => `${one.node.name} is ${one.role}${one.state === 'frozen' ? ' (frozen)' : ''}${one.blocked ? ' (blocked)' : ''}`).join(', ')
}
