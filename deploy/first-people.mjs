// The first keys of a store: `admin`, who adds everybody else, and `alertmanager`, who delivers alerts. Written to MUSTER_HOME/key
// and MUSTER_HOME/alertmanager.key (mode 0600), never printed. A key that still works is left alone; to replace one, delete its file.
// Needs the build (npm run build) and MUSTER_STORE_URL, after `muster migrate`.
import { mkdirSync } from 'node:fs'
import { loadConfig, storeUrlOf } from '../dist/src/config.js'
import { makePeople } from '../dist/src/dev/people.js'
import { openStore } from '../dist/src/store/pool.js'

try {
  const config = loadConfig(process.env)
  const store = openStore(storeUrlOf(config))
  mkdirSync(config.home, { recursive: true })
  try {
    await makePeople(store.pool, config.home, [])
    console.log(`the keys of admin and alertmanager lie in ${config.home}`)
  } finally {
    await store.close()
  }
} catch (error) {
  console.error(`first-people: ${error.message}`)
  process.exitCode = 1
}
