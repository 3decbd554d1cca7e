import pg from 'pg'
import { messageOf } from '../errors.js'
import type { SmokeContext } from './check.js'

interface Login { host: string, port: number, user: string, password?: string, database: string }

export type Asked<T> = { rows: T[], ms: number } | { problem: string, refused: boolean }

const connectMs = 1_500
const queryMs = 3_000

/** One statement on a connection of its own. `refused`: the server took the connection and said no. Never throws for what it does. */
export async function askSql<T extends pg.QueryResultRow> (login: Login, sql: string, values: unknown[], context: Pick<SmokeContext, 'secret' | 'pace' | 'signal'>): Promise<Asked<T>> {
  await context.pace(context.signal)
  const client = new pg.Client({
    host: login.host, port: login.port, user: login.user, database: login.database,
    password: login.password === undefined ? undefined : await context.secret(login.password),
    application_name: 'muster smoke', connectionTimeoutMillis: connectMs, query_timeout: queryMs, statement_timeout: queryMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const from = performance.now()
    const { rows } = await client.query<T>(sql, values)
    return { rows, ms: performance.now() - from }
  } catch (error) {
    return { problem: messageOf(error) || 'no connection', refused: error instanceof pg.DatabaseError }
  } finally {
    // Not awaited: a server that hangs would hold us.
    client.end().catch(() => {})
  }
}
