import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { controlOf, type Controller } from '../../src/control/control.js'
import { parseRecoveryLog, type Copy, type RecoveryLog } from '../../src/drill/copy.js'
import type { Backup, Control } from '../../src/drill/environment.js'
import { lsnBytes } from '../../src/drill/loss.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import { DrillError } from '../../src/errors.js'
import { withClient, type AskOptions } from '../postgres/connection.js'
import { tell } from '../tell.js'
import { endServer } from './end-server.js'
import { lastWords, runTool, toolEnvironment, toolOf, type Worker } from './tools.js'

export type Served = Pick<Copy, 'dir' | 'dataDir' | 'socketDir' | 'port' | 'logFile'>

const port = 5432
/** How often recovery is looked at: soon at first, then seldom enough to cost nothing beside it. */
const lookMs = { least: 10, most: 1_000, share: 0.02 }
const stopMs = 60_000
/** Without a step of recovery for so long it is ended, ms. */
const stallMs = 10 * 60_000

/**
 * The hand on a copy's server. It listens on a socket in a folder that only its user can enter, so it needs no password and no port;
 * it archives nothing, follows nobody and loads nothing: a copy of production must not act like production.
 */
export async function copyControl (backup: Backup, copy: Served, worker: Pick<Worker, 'secret'>, settings: Record<string, string | number> = {}): Promise<Controller> {
  return controlOf(await serverOf(backup, copy, worker, settings), { workDir: copy.dataDir })
}

/** Ends the server of a copy that is to be removed. */
export async function endCopy (backup: Backup, copy: Served, worker: Pick<Worker, 'secret'>): Promise<void> {
  await endServer(await serverOf(backup, copy, worker), { workDir: copy.dataDir })
}

async function serverOf (backup: Backup, copy: Served, worker: Pick<Worker, 'secret'>, settings: Record<string, string | number> = {}): Promise<Control> {
  const all = {
    config_file: join(copy.dir, 'copy.conf'),
    hba_file: join(copy.dir, 'hba.conf'),
    ident_file: join(copy.dir, 'ident.conf'),
    listen_addresses: '',
    unix_socket_directories: copy.socketDir,
    port,
    cluster_name: 'muster-copy',
    archive_mode: 'off',
    synchronous_standby_names: '',
    primary_conninfo: '',
    primary_slot_name: '',
    max_logical_replication_workers: 0,
    shared_preload_libraries: '',
    dynamic_shared_memory_type: 'mmap',
    autovacuum: 'off',
    ssl: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '%m [%p] ',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...settings,
  }
  return {
    kind: 'process',
    pidFile: join(copy.dataDir, 'postmaster.pid'),
    match: copy.dataDir,
    start: {
      command: toolOf(backup, 'postgres').path,
      args: ['-D', copy.dataDir, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      cwd: copy.dir,
      env: { ...await toolEnvironment(backup, 'pgbackrest', worker), ...toolOf(backup, 'postgres').env },
      ...backup.runAs,
      log: copy.logFile,
    },
    stopSignal: 'SIGINT',
    staleFiles: [join(copy.dataDir, 'postmaster.pid')],
  }
}

/** Starts the server of restored files, where it does not run. Throws `control.failed` with its last words. */
export async function startCopy (backup: Backup, copy: Served, worker: Worker): Promise<void> {
  for (const [name, text] of [['copy.conf', ''], ['ident.conf', ''], ['hba.conf', 'local all all trust\n']] as const) {
    // The folder belongs to another user: nothing is ever written through a link that lies there.
    await rm(join(copy.dir, name), { force: true })
    await writeFile(join(copy.dir, name), text, { mode: 0o644, flag: 'wx' })
  }
  await (await copyControl(backup, copy, worker, await neededSettings(backup, copy, worker))).start()
}

export async function stopCopy (backup: Backup, copy: Served, worker: Worker): Promise<void> {
  await (await copyControl(backup, copy, worker)).stop({ timeoutMs: stopMs, signal: worker.signal })
}

/** Control data of restored files by name. Throws `backup.failed`. */
export async function controlDataOf (backup: Backup, dataDir: string, worker: Worker): Promise<Map<string, string>> {
  const { exitCode, stdout, stderr } = await runTool(backup, 'pg_controldata', ['-D', dataDir], worker, { timeoutMs: 30_000 })
  if (exitCode !== 0) throw new DrillError('backup.failed', `pg_controldata of ${dataDir} failed with ${exitCode}: ${lastWords(stderr)}`)
  return new Map(stdout.split('\n').flatMap(line => {
    const at = line.indexOf(':')
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]]
  }))
}

/** A server that replays must have room for all that its primary had. */
async function neededSettings (backup: Backup, { dataDir }: Served, worker: Worker): Promise<Record<string, string>> {
  const data = await controlDataOf(backup, dataDir, worker)
  const names = { max_connections: 'max_connections', max_worker_processes: 'max_worker_processes', max_wal_senders: 'max_wal_senders', max_prepared_transactions: 'max_prepared_xacts', max_locks_per_transaction: 'max_locks_per_xact', track_commit_timestamp: 'track_commit_timestamp' }
  return Object.fromEntries(Object.entries(names).flatMap(([setting, name]) => {
    const value = data.get(`${name} setting`)
    return value === undefined ? [] : [[setting, value]]
  }))
}

/** One connection to a copy as its superuser. */
export async function onCopy<T> (copy: Pick<Copy, 'socketDir' | 'port'>, login: { user: string, database: string }, worker: Pick<Worker, 'signal' | 'secret'>, use: (client: pg.Client) => Promise<T>, options: AskOptions = {}): Promise<T> {
  return await withClient({ host: copy.socketDir, port: copy.port ?? port, ...login }, worker, use, options)
}

export async function readLog ({ logFile }: Pick<Copy, 'logFile'>): Promise<{ text: string, log: RecoveryLog }> {
  const text = await readFile(logFile, 'utf8')
  return { text, log: parseRecoveryLog(text) }
}

/** Whether recovery has got where it was to go. */
export interface Standing { inRecovery: boolean, paused: boolean, replayed: string | null }

const standingSql = "select pg_is_in_recovery() as \"inRecovery\", pg_get_wal_replay_pause_state() = 'paused' as paused, pg_last_wal_replay_lsn()::text as replayed"
const promotedSql = 'select false as "inRecovery", false as paused, pg_current_wal_lsn()::text as replayed'

export async function standingOf (copy: Pick<Copy, 'socketDir' | 'port'>, user: string, worker: Pick<Worker, 'signal' | 'secret'>): Promise<Standing> {
  return await onCopy(copy, { user, database: 'postgres' }, worker, async client => {
    const { rows: [recovery] } = await client.query<{ is: boolean }>('select pg_is_in_recovery() as is')
    if (!recovery!.is) return (await client.query<Standing>(promotedSql)).rows[0]!
    // It may be promoted between the two questions, and then refuses the second.
    return (await client.query<Standing>(standingSql).catch(async () => await client.query<Standing>(promotedSql))).rows[0]!
  })
}

/**
 * Waits until recovery has ended: promoted, or paused where that is wanted. `pg_ctl` says 0 when a server can be read, and recovery may
 * die afterwards: only the living server's own word counts. Throws `restore.recovery` with the log's last words, `backup.stalled`.
 */
export async function awaitRecovery (control: Controller, copy: Served, { user, wanted }: { user: string, wanted: Copy['state'] }, worker: Worker): Promise<Standing> {
  const fromMs = Date.now()
  let [progress, grownAtMs] = ['', fromMs]
  let fromBytes: number | undefined
  for (;;) {
    const standing = await standingOf(copy, user, worker).catch((error: unknown) => {
      worker.signal.throwIfAborted()
      if (error instanceof DrillError && error.code === 'component.unreachable') return undefined
      throw error
    })
    if (standing && (standing.inRecovery ? wanted === 'paused' && standing.paused : true)) return standing
    // One that answers lives.
    if (standing === undefined && !await control.alive()) {
      const { text, log } = await readLog(copy)
      throw new DrillError('restore.recovery', `The restored server ended before its recovery did: ${log.fatal.join('; ') || lastWords(text)}`)
    }
    const now = `${standing?.replayed} ${(await stat(copy.logFile)).size}`
    if (now !== progress) [progress, grownAtMs] = [now, Date.now()]
    if (typeof standing?.replayed === 'string') {
      fromBytes ??= lsnBytes(standing.replayed)
      const bytes = lsnBytes(standing.replayed) - fromBytes
      tell(worker, `replay: ${bytesText(bytes)} of WAL, to ${standing.replayed}`, { doing: 'replay', bytes, replayed: standing.replayed })
    }
    if (Date.now() - grownAtMs > stallMs) throw new DrillError('backup.stalled', `Recovery has made no step for ${stallMs / 1000} s, at ${standing?.replayed ?? 'a state that cannot be asked'}`)
    await sleep(Math.min(lookMs.most, Math.max(lookMs.least, (Date.now() - fromMs) * lookMs.share)), undefined, { signal: worker.signal })
  }
}
