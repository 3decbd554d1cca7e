import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, escapeIdentifier } from 'pg'
import { restorePair } from '../activities/postgres/restore.js'
import { controlOf } from '../src/control/control.js'
import type { DatabaseCluster, Environment, PostgresNode } from '../src/drill/environment.js'
import { DrillError } from '../src/errors.js'

/** One failover, ms. Detection counts from the kill; fence, promote and switch are lengths of their own. */
export interface FloorTimes { killToFirstWriteMs: number, detectMs: number, fenceMs: number, promoteMs: number, switchMs: number }

const writers = 4
const perSecond = 100
const probeEveryMs = 100
const deadlineMs = 500
const strikes = 3

/**
 * The floor that a drill is measured against: the same failover as one script by hand, with no engine, ledger, gate, verification
 * or record. Nothing can be quicker with this probe and these servers. The pair is whole and at home again when it returns;
 * mending is not timed. For a lab: it uses no passwords.
 */
export async function floorRun (environment: Environment): Promise<FloorTimes> {
  const database = environment.database
  if (!database) throw new DrillError('input.invalid', `${environment.name} has no database`)
  const [old, next] = database.nodes as [PostgresNode, PostgresNode]
  const { backend, socket } = database.loadBalancer
  await admin(database, old, [
    'create table if not exists muster_floor (writer integer, at timestamptz default clock_timestamp())',
    `grant insert on muster_floor to ${escapeIdentifier(database.endpoint.user)}`,
  ])
  // What an earlier failback left promised would make the promoted node wait for the dead one.
  await admin(database, next, ["alter system set synchronous_standby_names = ''", 'select pg_reload_conf()'])
  const end = new AbortController()
  const acks: number[] = []
  const writing = Array.from({ length: writers }, (_, writer) => write(database, writer, acks, end.signal))
  const control = controlOf(old.control, { workDir: old.dataDir })
  try {
    await until(() => acks.length > 50)
    // It is there before it is needed, as in any careful script.
    const standby = await open(next, 40_000)
    const downs = watch(database, end.signal)
    // A probe runs all the time and knows nothing of the kill: started with it, its looks would fall on it to the millisecond, and
    // detection would always take two intervals and never three.
    await delay(probeEveryMs * (3 + Math.random()))

    const killedAt = performance.now()
    await control.kill()
    const deadAt = performance.now()
    await downs
    const detectedAt = performance.now()
    const [, alive] = await Promise.all([
      haproxy(socket, `set server ${backend}/${old.name} state maint; shutdown sessions server ${backend}/${old.name}`),
      control.alive(),
      control.block(),
    ])
    if (alive) throw new DrillError('splitBrain.prevented', `${old.name} is not dead`)
    const fencedAt = performance.now()
    const { rows } = await standby.query<{ promoted: boolean }>('select pg_promote(true, 30) as promoted')
    if (!rows[0]!.promoted) throw new DrillError('component.unexpected', `${next.name} was not promoted`)
    const promotedAt = performance.now()
    await haproxy(socket, `set server ${backend}/${next.name} state ready`)
    const switchedAt = performance.now()
    await until(() => acks.at(-1)! > switchedAt)
    standby.end().catch(() => {})
    // No write can succeed between the death of the one and the promotion of the other.
    const firstWriteAt = acks.find(at => at > Math.max(deadAt, fencedAt))!
    return {
      killToFirstWriteMs: round(firstWriteAt - killedAt),
      detectMs: round(detectedAt - killedAt),
      fenceMs: round(fencedAt - detectedAt),
      promoteMs: round(promotedAt - fencedAt),
      switchMs: round(switchedAt - promotedAt),
    }
  } finally {
    end.abort()
    await Promise.all(writing)
    const reach = { signal: new AbortController().signal, secret: async () => '' }
    await restorePair(database, reach, { home: true })
    await admin(database, old, ['drop table if exists muster_floor'])
  }
}

async function write (database: DatabaseCluster, writer: number, acks: number[], signal: AbortSignal): Promise<void> {
  const periodMs = writers * 1000 / perSecond
  while (!signal.aborted) {
    let client: Client | undefined
    try {
      client = await open(database.endpoint)
      for (let due = performance.now(); !signal.aborted; due += periodMs) {
        await client.query({ name: 'floor', text: 'insert into muster_floor (writer) values ($1)', values: [writer] })
        acks.push(performance.now())
        await delay(Math.max(0, due + periodMs - performance.now()))
      }
    } catch {
      await delay(5)
    } finally {
      client?.end().catch(() => {})
    }
  }
}

/** Resolves when so many probes in a row failed, each on a connection of its own and with a write. */
async function watch (database: DatabaseCluster, signal: AbortSignal): Promise<void> {
  for (let failed = 0, due = performance.now(); failed < strikes && !signal.aborted; due += probeEveryMs) {
    await delay(Math.max(0, due - performance.now()))
    let client: Client | undefined
    try {
      client = await open(database.endpoint)
      await client.query('insert into muster_floor (writer) values (-1)')
      failed = 0
    } catch {
      failed++
    } finally {
      client?.end().catch(() => {})
    }
  }
}

async function open ({ host, port, user, database }: { host: string, port: number, user: string, database: string }, answerMs = deadlineMs): Promise<Client> {
  const client = new Client({ host, port, user, database, ssl: false, connectionTimeoutMillis: deadlineMs, query_timeout: answerMs })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function admin (database: DatabaseCluster, node: PostgresNode, statements: string[]): Promise<void> {
  const client = await open({ ...node, database: database.endpoint.database }, 10_000)
  try {
    for (const sql of statements) await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Commands of HAProxy's admin socket; a word in the answer is an error. */
async function haproxy (path: string, line: string): Promise<void> {
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect({ path }, () => { socket.write(`${line}\n`) })
    socket.on('data', data => { text += data.toString() })
    socket.once('end', () => { socket.destroy(); resolve(text.trim()) })
    socket.once('error', reject)
  })
  if (answer !== '') throw new DrillError('component.unexpected', `HAProxy answered: ${answer}`)
}

async function until (reached: () => boolean): Promise<void> {
  const end = performance.now() + 30_000
  while (!reached()) {
    if (performance.now() > end) throw new DrillError('component.unreachable', 'no write got through within 30 s')
    await delay(2)
  }
}

function round (ms: number): number {
  return Math.round(ms * 10) / 10
}
