import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { migrate, pendingMigrations } from '../src/store/migrate.js'
import type { Cluster } from '../src/store/cluster.js'
import { openStore } from '../src/store/pool.js'
import { startCluster } from './fixtures/cluster.js'

let cluster: Cluster
before(async () => { cluster = await startCluster() })
after(async () => { await cluster?.stop() })

test('a store says which migrations it lacks: all while it is empty, none once they ran, the newest where it is older', async () => {
  const store = openStore(cluster.url)
  try {
    const all = await pendingMigrations(store)
    assert.ok(all.length >= 2)
    await migrate(cluster.url)
    assert.deepEqual(await pendingMigrations(store), [])
    await store.pool.query('begin; set local role none; delete from migrations where name = (select max(name) from migrations); commit')
    assert.deepEqual(await pendingMigrations(store), all.slice(-1))
  } finally {
    await store.close()
  }
})
