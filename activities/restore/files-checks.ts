import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { differencesText, undeclared, type Difference } from '../../src/drill/description.js'
import { durationMs } from '../../src/drill/duration.js'
import { checkProblemOf, freshness } from '../../src/drill/restic.js'
import { messageOf } from '../../src/errors.js'
import type { Check, StepContext } from '../action.js'
import { describedPaths, differFromNotes, differFromSource } from './describe.js'
import { filesTag } from './files-backup.js'
import { notesIn } from './files-restore.js'
import { restic, snapshots } from './restic.js'

/** The newest backup of files is young enough and holds every folder: a path that was absent is missing in it, and nowhere said. */
export const filesFresh: Check<CheckInputs['files.fresh']> = async ({ files }, context) => {
  const expected = `a backup younger than ${files.maxAge} of ${files.paths.join(', ')}`
  return await blindWhereItThrows(expected, context, async () => {
    const { ok, observed, snapshot } = freshness(await snapshots(files, context, [filesTag]), { paths: files.paths, maxAgeMs: durationMs(files.maxAge), nowMs: Date.now() })
    return { outcome: ok ? 'pass' : 'fail', observed, expected, output: snapshot ? { snapshot: snapshot.id } : {} }
  })
}

/** Every pack of the repository is read and compared with its checksum; restic's plain `check` ends with 0 on a damaged one. */
export const filesSound: Check<CheckInputs['files.sound']> = async ({ files }, context) => {
  const expected = 'every pack of the repository is what it was when it was written'
  return await blindWhereItThrows(expected, context, async () => {
    const from = performance.now()
    const problem = checkProblemOf(await restic(files, ['check', '--read-data', '--no-lock'], context))
    const seconds = Math.round(performance.now() - from) / 1000
    return { outcome: problem === undefined ? 'pass' : 'fail', observed: problem ?? `all packs read in ${seconds} s, no error`, expected, output: { seconds } }
  })
}

/**
 * The restored files are what they were, asked in three ways: mtree against the notes of the backup (type, mode, owner, size, links,
 * times, content), the ACLs and extended attributes that mtree is blind to against theirs, and, where the source still stands, rsync
 * against it by content.
 */
export const filesEqual: Check<CheckInputs['files.equal']> = async ({ files, folder, source = false }, context) => {
  const expected = `every file as it was, by ${source ? 'mtree, ACLs and attributes, and rsync against the source' : 'mtree and by ACLs and attributes'}; ${files.exceptions?.length ?? 0} exceptions declared`
  return await blindWhereItThrows(expected, context, async () => {
    const notes = notesIn(folder, files)
    const paths = describedPaths(notes)
    const found: Difference[] = []
    const declared: string[] = []
    for (const path of files.paths) {
      const index = paths.indexOf(path)
      if (index < 0) {
        found.push({ path, what: 'was not backed up at all', witness: 'mtree' })
        continue
      }
      const copy = join(folder, path)
      if (!lstatSync(copy, { throwIfNoEntry: false })?.isDirectory()) {
        found.push({ path, what: 'the whole folder is missing', witness: 'mtree' })
        continue
      }
      const differences = await differFromNotes(files, notes, index, copy, context)
      if (source) differences.push(...await differFromSource(files, path, copy, context))
      const sorted = undeclared(differences, path, files.exceptions ?? [])
      found.push(...sorted.undeclared)
      declared.push(...sorted.declared)
    }
    const output = { differences: found.length, declared: declared.length }
    const excused = declared.length > 0 ? `; declared: ${declared.join(', ')}` : ''
    if (found.length > 0) return { outcome: 'fail', observed: `${found.length} differences: ${differencesText(found)}${excused}`, expected, output }
    return { outcome: 'pass', observed: `${files.paths.length} folders are equal in ${source ? 'all three' : 'both'} ways${source ? '' : ' (no source to compare with)'}${excused}`, expected, output }
  })
}

/** What cannot be asked is blind, never a pass; an abort goes on as it is. */
export async function blindWhereItThrows (expected: string, context: Pick<StepContext, 'signal'>, ask: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await ask()
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}
