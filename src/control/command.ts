import { spawn, type SpawnOptions } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DrillError, messageOf } from '../errors.js'
import type { RunOptions, RunResult } from './control.js'
import { allProcs, readBytesOf, readProc, sendSignal, withDescendants } from './proc.js'

export interface CommandOptions extends RunOptions {
  /** How long an aborted or late command has, after SIGTERM, to leave things in order before it is killed. Default 0: killed at once. */
  graceMs?: number
  /** Hears about every second how many bytes the command and what it started have read so far. */
  onBytes?: (bytes: number) => void
}

/**
 * Runs one program with its arguments to its end. Aborting or the deadline kills it and what it started, and throws
 * (`control.failed` for the deadline). Output beyond the bound is read and thrown away, so a chatty command never hangs.
 */
export async function runCommand (path: string, args: string[], spawnOptions: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>, options: CommandOptions): Promise<RunResult> {
  const { signal, timeoutMs = 60_000, maxOutputBytes = 1024 * 1024 } = options
  signal?.throwIfAborted()
  const child = spawn(path, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout = bounded(maxOutputBytes)
  const stderr = bounded(maxOutputBytes)
  child.stdout.on('data', stdout.add)
  child.stderr.on('data', stderr.add)
  let late = false
  const timers: NodeJS.Timeout[] = []
  const end = (): void => {
    if (child.pid === undefined) return
    if (options.graceMs === undefined) return killTree(child.pid)
    child.kill('SIGTERM')
    timers.push(setTimeout(killTree, options.graceMs, child.pid))
  }
  if (options.onBytes) timers.push(setInterval(() => { if (child.pid !== undefined) options.onBytes?.(bytesRead(child.pid)) }, 1_000))
  const timer = setTimeout(() => { late = true; end() }, timeoutMs)
  signal?.addEventListener('abort', end, { once: true })
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', code => { resolve(code ?? 128) })
    })
    signal?.throwIfAborted()
    if (late) throw new DrillError('control.failed', `${path} did not end within ${timeoutMs} ms and was killed`)
    return { exitCode, stdout: stdout.text(), stderr: stderr.text(), truncated: stdout.full() || stderr.full() }
  } catch (error) {
    if (error instanceof DrillError || signal?.aborted) throw error
    throw new DrillError('control.failed', `${path} could not be run: ${messageOf(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
    for (const timer of timers) clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}

/** Of a process and all that descends from it; what its ended children read is in its own count. */
function bytesRead (pid: number): number {
  const root = readProc(pid)
  if (root === undefined) return 0
  return withDescendants([root], allProcs()).reduce((sum, proc) => sum + (readBytesOf(proc.pid) ?? 0), 0)
}

/**
 * The same for a command that goes on by itself when the call is aborted or late. It writes to files, for a pipe whose reader is
 * dead would kill it; they have no name any more, so nothing is left of them.
 */
export async function runOutliving (path: string, args: string[], spawnOptions: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>, options: RunOptions): Promise<RunResult> {
  const { signal, timeoutMs = 60_000, maxOutputBytes = 1024 * 1024 } = options
  signal?.throwIfAborted()
  const [stdout, stderr] = [namelessFile(), namelessFile()]
  let stopWaiting = (): void => {}
  try {
    const child = spawn(path, args, { ...spawnOptions, detached: true, stdio: ['ignore', stdout, stderr] })
    child.unref()
    const exitCode = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => { reject(new DrillError('control.failed', `${path} has not ended within ${timeoutMs} ms; it goes on`)) }, timeoutMs)
      const abort = (): void => { reject(new DrillError('control.failed', `${path} goes on, but nobody waits for it any more`)) }
      stopWaiting = () => { clearTimeout(timer); signal?.removeEventListener('abort', abort) }
      signal?.addEventListener('abort', abort, { once: true })
      child.once('error', error => { reject(new DrillError('control.failed', `${path} could not be run: ${messageOf(error)}`, { cause: error })) })
      child.once('exit', code => { resolve(code ?? 128) })
    })
    const [out, err] = [contentOf(stdout, maxOutputBytes), contentOf(stderr, maxOutputBytes)]
    return { exitCode, stdout: out.text, stderr: err.text, truncated: out.full || err.full }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    stopWaiting()
    closeSync(stdout)
    closeSync(stderr)
  }
}

function namelessFile (): number {
  const folder = mkdtempSync(join(tmpdir(), 'muster-run-'))
  try {
    return openSync(join(folder, 'output'), 'w+', 0o600)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function contentOf (file: number, maxBytes: number): { text: string, full: boolean } {
  const bytes = Buffer.alloc(maxBytes + 1)
  const length = readSync(file, bytes, 0, bytes.length, 0)
  return { text: bytes.subarray(0, Math.min(length, maxBytes)).toString('utf8'), full: length > maxBytes }
}

function killTree (pid: number): void {
  const root = readProc(pid)
  if (root === undefined) return
  for (const proc of withDescendants([root], allProcs())) sendSignal(proc, 'SIGKILL')
}

/** Collects bytes up to a bound. */
export function bounded (maxBytes: number): { add: (chunk: Buffer) => void, text: () => string, full: () => boolean } {
  const chunks: Buffer[] = []
  let left = maxBytes
  let full = false
  return {
    add: chunk => {
      if (chunk.length > left) full = true
      if (left > 0) chunks.push(chunk.subarray(0, left))
      left = Math.max(0, left - chunk.length)
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
    full: () => full,
  }
}
