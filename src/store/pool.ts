import pg from 'pg'
import { DrillError, messageOf } from '../errors.js'
import { createFeed, type Feed } from './feed.js'

export interface Store {
  pool: pg.Pool
  /** Wakes whoever follows a timeline. */
  feed: Feed
  close: () => Promise<void>
}

export interface StoreOptions {
  /** Connections at most. Default 10. */
  connections?: number
  /** Longest wait for a connection, ms. Default 5000. */
  connectTimeoutMs?: number
  /** Longest statement, ms. Default 10000. */
  statementTimeoutMs?: number
  /** How often followers look by themselves, should a notice be lost, ms. Default 2000. */
  pollEveryMs?: number
}

/** Whatever runs a query: the pool, or a client inside a transaction. */
export type Db = pg.Pool | pg.PoolClient

/** `set role` fails where the role is absent or not granted; this asks first. */
const takeRole = `select set_config('role', 'muster_app', false) from pg_roles
  where rolname = 'muster_app' and pg_has_role(current_user, oid, 'member')`

/** Opens no connection yet. Every query of the store throws `store.down` where PostgreSQL does not answer. */
export function openStore (url: string, options: StoreOptions = {}): Store {
  const connection = {
    connectionString: url,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    statement_timeout: options.statementTimeoutMs ?? 10_000,
    // Where the server is gone without a word, statement_timeout is of no help.
    query_timeout: (options.statementTimeoutMs ?? 10_000) + 2000,
    keepAlive: true,
    types: { getTypeParser },
  }
  const pool = new pg.Pool({
    ...connection,
    application_name: 'muster',
    max: options.connections ?? 10,
    idleTimeoutMillis: 30_000,
    onConnect: takeAppRole as (client: pg.ClientBase) => void,
  } as pg.PoolConfig)
  // An idle connection that breaks must not end the process; the next query says store.down.
  pool.on('error', () => {})
  const feed = createFeed(() => new pg.Client({ ...connection, application_name: 'muster feed' } as pg.ClientConfig), options.pollEveryMs ?? 2000)
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => { await Promise.all([feed.close(), pool.end()]) }
  return {
    pool,
    feed,
    async close () {
      closed ??= close()
      await closed
    },
  }
}

/** The pool waits for it, which @types/pg does not know. */
const takeAppRole = async (client: pg.ClientBase): Promise<void> => {
  // The pool listens only while a client is idle: one that breaks between two statements of a transaction would end the process.
  client.on('error', () => {})
  // Where the role may not be taken after all (PostgreSQL 16 can grant one without that right), the triggers guard alone.
  await client.query(takeRole).catch((error: unknown) => { if (sqlState(error) !== '42501') throw error })
}

/** bigint as a number: times in milliseconds and counts are far below 2^53. */
const getTypeParser = ((id: number, format?: 'text') =>
  id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format)) as typeof pg.types.getTypeParser

/** The rows of one statement. Throws `store.down`, or `internal` for a mistake of ours. */
export async function rows<Row extends object> (db: Db, sql: string, values: unknown[] = []): Promise<Row[]> {
  try {
    return (await db.query<Row>(sql, values)).rows
  } catch (error) {
    throw storeError(error)
  }
}

/** Runs it in one transaction; whatever it throws rolls back. */
export async function transaction<T> (pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => { throw storeError(error) })
  let broken = false
  try {
    await rows(client, 'begin')
    const result = await run(client)
    await rows(client, 'commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => { broken = true })
    throw error
  } finally {
    // A connection that could not even roll back is thrown away.
    client.release(broken)
  }
}

/** SQLSTATE classes and codes that mean "not now": connection, resources, operator intervention, no such database, login. */
const downCodes = /^(08|53|57|28|3D)|^25006$|^ECONN|^ENOENT$|^EACCES$|^EPIPE$|^ETIMEDOUT$|^ENOTFOUND$|^EAI_AGAIN$|^EHOSTUNREACH$|^ENETUNREACH$/

/** A DrillError of whatever pg threw. pg's own messages name host, port and user, and never a password. */
export function storeError (error: unknown): DrillError {
  if (error instanceof DrillError) return error
  const code = (error as { code?: unknown } | undefined)?.code
  const text = messageOf(error) || (error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : '')
  if (typeof code === 'string' && downCodes.test(code)) return new DrillError('store.down', `The store does not answer: ${text || code}`, { cause: error })
  if (code === '42P01') return new DrillError('store.down', 'The store has no tables yet: run `muster migrate`', { cause: error })
  if (/timeout|terminated|closed|ended|calling end|not queryable/i.test(text) && code === undefined) return new DrillError('store.down', `The store does not answer: ${text}`, { cause: error })
  return new DrillError('internal', `The store refused a statement: ${text}`, { cause: error })
}

/** SQLSTATE of an error, e.g. `23505` for a duplicate. */
export function sqlState (error: unknown): string | undefined {
  const cause = error instanceof DrillError ? error.cause : error
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
