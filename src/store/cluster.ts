import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, closeSync, existsSync, fchownSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { DrillError, messageOf } from '../errors.js'

interface Program { path: string, env?: Record<string, string> }

export interface ClusterOptions {
  /** Folder of the cluster; its parents must be passable for uid 65534 where Muster runs as root. */
  dir: string
  /** Port on 127.0.0.1. Without one it listens on a Unix socket in the folder alone. */
  port?: number
  tools: { postgres: Program, initdb: Program }
  /** Settings of postgresql.conf, e.g. `{ fsync: 'off' }`. */
  settings?: Record<string, string>
}

export interface Cluster {
  /** Of the database `muster`. It holds the password of that cluster: not for logs. */
  url: string
  stop: () => Promise<void>
}

/** PostgreSQL refuses root. */
const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/**
 * Starts a private PostgreSQL: the embedded store of `muster dev`, and of the tests. The first start makes it; a server that a killed
 * process left in the folder is ended first. Throws `store.down` with the server's last words.
 */
export async function startCluster ({ dir, port, tools, settings = {} }: ClusterOptions): Promise<Cluster> {
  const data = join(dir, 'data')
  const log = join(dir, 'postgres.log')
  for (const folder of [dir, join(dir, 'run')]) own(folder)
  const password = passwordOf(join(dir, 'password'))
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(tools.initdb, data, join(dir, 'password'), log)
  else await endStray(data)
  const args = ['-D', data, '-k', join(dir, 'run'), '-p', String(port ?? 5432), '-c', `listen_addresses=${port === undefined ? '' : '127.0.0.1'}`]
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  const server = await run(tools.postgres, args, log)
  const ended = new Promise<void>(resolve => server.once('exit', () => { resolve() }))
  const url = (database: string): string => port === undefined
    ? `postgresql://muster@localhost/${database}?host=${encodeURIComponent(join(dir, 'run'))}&port=5432`
    : `postgresql://muster:${password}@127.0.0.1:${port}/${database}`
  const stop = async (): Promise<void> => {
    // SIGINT is PostgreSQL's fast stop, SIGQUIT the immediate one.
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill(signal)
      await Promise.race([ended, delay(10_000, undefined, { ref: false })])
    }
  }
  try {
    await ready(server, url('postgres'), log)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: url('muster'), stop }
}

/** A folder of the server's user that nobody else looks into: the Unix socket in it asks for no password. */
function own (folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
}

function passwordOf (file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (nobody.uid !== undefined) chownSync(file, nobody.uid, nobody.gid)
  return readFileSync(file, 'utf8').trim()
}

async function initialise (initdb: Program, data: string, passwordFile: string, log: string): Promise<void> {
  own(data)
  const maker = await run(initdb, ['-D', data, '-U', 'muster', '--pwfile', passwordFile, '--auth-local=trust', '--auth-host=scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--no-instructions'], log)
  const code = maker.exitCode ?? await new Promise(resolve => maker.once('exit', resolve))
  if (code !== 0) throw new DrillError('store.down', `The store's cluster could not be made: ${lastWords(log)}`)
}

/** Detached: a Ctrl-C of the terminal must reach Muster, not the store that it still has to write to. */
async function run (program: Program, args: string[], log: string): Promise<ChildProcess> {
  const output = openSync(log, 'a', 0o640)
  try {
    if (nobody.uid !== undefined) fchownSync(output, nobody.uid, nobody.gid)
    const child = spawn(program.path, args, {
      cwd: '/', detached: true, stdio: ['ignore', output, output], ...nobody, env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC', ...program.env },
    })
    await new Promise((resolve, reject) => { child.once('spawn', resolve); child.once('error', reject) })
    return child
  } catch (error) {
    throw new DrillError('store.down', `${program.path} could not be started: ${messageOf(error)}`, { cause: error })
  } finally {
    closeSync(output)
  }
}

async function ready (server: ChildProcess, url: string, log: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (let last = ''; Date.now() < deadline; await delay(30)) {
    if (server.exitCode !== null || server.signalCode !== null) throw new DrillError('store.down', `The store's PostgreSQL ended at once: ${lastWords(log)}`)
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rowCount } = await client.query("select 1 from pg_database where datname = 'muster'")
      if (rowCount === 0) await client.query('create database muster')
      return
    } catch (error) {
      last = messageOf(error)
    } finally {
      await client.end().catch(() => {})
    }
    if (Date.now() >= deadline) throw new DrillError('store.down', `The store's PostgreSQL does not answer: ${last}`)
  }
  throw new DrillError('store.down', `The store's PostgreSQL does not answer: ${lastWords(log)}`)
}

/** Ends a server that runs on this folder still; its command line proves that it does. */
async function endStray (data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    for (let tries = 0; tries < 200; tries++) {
      const pid = strayPid(data)
      if (pid === undefined) return
      try {
        if (tries === 0) process.kill(pid, signal)
      } catch {
        return
      }
      await delay(50)
    }
  }
}

function strayPid (data: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    return pid > 1 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data) ? pid : undefined
  } catch {
    return undefined
  }
}

function lastWords (log: string): string {
  return readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' | ')
}
