import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { DrillError, messageOf } from '../errors.js'
import { readProc } from '../control/proc.js'
import { isAlive } from './process.js'
import type { Started } from './state.js'

export interface ChildOptions {
  name: string
  command: string
  args: string[]
  env: Record<string, string | undefined>
  /** File that its output is appended to. */
  log: string
  /** Text of its command line that proves it ours. */
  match: string
  /** Told as soon as there is a process, before it is ready: so it can be recorded. */
  onStart: (started: Started) => void
  /** Asked again and again until it is true. `said` is what it has written since its start. */
  isReady: (said: string) => boolean | Promise<boolean>
  deadlineMs: number
  /** Pause between two questions. Default 25 ms. */
  everyMs?: number
}

/**
 * Starts a process in a session of its own, so that a Ctrl-C reaches Muster and not its parts, and waits until it is ready.
 * @throws DrillError `dev.failed` with its last words
 */
export async function startChild (options: ChildOptions): Promise<Started> {
  const { name, log, deadlineMs } = options
  const output = openSync(log, 'a', 0o640)
  const from = statSync(log).size
  let started: Started
  try {
    const child = spawn(options.command, options.args, { env: options.env, detached: true, stdio: ['ignore', output, output] })
    await new Promise((resolve, reject) => { child.once('spawn', resolve); child.once('error', reject) })
    child.unref()
    started = { name, pid: child.pid!, startTime: readProc(child.pid!)?.startTime ?? 0, match: options.match }
  } catch (cause) {
    throw new DrillError('dev.failed', `${name} could not be started: ${messageOf(cause)}`, { cause })
  } finally {
    closeSync(output)
  }
  options.onStart(started)
  const said = (): string => readFileSync(log).subarray(from).toString('utf8')
  const until = Date.now() + deadlineMs
  for (;;) {
    if (!isAlive(started)) throw new DrillError('dev.failed', `${name} ended while it started: ${lastWords(said())} (${log})`)
    if (await options.isReady(said())) return started
    if (Date.now() > until) throw new DrillError('dev.failed', `${name} was not ready after ${deadlineMs / 1000} s: ${lastWords(said())} (${log})`)
    await delay(options.everyMs ?? 25)
  }
}

function lastWords (text: string): string {
  const lines = text.trim().split('\n').filter(line => line.trim() !== '').map(line => {
    try {
      const { msg, err } = JSON.parse(line) as { msg?: string, err?: { message?: string } }
      return [msg, err?.message].filter(Boolean).join(': ') || line
    } catch {
      return line
    }
  })
  // Node ends a crash with its own version, long after the line that says why.
  const why = lines.findLast(line => /^\w*Error\b/.test(line))
  return (why ?? lines.slice(-3).join(' | ')).slice(-800) || 'it said nothing'
}
