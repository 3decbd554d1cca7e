import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** One live process of Linux. With its start time the number names one process for ever. */
export interface Proc {
  pid: number
  /** Of its program's file, cut to 15 characters. */
  name: string
  parent: number
  /** Clock ticks since boot. */
  startTime: number
  /** `R`, `S`, `D`, … of /proc/PID/stat; `T` is stopped. */
  state: string
}

/** Undefined where there is none, or only a zombie: it does nothing any more, and without an init it stays one for ever. */
export function readProc (pid: number): Proc | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may itself hold spaces and parentheses.
    const end = stat.lastIndexOf(')')
    const fields = stat.slice(end + 2).split(' ')
    const state = fields[0]!
    // Of many threads the first may be a zombie before the others have ended: until then its ports are open.
    if ((state === 'Z' && Number(fields[17]) <= 1) || state === 'X') return undefined
    return { pid, name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(fields[1]), startTime: Number(fields[19]), state }
  } catch {
    return undefined
  }
}

export function allProcs (): Proc[] {
  return allPids().flatMap(pid => readProc(pid) ?? [])
}

function allPids (): number[] {
  return readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).map(Number)
}

/** Whether it is still that very process, and not another one that got its number. */
export function isSame (proc: Pick<Proc, 'pid' | 'startTime'>): boolean {
  return readProc(proc.pid)?.startTime === proc.startTime
}

/**
 * Whether it takes no step until it is told to go on. Who waits for a child between vfork and exec takes note of a SIGSTOP after that
 * wait only, and a child that was stopped there never ends it: such a one is stopped all the same, for it runs nothing before.
 */
export function isStopped (proc: Proc): boolean {
  return /^[Tt]$/.test(proc.state) || (proc.state === 'D' && isStopPending(proc.pid))
}

/** Signal 19 is SIGSTOP; pending signals are a bitmap in hexadecimal digits, see proc_pid_status(5). */
function isStopPending (pid: number): boolean {
  try {
    const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return pending !== undefined && (BigInt(`0x${pending}`) >> 18n & 1n) === 1n
  } catch {
    return false
  }
}

/** The roots and all that descend from them. PostgreSQL's backends call setsid(), so no process group holds them. */
export function withDescendants (roots: Proc[], all: Proc[]): Proc[] {
  const found = new Map(roots.map(proc => [proc.pid, proc]))
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const proc of all) if (found.has(proc.parent) && !found.has(proc.pid)) found.set(proc.pid, proc)
  }
  return [...found.values()]
}

/** Its arguments, parted by blanks; empty where it is gone or not to be seen. */
export function commandLineOf (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** All that it and its ended children have read by system calls; undefined where it is gone or not to be seen. */
export function readBytesOf (pid: number): number | undefined {
  try {
    return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
  } catch {
    return undefined
  }
}

/** Those that run a program of that name in that folder. Of all others no more is read than where they work: that is half as dear. */
export function procsIn (folder: string, program: string): Proc[] {
  return allPids().filter(pid => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder && programOf(pid) === program
    } catch {
      return false
    }
  }).flatMap(pid => readProc(pid) ?? [])
}

/** The name of its program file; undefined where it is gone or not to be seen. */
export function programOf (pid: number): string | undefined {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
  } catch {
    return undefined
  }
}

/** Sends a signal to that very process. Its being gone is no error; not being allowed to is one. */
export function sendSignal (proc: Pick<Proc, 'pid' | 'startTime'>, signal: NodeJS.Signals): void {
  if (proc.pid <= 1 || proc.pid === process.pid || !isSame(proc)) return
  try {
    process.kill(proc.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
