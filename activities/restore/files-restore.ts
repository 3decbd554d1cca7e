import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { FileStore } from '../../src/drill/recovery.js'
import { restoreSizeOf, verifiedFilesOf, type Snapshot } from '../../src/drill/restic.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { tell } from '../tell.js'
import { filesTag, notesName } from './files-backup.js'
import { endStrays, lastWords } from './pipeline.js'
import { chosenSnapshot, restic, type Repository } from './restic.js'
import { makeScratch, megabytes, removeScratch, scratchOf } from './scratch.js'

/** Some air above what the copy takes, for what is written beside it. */
const headroom = 1.05
const progressMs = 1_000

/** Restores a backup of files to a folder of its own; each file is read again and compared with the repository's checksums. */
export const filesRestore: Action<ActionInputs['files.restore']> = {
  async do ({ files, snapshot: id }, context) {
    const snapshot = await chosenSnapshot(files, context, id, [filesTag])
    const restored = await restoreSnapshot(files, files.scratchDir, snapshot, context)
    return {
      summary: `restored backup ${snapshot.id.slice(0, 8)}: ${restored.files} files, ${megabytes(restored.bytes)}, ${restored.seconds} s`,
      output: { ...restored, snapshot: snapshot.id, backedUpAt: new Date(snapshot.atMs).toISOString() },
    }
  },

  async verify ({ files }, context) {
    const folder = scratchOf(files.scratchDir, context)
    const there = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
    return { undone: !there, summary: there ? `${folder} is still there` : `${folder} is gone` }
  },

  async undo ({ files }, context) {
    await endStrays(files.tools, 'restic', scratchOf(files.scratchDir, context), context.signal)
    return removeScratch(files.scratchDir, context) === 'removed' ? 'removed the restored files' : 'the restored files were gone already'
  },
}

export interface RestoredTree { folder: string, bytes: number, files: number, seconds: number }

/**
 * Restores a snapshot into the step's scratch folder, from the beginning at every try. Throws `scratch.full` before anything is
 * written, and `backup.damaged` where restic could not give back every file.
 */
export async function restoreSnapshot (store: Repository, scratchDir: string, snapshot: Snapshot, context: StepContext): Promise<RestoredTree> {
  const from = performance.now()
  await endStrays(store.tools, 'restic', scratchOf(scratchDir, context), context.signal)
  const size = restoreSizeOf((await restic(store, ['stats', snapshot.id, '--mode', 'restore-size', '--json', '--no-lock'], context)).stdout)
  if (size === undefined) throw new DrillError('backup.damaged', `restic cannot say how large backup ${snapshot.id.slice(0, 8)} is: its index or trees cannot be read`)
  const folder = makeScratch(scratchDir, context, size.bytes * headroom)
  const watch = setInterval(() => {
    const bytes = bytesIn(folder)
    tell(context, `restore: ${megabytes(bytes)} of ${megabytes(size.bytes)}`, { bytes, ofBytes: size.bytes })
  }, progressMs)
  try {
    const said = await restic(store, ['restore', snapshot.id, '--target', folder, '--verify', '--no-lock'], context)
    const files = verifiedFilesOf(said.stdout)
    if (said.exitCode !== 0 || files === undefined || said.stderr.trim() !== '') {
      throw new DrillError('backup.damaged', `restic could not give back all of backup ${snapshot.id.slice(0, 8)} (exit code ${said.exitCode}): ${lastWords(said.stderr, 3)}`)
    }
    return { folder, bytes: size.bytes, files, seconds: Math.round(performance.now() - from) / 1000 }
  } finally {
    clearInterval(watch)
  }
}

/** Where the notes lie in a restored tree: the scratch folder, step and perhaps machine had other names when they were taken. */
export function notesIn (folder: string, { paths }: Pick<FileStore, 'paths'>): string {
  const found = search('/')
  if (found === undefined) throw new DrillError('backup.incomplete', `The backup holds no ${notesName}: nothing describes what should be there`)
  return join(folder, found)

  /** Beside the trees themselves there are only the folders on the way to the notes. */
  function search (at: string): string | undefined {
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (!entry.isDirectory() || paths.includes(path)) continue
      const found = entry.name === notesName ? path : search(path)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function bytesIn (folder: string): number {
  let bytes = 0
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      bytes += entry.isDirectory() ? bytesIn(path) : lstatSync(path).size
    }
  } catch {
    // A file may go while it is looked at: this is only progress.
  }
  return bytes
}
