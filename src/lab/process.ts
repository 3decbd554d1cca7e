import { closeSync, constants, fchownSync, openSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import type { ProcessControl } from '../drill/environment.js'

// Logs lie in a folder of the lab's user: root must not follow a link from there.
const logFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW

export interface Process {
  pid: number
  parent: number
  /** Clock ticks since boot. */
  startTime: number
  /** One letter of /proc/PID/stat: `T` is frozen. A zombie (`Z`) counts as dead and is never returned. */
  state: string
}

/** One live process, or undefined where there is none or only a zombie that nobody has reaped. */
export function readProcess (pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, parent, startTime] = [fields[0], Number(fields[1]), Number(fields[19])]
    return state === undefined || state === 'Z' || state === 'X' ? undefined : { pid, parent, startTime, state }
  } catch {
    return undefined
  }
}

export function listProcesses (): Process[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => readProcess(Number(entry)) ?? [])
}

/** Whether it is still that very process, and not another one that got its number. */
export function isAlive (process: { pid: number, startTime: number }): boolean {
  return readProcess(process.pid)?.startTime === process.startTime
}

/** The process that a control names: the pid file's, and only where the command line proves it ours. */
export function findProcess (control: ProcessControl): Process | undefined {
  let pid: number
  try {
    pid = Number(readFileSync(control.pidFile, 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined
  const found = readProcess(pid)
  return found !== undefined && commandLine(pid).includes(control.match) ? found : undefined
}

/** The processes and all that descend from them. PostgreSQL's backends call setsid(), so no process group holds them. */
export function withDescendants (roots: Process[], all: Process[]): Process[] {
  const found = new Map(roots.map((process) => [process.pid, process]))
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const process of all) if (found.has(process.parent)) found.set(process.pid, process)
  }
  return [...found.values()]
}

/**
 * Whether a process is one of the lab's that no pid file names, such as a backend whose postmaster was killed: it carries the
 * lab's mark, or it runs one of the lab's own programs with its working directory in the lab's folder. (PostgreSQL and Nginx
 * write their title over the environment.)
 */
export function isOfLab (pid: number, base: string, executables: string[]): boolean {
  try {
    if (readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`MUSTER_LAB=${base}`)) return true
    const folder = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '')
    const program = basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
    return (folder === base || folder.startsWith(`${base}/`)) && executables.includes(program)
  } catch {
    return false
  }
}

/** Starts what a control says, detached, and answers its first pid. Throws where the program cannot be started at all. */
export async function startProcess (control: ProcessControl): Promise<number> {
  for (const file of control.staleFiles ?? []) rmSync(file, { force: true })
  const { command, args, cwd, env, uid, gid, log } = control.start
  const output = log === undefined ? 'ignore' : openSync(log, logFlags, 0o640)
  try {
    if (typeof output === 'number' && uid !== undefined) fchownSync(output, uid, gid ?? uid)
    const child = spawn(command, args, { cwd, env, uid, gid, detached: true, stdio: ['ignore', output, output] })
    await new Promise((resolve, reject) => { child.once('spawn', resolve); child.once('error', reject) })
    child.unref()
    return child.pid as number
  } finally {
    if (typeof output === 'number') closeSync(output)
  }
}

export function signal (target: { pid: number, startTime: number }, name: NodeJS.Signals): void {
  if (!isAlive(target)) return
  try {
    process.kill(target.pid, name)
  } catch {
    // It ended between the look and the signal.
  }
}

function commandLine (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
