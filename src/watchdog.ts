import closeWithGrace from 'close-with-grace'
import { actions } from '../activities/index.js'
import type { Action, StepContext } from '../activities/action.js'
import { undoVerified } from '../activities/undo.js'
import { leasesDir, loadConfig } from './config.js'
import { onlyOne } from './control/only-one.js'
import type { Lease } from './drill/lease.js'
import { DrillError } from './errors.js'
import { leaseFolder } from './lease/folder.js'
import { startWatchdog } from './lease/watchdog.js'
import { createLog } from './log.js'
import { secretsFrom } from './secrets.js'

// The watchdog: reverts every fault of this machine whose lease nobody renews. It needs neither Temporal nor the store, and outlives the
// worker; it does not outlive its machine.

/** Longest wait for what is being reverted when it is told to stop, ms. */
const graceMs = 65_000

try {
  const config = loadConfig(process.env)
  const log = createLog(config, process.stdout.isTTY)
  const dir = leasesDir(config)
  const folder = leaseFolder(dir)
  if (!await onlyOne('watchdog', dir)) throw new DrillError('watchdog.running', `another watchdog serves ${dir}`)
  const secret = secretsFrom(process.env)
  const say = (message: string, fields?: Record<string, unknown>): void => { log.info(fields ?? {}, message) }

  const contextOf = ({ drillId, stepId }: Lease, signal: AbortSignal): StepContext =>
    ({ drillId, stepId, signal, heartbeat: () => {}, previous: undefined, secret, log: (message, fields) => { say(message, { drillId, stepId, ...fields }) } })

  const watchdog = startWatchdog({
    folder,
    log: say,
    revert: async (lease, signal) => (await undoVerified(actions[lease.action] as Action<never>, lease.with as never, contextOf(lease, signal))).summary,
  })
  closeWithGrace({ delay: graceMs, logger: { error: message => { log.error(message) } } }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'the watchdog ends by a mistake of its own')
    log.info(`watchdog stops (${signal ?? 'error'}) with ${watchdog.duties()} leases to revert`)
    await watchdog.stop('the watchdog was told to stop')
  })
  log.info(`watchdog ready for ${dir}`)
} catch (error) {
  if (!(error instanceof DrillError)) throw error
  console.error(`watchdog: ${error.message} [${error.code}]`)
  process.exitCode = 1
}
