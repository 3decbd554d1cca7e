import { spawn, type SpawnOptions } from 'node:child_process'
import { DrillError, messageOf } from '../errors.js'
import type { RunOptions, RunResult } from './control.js'
import { allProcs, readProc, sendSignal, withDescendants } from './proc.js'

/**
 * Runs one program with its arguments to its end. Aborting or the deadline kills it and what it started, and throws
 * (`control.failed` for the deadline). Output beyond the bound is read and thrown away, so a chatty command never hangs.
 */
export async function runCommand (path: string, args: string[], spawnOptions: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>, options: RunOptions): Promise<RunResult> {
  const { signal, timeoutMs = 60_000, maxOutputBytes = 1024 * 1024 } = options
  signal?.throwIfAborted()
  const child = spawn(path, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout = bounded(maxOutputBytes)
  const stderr = bounded(maxOutputBytes)
  child.stdout.on('data', stdout.add)
  child.stderr.on('data', stderr.add)
  let late = false
  const end = (): void => { if (child.pid !== undefined) killTree(child.pid) }
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
    signal?.removeEventListener('abort', end)
  }
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
