import { existsSync, readdirSync, rmSync } from 'node:fs'
import pg from 'pg'
import { freeSharedMemoryOf } from '../control/shared-memory.js'
import { DrillError } from '../errors.js'
import { writeOwned } from './base.js'
import { nodeNames, type Layout, type NodeName } from './layout.js'
import { runTool } from './run.js'
import { stanza } from './servers/postgres.js'
import { walDirOf } from './volumes.js'

/** What starts and stops the two servers, so that this file need not know how. */
export interface DatabaseHands {
  start: (node: NodeName) => Promise<void>
  stop: (node: NodeName) => Promise<void>
  isRunning: (node: NodeName) => boolean
}

/** Which node's data a lab goes on with: the one that is no standby; of two (after an aborted failover) the later timeline. */
export function choosePrimary (dataDirs: Layout['dataDirs']): NodeName {
  const made = nodeNames.filter((node) => existsSync(`${dataDirs[node]}/PG_VERSION`))
  const leaders = made.filter((node) => !existsSync(`${dataDirs[node]}/standby.signal`))
  const [first = 'pg1', second] = leaders.length > 0 ? leaders : made
  return second !== undefined && timeline(dataDirs[second]) > timeline(dataDirs[first]) ? second : first
}

/**
 * Brings up one primary and one streaming standby, from nothing or from whatever data is there. A node that is no proper
 * standby of the primary is made anew from it.
 * @param prepare creates what must be in the database before the standby is copied (roles, the shop)
 */
export async function startDatabase (layout: Layout, hands: DatabaseHands, prepare: () => Promise<void>): Promise<void> {
  const { base, primary, dataDirs } = layout
  const standby: NodeName = primary === 'pg1' ? 'pg2' : 'pg1'
  const isNew = !existsSync(`${dataDirs[primary]}/PG_VERSION`)
  if (isNew) {
    const wal = emptied(layout, primary)
    // Small segments: a full WAL volume is felt at the next one, after seconds and not after minutes.
    await runTool(layout, layout.tools.initdb,
      ['-D', dataDirs[primary], ...wal, ...(layout.volumes ? ['--wal-segsize=1'] : []), '-k', '-A', 'trust', '-U', 'postgres', '--locale=C.UTF-8', '-E', 'UTF8', '--no-instructions'])
  }
  if (!hands.isRunning(primary)) {
    rmSync(`${dataDirs[primary]}/standby.signal`, { force: true })
    await hands.start(primary)
  }
  // Until the standby streams no commit may wait for it; the copy must not carry the setting either.
  await onNode(layout, primary, async (client) => {
    const streaming = await client.query("select 1 from pg_stat_replication where state = 'streaming'")
    if (streaming.rowCount === 0) await setSynchronous(client, undefined)
    if (isNew) await createRoles(client)
    await client.query(`select pg_create_physical_replication_slot('${standby}', true)
      where not exists (select from pg_replication_slots where slot_name = '${standby}')`)
    await client.query(`select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${primary}' and not active`)
  })
  // Copying the standby ends a WAL segment, which must find its archive, or the archiver begins with a failure.
  await together([
    prepare(),
    ...(isNew ? [runTool(layout, layout.tools.pgbackrest, [`--config=${base}/conf/pgbackrest.conf`, `--stanza=${stanza}`, 'stanza-create'])] : []),
  ])
  await startStandby(layout, hands, standby)
  await onNode(layout, primary, (client) => setSynchronous(client, layout.synchronous ? standby : undefined))
  await until(`${standby} to be ${layout.synchronous ? 'synchronous' : 'asynchronous'}`, 15_000, () => onNode(layout, primary, async (client) => {
    const { rows } = await client.query<{ sync_state: string }>("select sync_state from pg_stat_replication where state = 'streaming'")
    return rows.length === 1 && rows[0]?.sync_state === (layout.synchronous ? 'sync' : 'async')
  }))
}

async function startStandby (layout: Layout, hands: DatabaseHands, standby: NodeName): Promise<void> {
  const folder = layout.dataDirs[standby]
  if (existsSync(`${folder}/standby.signal`)) {
    try {
      if (!hands.isRunning(standby)) await hands.start(standby)
      return await untilStreaming(layout, 5_000)
    } catch {
      // It diverged, or lacks WAL that is gone: a fresh copy is quicker than finding out.
    }
  }
  await hands.stop(standby)
  const wal = emptied(layout, standby)
  const link = standby === 'pg2' ? layout.ports.pg1ToPg2 : layout.ports.pg2ToPg1
  await runTool(layout, layout.tools.pg_basebackup,
    ['-D', folder, ...wal, '-c', 'fast', '-X', 'stream', '-S', standby, '--no-sync', '-d', `host=127.0.0.1 port=${link} user=repl`])
  writeOwned(`${folder}/standby.signal`, '', 0o600, layout.user)
  await hands.start(standby)
  await untilStreaming(layout, 15_000)
}

/** Removes a node's data, its WAL too, and answers how a new one is told where that goes. */
function emptied ({ base, dataDirs, volumes }: Layout, node: NodeName): string[] {
  const walDir = walDirOf(base, volumes, node)
  // The name of a killed server's segment goes with its data.
  freeSharedMemoryOf(`${dataDirs[node]}/postmaster.pid`)
  for (const folder of [dataDirs[node], walDir]) if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  return walDir === undefined ? [] : [`--waldir=${walDir}`]
}

function untilStreaming (layout: Layout, deadlineMs: number): Promise<void> {
  return until('the standby to stream', deadlineMs, () => onNode(layout, layout.primary, async (client) =>
    (await client.query("select 1 from pg_stat_replication where state = 'streaming'")).rowCount === 1))
}

async function createRoles (client: pg.Client): Promise<void> {
  await client.query(`
    create role repl replication login;
    create role mon login in role pg_monitor;
    create role rewind login;
    grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
      pg_read_binary_file(text, bigint, bigint, boolean) to rewind;
    create role shop login;`)
  // The owner of the database may make a schema in it: that of a drill's canaries.
  await client.query('create database shop owner shop')
}

async function setSynchronous (client: pg.Client, standby: NodeName | undefined): Promise<void> {
  await client.query(standby === undefined ? 'alter system reset synchronous_standby_names' : `alter system set synchronous_standby_names = '${standby}'`)
  await client.query('select pg_reload_conf()')
}

/** One connection as superuser, closed whatever happens. */
export async function onNode<T> (layout: Pick<Layout, 'ports'>, node: NodeName, work: (client: pg.Client) => Promise<T>, timeoutMs = 5_000): Promise<T> {
  const client = new pg.Client({
    host: '127.0.0.1', port: layout.ports[node], user: 'postgres', database: 'postgres', connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** Waits for all, also where one fails: nothing goes on behind a failure's back. */
export async function together (steps: Array<Promise<unknown>>): Promise<void> {
  for (const step of await Promise.allSettled(steps)) if (step.status === 'rejected') throw step.reason
}

/** Asks every 20 ms until the answer is yes. */
export async function until (what: string, deadlineMs: number, ask: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!await ask()) {
    if (Date.now() > end) throw new DrillError('lab.failed', `Waited ${deadlineMs / 1000} s for ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
}

/** The highest timeline among a node's WAL files: what pg_controldata says lags until the next checkpoint. */
function timeline (dataDir: string): number {
  const files = readdirSync(`${dataDir}/pg_wal`).filter((file) => /^[0-9A-F]{8}([0-9A-F]{16}|\.history)$/.test(file))
  return Math.max(0, ...files.map((file) => Number.parseInt(file.slice(0, 8), 16)))
}
