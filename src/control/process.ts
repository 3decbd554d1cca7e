import { chownSync, closeSync, existsSync, fchownSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { DrillError, messageOf } from '../errors.js'
import type { ProcessControl } from '../drill/environment.js'
import { runCommand, runOutliving } from './command.js'
import type { ComponentState, Controller, ControllerOptions, RunOptions, RunResult } from './control.js'
import { allProcs, commandLineOf, isSame, isStopped, procsIn, programOf, readProc, sendSignal, withDescendants, type Proc } from './proc.js'
import { freeSharedMemoryOf } from './shared-memory.js'
import { until } from './until.js'

const deathMs = 5_000
const birthMs = 10_000

/**
 * The process that a control names: the pid file's, and only where the command line proves it ours. A negative number there is PostgreSQL's
 * single-user mode: no server.
 */
export function findProcess ({ pidFile, match }: Pick<ProcessControl, 'pidFile' | 'match'>): Proc | undefined {
  let pid: number
  try {
    pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined
  const found = readProc(pid)
  return found !== undefined && commandLineOf(pid).includes(match) ? found : undefined
}

/**
 * A component that is processes of this machine. Who it is follows from its pid file, and only where the command line proves the
 * process ours: never from a user id or a name.
 */
export function processController (control: ProcessControl, { workDir }: ControllerOptions = {}): Controller {
  const program = basename(control.start.command)
  const root = (): Proc | undefined => findProcess(control)

  /** Everything that lives of it, the root first; also what outlived a killed root. */
  function tree (): Proc[] {
    const first = root()
    const orphans = workDir === undefined ? [] : procsIn(workDir, program)
    const roots = first === undefined ? orphans : [first, ...orphans]
    return roots.length === 0 ? [] : withDescendants(roots, allProcs()).filter(proc => proc.pid !== process.pid)
  }

  /** Stops every process of it; looks again until there is no new one, for a child may fork while it is being looked for. */
  function hold (): Proc[] {
    const held = new Map<number, Proc>()
    const first = root()
    if (first) sendSignal(first, 'SIGSTOP')
    for (;;) {
      const fresh = tree().filter(proc => held.get(proc.pid)?.startTime !== proc.startTime)
      if (fresh.length === 0) return [...held.values()]
      for (const proc of fresh) {
        sendSignal(proc, 'SIGSTOP')
        held.set(proc.pid, proc)
      }
    }
  }

  async function gone (procs: Proc[], what: string): Promise<void> {
    const dead = await until(() => procs.some(isSame) ? undefined : true, { everyMs: 1, deadlineMs: deathMs })
    if (!dead) throw new DrillError('control.failed', `${what} is still there ${deathMs} ms after SIGKILL`)
  }

  function state (): ComponentState {
    const procs = tree()
    if (procs.length === 0) return 'dead'
    return isStopped(procs[0]!) ? 'frozen' : 'running'
  }

  function clean (): void {
    const left = tree()
    if (left.length > 0) throw new DrillError('control.refused', `${control.match}: process ${left[0]!.pid} still lives, its lock files stay`)
    freeSharedMemoryOf(control.pidFile)
    for (const file of control.staleFiles ?? []) rmSync(file, { force: true })
  }

  function isBlocked (): boolean {
    return control.blockFile !== undefined && !existsSync(control.blockFile)
  }

  function blockFile (): string {
    if (control.blockFile === undefined) throw new DrillError('control.refused', `${control.match}: its control names no blockFile, so a start cannot be prevented`)
    return control.blockFile
  }

  /** One that was started by somebody else a moment ago and has not written its pid file yet. */
  function isBeingBorn (): boolean {
    return allProcs().some(proc => programOf(proc.pid) === program && commandLineOf(proc.pid).includes(control.match))
  }

  async function start (): Promise<'started' | 'already'> {
    if (root()) return 'already'
    if (isBlocked()) throw new DrillError('control.refused', `${control.match} is blocked: nobody may start it`)
    await until(() => root() || !isBeingBorn() || undefined, { everyMs: 5, deadlineMs: birthMs })
    if (root()) return 'already'
    // Backends of a killed postmaster leave by themselves within milliseconds; with one of them alive a server must not start.
    await until(() => tree().length === 0 || undefined, { everyMs: 5, deadlineMs: deathMs })
    clean()
    await spawnServer(control, () => root() !== undefined)
    return 'started'
  }

  async function stop ({ timeoutMs = 30_000, signal }: { timeoutMs?: number, signal?: AbortSignal } = {}): Promise<'stopped' | 'already'> {
    const procs = tree()
    const first = root()
    if (first) sendSignal(first, control.stopSignal ?? 'SIGTERM')
    const dead = await until(() => (first === undefined || !isSame(first)) && tree().length === 0 ? true : undefined, { everyMs: 2, deadlineMs: timeoutMs, signal })
    if (!dead) throw new DrillError('control.failed', `${control.match} did not stop within ${timeoutMs} ms of ${control.stopSignal ?? 'SIGTERM'}`)
    return procs.length === 0 ? 'already' : 'stopped'
  }

  function toolOf (name: string): { path: string, env?: Record<string, string> } {
    const tool = control.tools && Object.hasOwn(control.tools, name) ? control.tools[name] : undefined
    if (!tool) throw new DrillError('control.refused', `"${name}" is not among the tools of ${control.match} (${Object.keys(control.tools ?? {}).join(', ') || 'none'})`)
    return tool
  }

  async function ended (name: string, outlives: string, { signal, timeoutMs = 10 * 60_000 }: { signal?: AbortSignal, timeoutMs?: number } = {}): Promise<void> {
    const program = basename(toolOf(name).path)
    const isThere = (): boolean => allProcs().some(proc => proc.name === program.slice(0, 15) && commandLineOf(proc.pid).split(' ').includes(outlives))
    const over = await until(() => !isThere() || undefined, { everyMs: 20, deadlineMs: timeoutMs, signal })
    if (!over) throw new DrillError('control.failed', `An earlier ${name} of ${outlives} still runs after ${timeoutMs} ms`)
  }

  async function run (name: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
    const tool = toolOf(name)
    const { cwd, env, uid, gid } = control.start
    const spawnOptions = { cwd, uid, gid, env: { ...env, ...tool.env, ...options.env } }
    if (options.outlives === undefined) return runCommand(tool.path, args, spawnOptions, options)
    await ended(name, options.outlives, options)
    return runOutliving(tool.path, args, spawnOptions, options)
  }

  return {
    run,
    ended,
    start,
    stop,
    state: async () => state(),
    alive: async () => state() !== 'dead',
    clean: async () => { clean() },
    async kill ({ tree: whole = true } = {}) {
      const first = root()
      const procs = whole ? hold() : first ? [first] : []
      for (const proc of procs) sendSignal(proc, 'SIGKILL')
      await gone(procs, control.match)
    },
    async freeze () {
      const held = hold()
      if (held.length === 0) throw new DrillError('control.failed', `${control.match} does not run, there is nothing to freeze`)
      await settled(held, stopped => stopped)
    },
    async thaw () {
      const woken = tree()
      for (const proc of woken) sendSignal(proc, 'SIGCONT')
      await settled(woken, stopped => !stopped)
    },
    async block () {
      const file = blockFile()
      if (existsSync(file)) renameSync(file, `${file}.blocked`)
      else if (!existsSync(`${file}.blocked`)) throw new DrillError('control.failed', `${file} is not there, nor blocked`)
    },
    async unblock () {
      const file = blockFile()
      if (existsSync(file)) return
      if (!existsSync(`${file}.blocked`)) throw new DrillError('control.failed', `${file} is not there, nor blocked`)
      renameSync(`${file}.blocked`, file)
    },
    blocked: async () => isBlocked(),
    async createFile (path) {
      closeSync(openSync(path, 'a', 0o600))
      if (control.start.uid !== undefined) chownSync(path, control.start.uid, control.start.gid ?? control.start.uid)
    },
    removeFile: async path => { rmSync(path, { force: true }) },
    hasFile: async path => existsSync(path),
  }
}

/** Starts it detached, and returns once the pid file names it. Throws `control.failed` with its last words. */
async function spawnServer (control: ProcessControl, isThere: () => boolean): Promise<void> {
  const { command, args, cwd, env, uid, gid, log } = control.start
  const output = log === undefined ? 'ignore' : openSync(log, 'a', 0o640)
  let ended: string | undefined
  try {
    if (typeof output === 'number' && uid !== undefined) fchownSync(output, uid, gid ?? uid)
    const child = spawn(command, args, { cwd, env: env ?? {}, uid, gid, detached: true, stdio: ['ignore', output, output] })
    child.once('error', error => { ended = messageOf(error) })
    // Code 0 without a word is a server that went into the background by itself.
    child.once('exit', (code, signal) => { if (code !== 0) ended ??= signal ?? `exit code ${code}` })
    child.unref()
  } finally {
    if (typeof output === 'number') closeSync(output)
  }
  const born = await until(() => isThere() || ended !== undefined || undefined, { everyMs: 2, deadlineMs: birthMs })
  if (isThere()) return
  throw new DrillError('control.failed', `${command} did not start (${born ? ended : `no ${control.pidFile} after ${birthMs} ms`}): ${lastWords(log)}`)
}

function lastWords (log: string | undefined): string {
  if (log === undefined || !existsSync(log)) return 'it has no log'
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3).join(' / ').slice(-600)
}

/** A signal is sent at once, and takes effect when the kernel next schedules the process: under load that is later. */
async function settled (procs: Proc[], good: (stopped: boolean) => boolean): Promise<void> {
  await until(() => procs.every(proc => {
    const now = readProc(proc.pid)
    return now?.startTime !== proc.startTime || now.state === 'Z' || good(isStopped(now))
  }) || undefined, { everyMs: 2, deadlineMs: 2000 })
}
