import { rmSync, statSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DrillError, messageOf } from '../errors.js'
import { runCommand } from './command.js'

export interface Room {
  totalBytes: number
  /** What an ordinary user may still take. */
  freeBytes: number
  blockBytes: number
}

/** The room on the file system that a path lies on. Throws `control.failed`. */
export function roomAt (path: string): Room {
  try {
    const { bsize, blocks, bavail } = statfsSync(path)
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail, blockBytes: bsize }
  } catch (error) {
    throw new DrillError('control.failed', `the file system of ${path} cannot be asked: ${messageOf(error)}`, { cause: error })
  }
}

/** Whether a path is a mount point: else what fills it fills the file system of its parent too. */
export function isMountPoint (path: string): boolean {
  const here = statSync(path, { throwIfNoEntry: false })
  return here !== undefined && here.dev !== statSync(dirname(path)).dev
}

/**
 * Makes a file grow until so much is left on its file system; one that is there already goes on growing. Blocks are claimed and not
 * written, so the size costs no time. What others free meanwhile is taken as long as it goes on.
 */
export async function fillWith (file: string, leaveBytes: number, signal: AbortSignal): Promise<void> {
  let most = Infinity
  for (;;) {
    signal.throwIfAborted()
    const { freeBytes, blockBytes } = roomAt(dirname(file))
    const bytes = Math.floor(Math.min(most, freeBytes - leaveBytes) / blockBytes) * blockBytes
    if (bytes <= 0) return
    const offset = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    const { exitCode, stderr } = await runCommand('fallocate', ['--offset', String(offset), '--length', String(bytes), file], { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }, { signal })
    if (exitCode === 0) continue
    if (!/No space left/.test(stderr)) throw new DrillError('control.failed', `${file} cannot be made larger: ${stderr.trim().slice(0, 300)}`)
    // The file's own description takes room too.
    most = Math.floor(bytes / 2)
  }
}

/** One that is gone already is no error. Throws `control.failed`. */
export function removeFile (file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new DrillError('control.failed', messageOf(error), { cause: error })
  }
}

/** Tries to write a file; answers `full` where there is no room for it. Leaves nothing. Throws `control.failed`. */
export function tryToWrite (file: string, bytes: number): 'written' | 'full' {
  try {
    writeFileSync(file, Buffer.alloc(bytes))
    return 'written'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return 'full'
    throw new DrillError('control.failed', `${file} cannot be written: ${messageOf(error)}`, { cause: error })
  } finally {
    rmSync(file, { force: true })
  }
}
