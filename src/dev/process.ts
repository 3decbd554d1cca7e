import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Started } from './state.js'

/** Clock ticks since boot at which a process began; undefined where there is none, or only one that nobody has reaped. */
export function startTimeOf (pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}

/** Whether it is still that very process: number, start time and command line. */
export function isAlive ({ pid, startTime, match }: Started): boolean {
  if (startTimeOf(pid) !== startTime) return false
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').includes(match)
  } catch {
    return false
  }
}

/** Asks it to end; after `graceMs` kills it with its whole group (each of ours leads one). */
export async function end (process: Started, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [['SIGTERM', graceMs], ['SIGKILL', 5000]] as const) {
    if (!isAlive(process)) return
    send(process, signal)
    const until = Date.now() + waitMs
    while (isAlive(process) && Date.now() < until) await delay(20)
  }
}

/** At once, without waiting: for the second Ctrl-C, and for an exit that nobody planned. */
export function kill (process: Started): void {
  if (isAlive(process)) send(process, 'SIGKILL')
}

function send ({ pid }: Started, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(signal === 'SIGKILL' ? -pid : pid, signal)
  } catch {
    // It ended between the look and the signal.
  }
}
