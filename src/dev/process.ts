import { setTimeout as delay } from 'node:timers/promises'
import { commandLineOf, isSame } from '../control/proc.js'
import type { Started } from './state.js'

/** Whether it is still that very process: number, start time and command line. */
export function isAlive (one: Started): boolean {
  return isSame(one) && commandLineOf(one.pid).includes(one.match)
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
