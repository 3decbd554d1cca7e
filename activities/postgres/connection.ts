import pg from 'pg'
import { controlOf, type Controller } from '../../src/control/control.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { DatabaseCluster, PostgresNode, SecretRef } from '../../src/drill/environment.js'
import type { StepContext } from '../action.js'

/** Where one logs in. A node and the endpoint both are. */
export interface Login { host: string, port: number, user: string, password?: SecretRef, database: string }

export type Reach = Pick<StepContext, 'signal' | 'secret'>

export interface AskOptions {
  /** Deadline of the connection, ms. Default 1000. A frozen server accepts the connection and says nothing. */
  connectMs?: number
  /** Deadline of each statement, ms. Default 5000. */
  queryMs?: number
}

/**
 * Opens one connection, uses it, closes it. Throws `component.unreachable` (no connection, or the server is starting or ending)
 * and `component.unexpected` (the server refused a statement; details: its SQLSTATE).
 */
export async function withClient<T> (login: Login, reach: Reach, use: (client: pg.Client) => Promise<T>, { connectMs = 1_000, queryMs = 5_000 }: AskOptions = {}): Promise<T> {
  reach.signal.throwIfAborted()
  const client = new pg.Client({
    host: login.host,
    port: login.port,
    user: login.user,
    database: login.database,
    password: login.password === undefined ? undefined : await reach.secret(login.password),
    application_name: 'muster',
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    statement_timeout: queryMs,
  })
  // A connection that dies while idle must not take the worker with it; the next statement fails by itself.
  client.on('error', () => {})
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    throw asDrillError(login, error)
  } finally {
    // Not awaited: a server that hangs would hold us, and the answer is there.
    client.end().catch(() => {})
  }
}

function asDrillError (login: Login, cause: unknown): unknown {
  if (cause instanceof DrillError) return cause
  const sqlState = cause instanceof pg.DatabaseError ? cause.code : undefined
  const where = `PostgreSQL at ${login.host}:${login.port}`
  // Class 57P: shutting down, crashed, starting up.
  if (sqlState !== undefined && !sqlState.startsWith('57P')) {
    return new DrillError('component.unexpected', `${where}: ${messageOf(cause)}`, { cause, details: { sqlState } })
  }
  return new DrillError('component.unreachable', `${where} does not answer: ${messageOf(cause)}`, { cause })
}

/** The hand on a node; knows processes of the node that outlived their postmaster by its data directory. */
export function controlOfNode (node: PostgresNode): Controller {
  return controlOf(node.control, { workDir: node.dataDir })
}

/** Throws `input.invalid` where the cluster has no such node. */
export function nodeOf (database: DatabaseCluster, name: string): PostgresNode {
  const node = database.nodes.find(node => node.name === name)
  if (!node) throw new DrillError('input.invalid', `The database has no node "${name}", only ${database.nodes.map(node => node.name).join(', ')}`)
  return node
}

export function othersOf (database: DatabaseCluster, name: string): PostgresNode[] {
  return database.nodes.filter(node => node.name !== name)
}
