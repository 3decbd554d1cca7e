import { closeSync, constants, fchownSync, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import type { ProcessControl } from '../drill/environment.js'

// Logs lie in a folder of the lab's user: root must not follow a link from there.
const logFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW

/**
 * Whether a process is one of the lab's that no pid file names, such as a backend whose postmaster was killed: it carries the
 * lab's mark (or its spare's), or it runs one of the lab's own programs with its working directory in the lab's folder. (PostgreSQL and Nginx
 * write their title over the environment.)
 */
export function isOfLab (pid: number, base: string, executables: string[]): boolean {
  try {
    if (readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').some((one) => one === `MUSTER_LAB=${base}` || one.startsWith(`MUSTER_LAB=${base}/`))) return true
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
