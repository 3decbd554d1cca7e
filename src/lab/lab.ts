import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { DrillError } from '../errors.js'
import { findTools } from '../tools.js'
import type { Environment } from '../drill/environment.js'
import { runnableAlertmanager } from './alertmanager-program.js'
import { makeAssets } from './assets.js'
import { labUser, makeBase, prepareBase } from './base.js'
import { settleCache } from './cache.js'
import { makeCertificates } from './certificates.js'
import { choosePrimary, startDatabase, together } from './database.js'
import { pointEndpoint } from './endpoint.js'
import { labEnvironment, writeEnvironment } from './environment.js'
import { tryLock, type Lock } from './lock.js'
import { reservePorts } from './ports.js'
import { makeBackupKeys, makePassphrase } from './recovery.js'
import { readRecord, recordedLabs, removeRecord, writeRecord, type LabRecord } from './record.js'
import { allServers } from './servers/index.js'
import { spareEnvironment } from './spare.js'
import { startServer, stopServer, writeConfiguration } from './start.js'
import { statusOf, type LabStatus } from './status.js'
import { serverProcess, stopLab } from './stop.js'
import { makeSecrets, type Accounts } from './storefront/accounts-file.js'
import { migrate } from './storefront/migrate.js'
import { dataDirsOf, mountVolumes } from './volumes.js'
import { reloadWebhook, webhookOf } from './webhook.js'
import { spareRoot, type Layout, type Ports } from './layout.js'

export interface LabOptions {
  /** Default `lab`. */
  name?: string
  /** State folder of the caller, mostly `.muster`. */
  root: string
  /** Whether commits wait for the standby. Default true. */
  synchronous?: boolean
  /** Whether data, WAL, logs and backups lie on file systems of their own, which a drill may fill. Default: as before, at first not. */
  volumes?: boolean
  /** Where Alertmanager delivers. Default: as before, at first http://127.0.0.1:4400/v1/alerts. The file's text is sent as a bearer token. */
  webhook?: { url: string, credentialsFile?: string }
  /** Gets one line for each server that answers. */
  onProgress?: (line: string) => void
}

export interface Lab {
  name: string
  /** Folder of the servers: data, logs, configuration. */
  base: string
  environment: Environment
  environmentFile: string
  /** The empty machine beside it, on which it can come up from its backups. */
  spare: Environment
  ports: Ports
  synchronous: boolean
  /** The shop's ready-made people, and the files that hold their passwords. */
  accounts: Accounts
}

/**
 * Starts a lab, or resumes it with the data that it had; what runs already is left alone. Answers when every server does, with
 * one primary and one streaming standby. Where it fails, what it started is stopped again.
 */
export async function labUp (options: LabOptions): Promise<Lab> {
  const { name = 'lab', onProgress } = options
  const root = resolve(options.root)
  const locks = [await labLock(root, name)]
  try {
    const known = readRecord(root, name)
    const { layout, lock } = await makeLayout(root, name, options, known)
    if (lock !== undefined) locks.push(lock)
    try {
      return await startAll(root, layout, known, onProgress)
    } catch (error) {
      const record = readRecord(root, name)
      if (record !== undefined) await stopLab(record)
      if (record !== undefined && known === undefined) removeAll(root, record)
      throw error
    }
  } finally {
    for (const lock of locks) await lock.release()
  }
}

export async function labStatus (root: string, name = 'lab'): Promise<LabStatus> {
  const record = readRecord(resolve(root), name)
  if (record === undefined) throw new DrillError('lab.unknown', `There is no lab ${name} under ${root}; there are: ${recordedLabs(resolve(root)).join(', ') || 'none'}`)
  return statusOf(record)
}

/**
 * Stops a lab and removes everything of it: processes, shared memory, sockets, files. Doing it again is no error.
 * @param options.keepData leaves the data for the next `labUp`
 */
export async function labDown (root: string, name = 'lab', options: { keepData?: boolean, onProgress?: (line: string) => void } = {}): Promise<void> {
  const folder = resolve(root)
  const lock = await labLock(folder, name)
  try {
    const record = readRecord(folder, name)
    if (record === undefined) return
    const begun = Date.now()
    await stopLab(record)
    if (options.keepData === true) {
      for (const path of [record.environmentFile, spareFileOf(record.environmentFile), spareRoot(record.base)]) rmSync(path, { recursive: true, force: true })
    } else {
      removeAll(folder, record)
    }
    options.onProgress?.(`lab ${name} is down after ${seconds(begun)}, ${options.keepData === true ? `data kept in ${record.base}` : 'nothing left'}`)
  } finally {
    await lock.release()
  }
}

/** The labs that are known under a state folder, running or not. */
export async function labList (root: string): Promise<LabStatus[]> {
  const folder = resolve(root)
  return Promise.all(recordedLabs(folder).flatMap((name) => readRecord(folder, name) ?? []).map(statusOf))
}

async function makeLayout (root: string, name: string, options: LabOptions, known: LabRecord | undefined): Promise<{ layout: Layout, lock?: Lock }> {
  const user = labUser()
  const volumes = options.volumes ?? known?.volumes ?? false
  if (known !== undefined && volumes !== (known.volumes === true)) {
    throw new DrillError('input.invalid', `Lab ${name} is there ${volumes ? 'without' : 'with'} volumes, and its data stay where they are: \`muster lab down --name ${name}\` first`)
  }
  const tools = findTools('postgres', 'initdb', 'pg_basebackup', 'pg_rewind', 'pg_controldata', 'pg_waldump', 'pg_amcheck', 'pgbackrest', 'redisServer', 'nginx',
    'haproxy', 'prometheus', 'alertmanager', 'postgresExporter', 'redisExporter', 'toxiproxy', 'openssl', 'restic', 'age', 'ageKeygen', 'rsync', 'mtree', 'getfacl', 'getfattr', 'redisCheckRdb', 'redisCheckAof', ...(volumes ? ['nodeExporter' as const] : []))
  const runs = known?.servers.some((server) => serverProcess(server) !== undefined) === true
  const reserved = known !== undefined && runs ? { ports: known.ports } : await reservePorts(known?.ports, seedOf(root, name))
  try {
    const base = known !== undefined && existsSync(known.base) ? known.base : makeBase(root, name, user)
    if (known?.volumes === true && known.base === base) mountVolumes(base, user)
    prepareBase(base, user)
    tools.alertmanager = runnableAlertmanager(base, tools.alertmanager, user)
    const webhook = webhookOf(base, user, options.webhook ?? (known?.base === base ? known.webhook : undefined))
    const synchronous = options.synchronous ?? known?.synchronous ?? true
    const dataDirs = dataDirsOf(base, volumes)
    const layout = { name, base, ports: reserved.ports, tools, user, synchronous, volumes, dataDirs, webhook, passphrase: makePassphrase(base), primary: choosePrimary(dataDirs) }
    return { layout, lock: 'lock' in reserved ? reserved.lock : undefined }
  } catch (error) {
    if ('lock' in reserved) await reserved.lock.release()
    throw error
  }
}

async function startAll (root: string, layout: Layout, known: LabRecord | undefined, onProgress: LabOptions['onProgress']): Promise<Lab> {
  const { name, base, ports, synchronous, volumes } = layout
  const begun = Date.now()
  const servers = allServers(layout)
  const environmentFile = join(root, 'environments', `${name}.yaml`)
  const record: LabRecord = {
    name, base, user: layout.user, ports, synchronous, volumes, webhook: layout.webhook, environmentFile,
    servers: servers.map((server) => {
      const before = known?.servers.find((one) => one.name === server.name)
      return { name: server.name, port: server.port, control: server.control, pid: before?.pid, startTime: before?.startTime }
    }),
    executables: ['postgres', 'pgbackrest', 'nginx'],
  }
  const recordOf = (server: string) => record.servers.find((one) => one.name === server) as LabRecord['servers'][number]
  const isRunning = (server: string): boolean => serverProcess(recordOf(server)) !== undefined
  // Before the first start: a start that is killed half-way can still be taken down.
  writeRecord(root, record)
  if (volumes) {
    mountVolumes(base, layout.user)
    prepareBase(base, layout.user)
  }

  const start = async (serverName: string): Promise<void> => {
    const server = servers.find((one) => one.name === serverName)
    if (server === undefined || isRunning(serverName)) return
    const from = Date.now()
    await startServer(server, recordOf(serverName))
    onProgress?.(`${serverName.padEnd(16)} 127.0.0.1:${server.port}  ${seconds(from)}`)
  }
  const dead = servers.filter((server) => !isRunning(server.name))
  for (const server of dead) writeConfiguration(layout, server)
  if (!isRunning('haproxy')) rmSync(`${base}/run/haproxy.state`, { force: true })
  const accounts = makeSecrets(base, layout.user)
  makeAssets(base, layout.user)

  // The links first: the standby is copied through one.
  await start('toxiproxy')
  const database = startDatabase(layout, {
    start: (node) => start(node),
    stop: (node) => stopServer(recordOf(node)),
    isRunning,
  }, () => migrate({ host: '127.0.0.1', port: ports[layout.primary], user: 'shop', database: 'shop' }, accounts))
  await together([
    database.then(() => pointEndpoint(layout)).then(() => Promise.all([start('api1'), start('api2')])),
    makeCertificates(layout).then(() => start('nginx')),
    start('haproxy'),
    Promise.all([start('redis1'), start('redis2')]).then(() => settleCache(layout)),
    ...['alertmanager', 'pg1-exporter', 'pg2-exporter', 'redis1-exporter', 'redis2-exporter', 'node-exporter'].map(start),
  ])
  // Last: it would raise an alarm for everything that is still starting.
  await start('prometheus')
  writeRecord(root, record)
  if (known !== undefined && known.webhook.url !== layout.webhook.url) await reloadWebhook(layout, servers)
  await makeBackupKeys(layout)
  const environment = labEnvironment(layout, servers, accounts)
  writeEnvironment(environmentFile, environment)
  const spare = spareEnvironment(layout, environment)
  writeEnvironment(spareFileOf(environmentFile), spare)
  onProgress?.(`lab ${name} is up after ${seconds(begun)}: https://127.0.0.1:${ports.https}`)
  return { name, base, environment, environmentFile, spare, ports, synchronous, accounts }
}

function removeAll (root: string, record: LabRecord): void {
  rmSync(record.base, { recursive: true, force: true, maxRetries: 3 })
  rmSync(join(root, 'labs', record.name), { recursive: true, force: true })
  for (const file of [record.environmentFile, spareFileOf(record.environmentFile)]) rmSync(file, { force: true })
  removeRecord(root, record.name)
  for (const folder of ['labs', 'environments']) {
    const path = join(root, folder)
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path)
  }
}

/** One start or stop of a lab at a time; a second one waits for the first. */
async function labLock (root: string, name: string): Promise<Lock> {
  const end = Date.now() + 30_000
  for (;;) {
    const lock = await tryLock(`lab-${createHash('sha256').update(`${root}\0${name}`).digest('hex').slice(0, 32)}`)
    if (lock !== undefined) return lock
    if (Date.now() > end) throw new DrillError('lab.failed', `Lab ${name} is being started or stopped by another process; waited 30 s for it`)
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
}

/** The environment of the empty machine beside a lab. */
function spareFileOf (environmentFile: string): string {
  return environmentFile.replace(/\.yaml$/, '-spare.yaml')
}

function seedOf (root: string, name: string): number {
  return createHash('sha256').update(`${root}\0${name}`).digest().readUInt32BE(0)
}

function seconds (from: number): string {
  return `${((Date.now() - from) / 1000).toFixed(2)} s`
}

export type { LabStatus } from './status.js'
