import { pino } from 'pino'
import { loadConfig, storeUrlOf } from './config.js'
import { DrillError } from './errors.js'
import { createLog } from './log.js'
import { migrate } from './store/migrate.js'

// Brings the store's tables to what this Muster knows. Twice is once; a second runner at the same time is refused.

try {
  const config = loadConfig(process.env)
  const log = createLog(config, process.stdout.isTTY)
  const applied = await migrate(storeUrlOf(config))
  log.info({ applied }, applied.length === 0 ? 'the store is up to date' : `the store has ${applied.length} migrations more`)
} catch (error) {
  if (!(error instanceof DrillError)) throw error
  pino().fatal({ code: error.code }, error.message)
  process.exitCode = 1
}
