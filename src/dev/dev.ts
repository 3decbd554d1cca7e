import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { onlyOne } from '../control/only-one.js'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import type { Cluster } from '../store/cluster.js'
import { migrate } from '../store/migrate.js'
import { openStore } from '../store/pool.js'
import { findTools } from '../tools.js'
import { startServer, startWatchdog, startWorker } from './entries.js'
import { makePeople } from './people.js'
import { choosePorts, usualPorts, type Ports } from './ports.js'
import { end, isAlive, kill } from './process.js'
import { devFolder, makeFolder, readPorts, readStarted, readState, removeState, writeStarted, writeState, type Started } from './state.js'
import { killStore, startStore, storeFolder } from './store.js'
import { startTemporal } from './temporal.js'

export interface DevOptions {
  /** Folder of everything that Muster keeps on this machine, mostly `.muster`. */
  root: string
  /** `usual` (default): 4400, 7233, 8233, 4401 where they are free; `free`: any, e.g. for tests side by side. */
  ports?: 'usual' | 'free'
  /** Without Temporal's UI: quicker, and one port less. */
  headless?: boolean
  /** Gets a line for each part that is ready. */
  onProgress?: (line: string) => void
  /** Forget what an earlier start here recorded, drills that it left running too. */
  fresh?: boolean
  /** People beside the admin, each with a key of their own. */
  people?: Person[]
  /** More of the environment for worker and API, e.g. MUSTER_RUNBOOKS. */
  env?: Record<string, string>
}

export interface Dev {
  apiUrl: string
  adminKey: string
  /** Keys of `people`, by id. */
  keys: Record<string, string>
  temporalAddress: string
  temporalUi?: string
  /** With its password: not for logs. */
  storeUrl: string
  ports: Ports
  /** Worker, API, watchdog, Temporal, store, in this order; every process is gone after it. A second call waits for the first. */
  stop: () => Promise<void>
  /** Ends every process at once, without waiting: for a second Ctrl-C. */
  kill: () => void
  /** Names of parts that have ended by themselves. */
  ailing: () => string[]
  /** The process of a part, which may have ended since; the store's is its own affair. */
  processOf: (part: Exclude<Part, 'store'>) => Started
  /** Starts a part again, with the same data on the same port; one that still runs is ended first. */
  again: (part: Part) => Promise<void>
}

export type Part = 'store' | 'temporal' | 'watchdog' | 'worker' | 'server'

/**
 * Starts Muster with everything it needs. What an earlier start left running, because it was killed, is ended first. Where a part
 * does not start, the others are stopped again.
 * @throws DrillError `dev.running` naming the other one, `dev.failed` with last words, `tools.missing`, `store.down`
 */
export async function startDev (options: DevOptions): Promise<Dev> {
  const root = resolve(options.root)
  makeFolder(root)
  const lock = await onlyOne('dev', root)
  if (lock === undefined) throw running(root)
  const releases: Array<() => Promise<void> | void> = [() => lock.release()]
  const started: Started[] = []
  const dir = storeFolder(root)
  const killAll = (): void => {
    for (const one of started) kill(one)
    killStore(dir)
  }
  // An exit that nobody planned leaves nothing either.
  process.once('exit', killAll)
  releases.push(() => { process.off('exit', killAll) })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= (async () => { for (const release of releases.reverse()) await release() })()
    return stopping
  }

  const begin = Date.now()
  const took = async <T>(what: string, work: Promise<T>, where: (value: T) => string): Promise<T> => {
    const value = await work
    options.onProgress?.(`${what.padEnd(9)} ${where(value).padEnd(30)} ${((Date.now() - begin) / 1000).toFixed(1)} s`)
    return value
  }
  const onStart = (one: Started): void => {
    started.push(one)
    writeStarted(root, started)
  }
  /** Stops one part when its turn comes; the order of pushing is the reverse of that of stopping. */
  const endLater = (name: string, graceMs: number): void => {
    releases.push(async () => {
      for (const one of started.filter(one => one.name === name)) await end(one, graceMs)
    })
  }

  try {
    const left = readStarted(root)
    await Promise.all(left.map(one => end(one, 3000)))
    releases.push(() => { writeStarted(root, []) })
    if (options.fresh) await forget(root, dir)
    const tools = findTools('postgres', 'initdb', 'temporal')
    const ports = await choosePorts(options.ports ?? 'usual', readPorts(root))
    const apiUrl = `http://127.0.0.1:${ports.api}`
    const temporalAddress = `127.0.0.1:${ports.temporal}`
    const temporalUi = options.headless ? undefined : `http://127.0.0.1:${ports.temporalUi}`
    writeState(root, { pid: process.pid, apiUrl, temporalAddress, temporalUi, ports, startedAt: new Date().toISOString() })
    releases.push(() => { removeState(root) })
    tellPorts(options, ports)

    let cluster: Cluster | undefined
    const store = async (): Promise<{ storeUrl: string, adminKey: string, keys: Record<string, string> }> => {
      cluster = await startStore(dir, ports.store, tools)
      releases.splice(storeSlot, 0, async () => { await cluster?.stop() })
      await migrate(cluster.url)
      const { pool, close } = openStore(cluster.url, { connections: 1 })
      try {
        return { storeUrl: cluster.url, ...await makePeople(pool, root, options.people ?? []) }
      } finally {
        await close()
      }
    }
    // Store and Temporal start side by side, whichever is first; the store still stops last.
    const storeSlot = releases.length
    endLater('Temporal', 10_000)
    const [made] = await settled([
      took('store', store(), () => `127.0.0.1:${ports.store}`),
      took('temporal', startTemporal(root, tools.temporal, ports, !options.headless, onStart), () => temporalAddress),
    ])
    const env = childEnvironment(root, { ports, temporalAddress, temporalUi, storeUrl: made.storeUrl }, options.env)
    // Stops last of the three, after what holds leases: it reverts what they left broken.
    endLater('watchdog', 70_000)
    endLater('server', 8000)
    endLater('worker', 15_000)
    await settled([
      took('watchdog', startWatchdog({ root, env, onStart }), () => 'leases of this machine'),
      took('worker', startWorker({ root, env, onStart }), () => 'task queue muster'),
      took('api', startServer({ root, env, onStart }, apiUrl), () => apiUrl),
    ])
    const processOf: Dev['processOf'] = part => started.findLast(one => one.name === names[part])!
    const again: Dev['again'] = async part => {
      if (part === 'store') {
        await cluster?.stop()
        cluster = await startStore(dir, ports.store, tools)
        return
      }
      const before = processOf(part)
      await end(before, 15_000)
      started.splice(started.indexOf(before), 1)
      switch (part) {
        case 'temporal': await startTemporal(root, tools.temporal, ports, !options.headless, onStart); break
        case 'watchdog': await startWatchdog({ root, env, onStart }); break
        case 'worker': await startWorker({ root, env, onStart }); break
        case 'server': await startServer({ root, env, onStart }, apiUrl); break
      }
    }
    return { apiUrl, temporalAddress, temporalUi, ports, ...made, stop, kill: killAll, ailing: () => started.filter(one => !isAlive(one)).map(one => one.name), processOf, again }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Parts as their processes are noted. */
const names: Record<Exclude<Part, 'store'>, string> = { temporal: 'Temporal', watchdog: 'watchdog', worker: 'worker', server: 'server' }

/** Everything of the store and of Temporal; their processes have ended, or end now. */
async function forget (root: string, dir: string): Promise<void> {
  killStore(dir)
  for (let tries = 0; tries < 100 && existsSync(join(dir, 'data', 'postmaster.pid')); tries++) await new Promise(resolve => setTimeout(resolve, 50))
  rmSync(dir, { recursive: true, force: true })
  for (const suffix of ['', '-shm', '-wal']) rmSync(join(devFolder(root), `temporal.db${suffix}`), { force: true })
}

function running (root: string): DrillError {
  const state = readState(root)
  return new DrillError('dev.running', state === undefined
    ? `another muster dev is starting or stopping in ${root}`
    : `muster dev runs in ${root} already: process ${state.pid}, ${state.apiUrl}`, { details: state === undefined ? undefined : { pid: state.pid, apiUrl: state.apiUrl } })
}

function tellPorts ({ onProgress, ports: which = 'usual' }: DevOptions, ports: Ports): void {
  if (which !== 'usual') return
  for (const name of Object.keys(usualPorts) as Array<keyof Ports>) {
    if (ports[name] !== usualPorts[name]) onProgress?.(`port ${usualPorts[name]} is taken by another program: ${name === 'api' ? 'the API' : name === 'store' ? 'the store' : name === 'temporal' ? 'Temporal' : 'Temporal’s UI'} uses ${ports[name]}`)
  }
}

/** Waits for all of them even if one fails, so that nothing starts behind the back of a stop; then throws the first failure. */
async function settled<T extends unknown[]> (works: { [I in keyof T]: Promise<T[I]> }): Promise<T> {
  const results = await Promise.allSettled(works)
  const failure = results.find(result => result.status === 'rejected')
  if (failure) throw failure.reason
  return results.map(result => (result as PromiseFulfilledResult<unknown>).value) as T
}

function childEnvironment (
  root: string, dev: { ports: Ports, temporalAddress: string, temporalUi?: string, storeUrl: string }, more: Record<string, string> = {}
): Record<string, string | undefined> {
  // A profile or address of somebody's real Temporal must not reach the parts of this one.
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')))
  return {
    ...own,
    TEMPORAL_ADDRESS: dev.temporalAddress,
    TEMPORAL_NAMESPACE: 'default',
    // A file that is not there: an empty one is an error to Temporal's envconfig.
    TEMPORAL_CONFIG_FILE: join(root, 'dev', 'no-temporal-profile.toml'),
    MUSTER_TEMPORAL_UI: dev.temporalUi,
    MUSTER_STORE_URL: dev.storeUrl,
    MUSTER_HOST: '127.0.0.1',
    MUSTER_PORT: String(dev.ports.api),
    MUSTER_PUBLIC_URL: `http://127.0.0.1:${dev.ports.api}`,
    MUSTER_HOME: root,
    MUSTER_LOG_LEVEL: 'info',
    MUSTER_LOG_PRETTY: 'false',
    ...more,
  }
}
