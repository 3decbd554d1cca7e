import pg from 'pg'
import type { StorefrontConfig } from './config.js'

// Money sums fit into 53 bits.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Deadlines below the front door's (3 s), so that a dead database gives a clear 503 and no hanging client. */
const deadlines = {
  connectionTimeoutMillis: 1_000,
  query_timeout: 2_000,
  statement_timeout: 2_000,
  // A transaction whose instance vanished must not hold its row locks.
  idle_in_transaction_session_timeout: 5_000,
}

export function createPool (config: StorefrontConfig, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({ ...config.database, ...deadlines, application_name: config.name, max: 8, idleTimeoutMillis: 10_000, keepAlive: true })
  // An idle connection that dies is dropped by the pool; without a listener it would end the process.
  pool.on('error', onError)
  // The pool listens only while a client is idle; this one dies between two statements of a transaction, and those are told anyway.
  pool.on('connect', (client) => { client.on('error', () => {}) })
  return pool
}

export function createClient (config: StorefrontConfig): pg.Client {
  return new pg.Client({ ...config.database, ...deadlines, application_name: `${config.name}-fulfilment`, keepAlive: true })
}

/**
 * One transaction: committed where the work answers, rolled back where it throws or answers `undo`. A connection whose state is in doubt is not used
 * again.
 */
export async function transaction<T extends { undo?: boolean }> (pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query(result.undo === true ? 'rollback' : 'commit')
    client.release()
    return result
  } catch (error) {
    const usable = await client.query('rollback').then(() => !isDatabaseDown(error), () => false)
    client.release(!usable)
    throw error
  }
}

/** Whether the database is away, going, coming, or no primary: what a client should simply try again. */
export function isDatabaseDown (error: unknown): boolean {
  const { code, message } = error as { code?: unknown, message?: unknown }
  if (typeof code === 'string') {
    if (/^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|EHOSTUNREACH)$/.test(code)) return true
    // Shutdown and start, connection lost, read-only (a standby), too many connections, deadline of a statement.
    if (/^(57P0[1-5]|08...|25006|53300|57014|25P03)$/.test(code)) return true
  }
  return typeof message === 'string' && /timeout|terminated|not queryable|Connection ended/i.test(message)
}
