import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, NativeConnection, Runtime, Worker, type LogMetadata } from '@temporalio/worker'
import { addressOf, sameHost } from '../activities/own-ground.js'
import { createActivities } from '../activities/index.js'
import { resultsIn } from '../activities/results.js'
import { leasesDir, loadConfig, redactedConfig, storeUrlOf } from './config.js'
import { DrillError } from './errors.js'
import { leaseFolder } from './lease/folder.js'
import { createLog } from './log.js'
import { secretsFrom } from './secrets.js'
import { owed, unended } from './store/owed.js'
import { openStore } from './store/pool.js'
import { peopleOnCall } from './store/people.js'
import { earlierRuns, saveResult, saveShard, shardsOf } from './store/results.js'
import { appendSamples } from './store/samples.js'
import { allEvents, appendEvents } from './store/timeline.js'
import { withoutCallStacks } from './temporal/call-stacks.js'
import { connectTemporal, registerSearchAttributes } from './temporal/connect.js'
import { holderOf, isRunning, sendEdge, sendLoadUp, temporalDoor } from './temporal/drills.js'
import { eventsOfWorkflow, tornDrills } from './temporal/orphans.js'
import { startReconciler } from './temporal/reconciler.js'
import { haltsFor, runningDrills } from './temporal/halts.js'
import { versioningOf } from './temporal/versioning.js'

// The worker: runs the drills and everything that they do, from where it sits in the network.

const config = loadConfig(process.env)
const log = createLog(config, process.stdout.isTTY)
const say = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: LogMetadata): void => { log[level](meta ?? {}, message) }

/** How often results that wait for the store are brought to it, ms. */
const shipMs = 30_000

Runtime.install({
  logger: {
    log: (level, message, meta) => { say(level.toLowerCase() as 'info')(message, meta) },
    trace: say('trace'), debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'),
  },
  telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  shutdownSignals: ['SIGINT', 'SIGTERM'],
})

/** The bundle that the build made, or a new one from the sources. */
async function workflowBundle (): Promise<{ codePath: string } | { code: string }> {
  const built = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url))
  if (existsSync(built)) return { codePath: built }
  const source = ['../workflows/index.js', '../workflows/index.ts'].map(path => fileURLToPath(new URL(path, import.meta.url))).find(existsSync)!
  return await bundleWorkflowCode({ workflowsPath: source, logger: Runtime.instance().logger })
}

try {
  const temporal = connectTemporal(config.temporal)
  const store = openStore(storeUrlOf(config))
  const [workflows, connection] = await Promise.all([
    workflowBundle(),
    NativeConnection.connect({ ...config.temporal.connectionOptions, address: temporal.address }),
    registerSearchAttributes(temporal),
  ])
  const door = temporalDoor(temporal.client, { taskQueue: config.taskQueue })
  const storeAddress = new URL(storeUrlOf(config))
  const results = resultsIn({
    dataDir: join(config.home, 'data'),
    save: async ({ drillId, ...result }) => { await saveResult(store.pool, drillId, result) },
    log: (message, fields) => { log.warn(fields ?? {}, message) },
  })
  const activities = createActivities({
    results,
    earlierRuns: async of => await earlierRuns(store.pool, of),
    sendLoadUp: async (drillId, step, shard) => { await sendLoadUp(temporal.client, drillId, step, shard) },
    saveShard: async (runId, shard, part) => { await saveShard(store.pool, runId, shard, part) },
    shardsOf: async runId => await shardsOf(store.pool, runId),
    append: async (drillId, events) => { await appendEvents(store.pool, drillId, events) },
    onCall: async () => await peopleOnCall(store.pool),
    holder: async environment => await holderOf(temporal.client, environment, 5000),
    haltsFor: async environment => await haltsFor(temporal.client, environment),
    leftBehindIn: async environment => (await owed(store.pool, { environment })).filter(one => one.state === 'left-behind'),
    runningDrills: async environment => await runningDrills(temporal.client, environment),
    abort: async (drillId, message) => await door.abort(drillId, message),
    sendEdge: async (drillId, edge) => { await sendEdge(temporal.client, drillId, edge) },
    saveSamples: async (drillId, samples) => { await appendSamples(store.pool, drillId, samples) },
    leases: leaseFolder(leasesDir(config)),
    isRunning: async drillId => await isRunning(temporal.client, drillId),
    dataDir: join(config.home, 'data'),
    ownAddresses: [`${storeAddress.hostname}:${storeAddress.port || 5432}`, temporal.address, ...config.slack ? [addressOf(config.slack.apiUrl ?? 'https://slack.com/api/')] : []].map(sameHost),
    ownFolders: [config.home],
    secret: secretsFrom(process.env),
    log: (message, fields) => { log.info(fields ?? {}, message) },
  })
  const worker = await withoutCallStacks(async () => await Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue: config.taskQueue,
    ...versioningOf(config.version),
    workflowBundle: workflows,
    activities,
    // A cancel, such as an abort, travels on a heartbeat's answer: this bounds how late it arrives.
    maxHeartbeatThrottleInterval: '200ms',
    defaultHeartbeatThrottleInterval: '200ms',
    maxCachedWorkflows: 200,
    nonStickyToStickyPollRatio: 0.5,
    shutdownGraceTime: '10s',
    shutdownForceTime: '20s',
  }))
  log.info({ config: redactedConfig(config) }, `worker ready on task queue ${config.taskQueue}`)
  const reconciler = startReconciler({
    unended: async () => await unended(store.pool, 5_000),
    torn: async () => await tornDrills(temporal.client),
    stateOf: async drillId => await door.stateOf(drillId),
    recorded: async drillId => await allEvents(store.pool, drillId),
    missing: async (drillId, after) => await eventsOfWorkflow(temporal.client, drillId, after),
    append: async (drillId, events) => { await appendEvents(store.pool, drillId, events) },
    undo: async input => await door.undo(input),
    log: (message, fields) => { log.warn(fields ?? {}, message) },
  })
  // What a load measured while the store was away. No drill waits for it.
  const ship = (): void => { results.ship().catch(() => {}) }
  const shipping = setInterval(ship, shipMs)
  ship()
  await worker.run()
  clearInterval(shipping)
  await reconciler.stop()
  await connection.close()
  await temporal.close()
  await store.close()
} catch (error) {
  if (!(error instanceof DrillError)) throw error
  log.fatal({ code: error.code }, error.message)
  process.exitCode = 1
}
