import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { DrillError, messageOf } from '../errors.js'
import { rows, storeError, transaction, type Store } from './pool.js'

/**
 * Brings the store's tables up to date, in one transaction; runs as the owner of the database.
 * @returns the names of the migrations that ran, none where all had.
 * Throws `store.migrating` where another runner is at it, `store.down` where PostgreSQL does not answer.
 */
export async function migrate (url: string, options: { connectTimeoutMs?: number } = {}): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: options.connectTimeoutMs ?? 5000, application_name: 'muster migrate' })
  // A server that goes away fails the query under way; without a listener it would end the process as well.
  client.on('error', () => {})
  try {
    await client.connect()
    const ran = await runner({
      // Ours, so that it is closed when this function returns: the runner does not wait for that.
      dbClient: client,
      dir: migrationsFolder(),
      direction: 'up',
      migrationsTable: 'migrations',
      singleTransaction: true,
      log: () => {},
    })
    return ran.map(migration => migration.name)
  } catch (error) {
    if (/already running/.test(messageOf(error))) throw new DrillError('store.migrating', 'Somebody else is migrating the store', { cause: error })
    throw storeError(error)
  } finally {
    await client.end().catch(() => {})
  }
}

/** Names of the migrations that have not run on this store: all of them on an empty one. Throws `store.down`. */
export async function pendingMigrations ({ pool }: Store): Promise<string[]> {
  const there = readdirSync(migrationsFolder()).filter(file => file.endsWith('.sql')).map(file => file.slice(0, -4)).sort()
  const ran = await transaction(pool, async db => {
    // The list belongs to the owner, who migrates; the role that Muster works as does not see it.
    await rows(db, 'set local role none')
    const [found] = await rows<{ exists: boolean }>(db, "select to_regclass('migrations') is not null as exists")
    return found?.exists ? await rows<{ name: string }>(db, 'select name from migrations') : []
  })
  return there.filter(name => !ran.some(migration => migration.name === name))
}

/** Beside `src`, from the sources and from `dist/src`. */
function migrationsFolder (): string {
  const folders = ['../../migrations/', '../../../migrations/'].map(path => fileURLToPath(new URL(path, import.meta.url)))
  const found = folders.find(folder => existsSync(folder))
  if (found === undefined) throw new DrillError('internal', 'The folder of migrations is missing from this installation')
  return found
}
