import { lstatSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import { differencesText, type Difference } from '../../src/drill/description.js'
import type { FileStore } from '../../src/drill/recovery.js'
import { backupSummaryOf, bytesDoneOf } from '../../src/drill/restic.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { tell } from '../tell.js'
import { describeTrees, differFromNotes } from './describe.js'
import { endStrays, lastWords } from './pipeline.js'
import { restic, snapshotsOrNewRepository } from './restic.js'
import { makeScratch, megabytes, removeScratch, scratchOf } from './scratch.js'

/** What tells our snapshots of files from others in the same repository. */
export const filesTag = 'muster-files'
/** The folder of the notes, as it is called in every snapshot. */
export const notesName = 'muster-notes'

/**
 * Backs the files up, with notes of every mode, owner, ACL, attribute and link beside them, so that a restore can be proven without the
 * source. A second run of the same step finds its snapshot and makes no other.
 */
export const filesBackup: Action<ActionInputs['files.backup']> = {
  async do ({ files }, context) {
    refuseBadPaths(files)
    const folder = scratchOf(files.scratchDir, context)
    await endStrays(files.tools, 'restic', join(folder, notesName), context.signal)
    const tags = [filesTag, `drill=${context.drillId}`, `step=${context.stepId}`]
    const [earlier] = await snapshotsOrNewRepository(files, context, tags)
    if (earlier) {
      removeScratch(files.scratchDir, context)
      return { summary: `backup ${earlier.id.slice(0, 8)} was made by an earlier try of this step`, output: { snapshot: earlier.id } }
    }
    try {
      return await backUp(files, tags, context)
    } finally {
      removeScratch(files.scratchDir, context)
    }
  },

  async verify ({ files }, context) {
    const left = await isLeft(files, context)
    return { undone: !left, summary: left ? `notes are left in ${scratchOf(files.scratchDir, context)}` : 'the backup stays, it is what is wanted; nothing else is left' }
  },

  async undo ({ files }, context) {
    await endStrays(files.tools, 'restic', join(scratchOf(files.scratchDir, context), notesName), context.signal)
    removeScratch(files.scratchDir, context)
    return 'removed the notes of a backup'
  },
}

async function backUp (files: FileStore, tags: string[], context: StepContext): Promise<{ summary: string, output: Record<string, unknown> }> {
  const from = performance.now()
  const notes = join(makeScratch(files.scratchDir, context), notesName)
  await describeTrees(files, files.paths, notes, context)
  const said = await restic(files, ['backup', '--json', ...tags.flatMap(tag => ['--tag', tag]), ...files.paths, notes], context, line => {
    const bytes = bytesDoneOf(line)
    if (bytes !== undefined) tell(context, `backup: ${megabytes(bytes)}`, { bytes })
  })
  const summary = backupSummaryOf(said.stdout)
  if (said.exitCode !== 0 || summary === undefined || said.stderr.trim() !== '') {
    throw new DrillError('backup.incomplete', `restic did not back up everything (exit code ${said.exitCode}): ${lastWords(said.stderr)}`)
  }
  const moved: Difference[] = []
  for (const [index, path] of files.paths.entries()) moved.push(...await differFromNotes(files, notes, index, path, context))
  if (moved.length > 0) throw new DrillError('backup.moving', `Files changed while they were backed up, so nothing could prove the copy: ${differencesText(moved)}`)
  const seconds = Math.round(performance.now() - from) / 1000
  return {
    summary: `backup ${summary.snapshotId}: ${summary.files} files, ${megabytes(summary.bytes)}, ${megabytes(summary.addedBytes)} new, ${seconds} s`,
    output: { snapshot: summary.snapshotId, files: summary.files, bytes: summary.bytes, addedBytes: summary.addedBytes, seconds },
  }
}

/** Before anything is touched: restic skips a path that is absent, and ends with 0. */
function refuseBadPaths (files: FileStore): void {
  for (const path of files.paths) {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new DrillError('backup.incomplete', `${path} is to be backed up, but there is no such folder: a backup without it would look whole`)
    }
    for (const inner of [files.scratchDir, files.repository]) {
      if (`${resolve(inner)}/`.startsWith(`${resolve(path)}/`)) throw new DrillError('input.invalid', `${inner} lies in ${path}, which is backed up: a backup would hold itself`)
    }
  }
}

async function isLeft (files: FileStore, context: StepContext): Promise<boolean> {
  return lstatSync(scratchOf(files.scratchDir, context), { throwIfNoEntry: false }) !== undefined
}
