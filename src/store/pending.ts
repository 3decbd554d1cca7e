import { readdirSync } from 'node:fs'
import { migrationsFolder } from './migrate.js'
import { rows, transaction, type Store } from './pool.js'

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
