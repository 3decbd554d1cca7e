import type { CheckInputs } from '../../src/drill/checks.js'
import { continuityOf } from '../../src/drill/wal.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'
import { lookAtPrimary } from './live.js'
import { readArchive, readRepository } from './repository.js'

/** pgBackRest's `verify` and `info` miss a hole in the archive, and a restore over one succeeds and loses what follows it. */
export const backupContinuous: Check<CheckInputs['backup.continuous']> = async ({ database, backup }, context) => {
  return await answer('every WAL segment from each backup to the newest one is in the archive', context, async () => {
    const live = await lookAtPrimary(database, context)
    const repository = await readRepository(backup, context)
    const archive = await readArchive(backup, repository, live.segmentBytes, context)
    const newestDatabase = Math.max(0, ...repository.databases.map(db => db.id))
    const sets = repository.sets.filter(set => set.databaseId === newestDatabase)
    if (sets.length === 0) return { outcome: 'blind', observed: 'there is no backup to start from' }
    const { gaps, needed, newest, stranded, unexplained } = continuityOf(archive, sets.map(({ label, startSegment }) => ({ label, startSegment })))
    const newestSet = sets.reduce((last, set) => set.endedAtMs >= last.endedAtMs ? set : last)
    const newestTimeline = Number.parseInt(newest?.slice(0, 8) ?? '0', 16)
    const problems = [
      ...gaps.map(gap => `${gap.count === 1 ? `${gap.first} is` : `${gap.count} segments from ${gap.first} to ${gap.last} are`} missing: nothing after it can be reached from ${gap.backups.join(', ')}`),
      ...unexplained.map(timeline => `PG timeline ${timeline} has segments and no .history file: no recovery can follow it`),
      ...(newest === undefined ? ['the archive is empty'] : []),
      ...(stranded.includes(newestSet.label) ? [`${newestSet.label}, the newest backup, is of a branch that PG timeline ${newestTimeline} has left`] : []),
      ...(newestTimeline > 0 && newestTimeline < live.timeline && unexplained.length === 0 && !archive.histories.has(live.timeline) ? [`the primary writes PG timeline ${live.timeline}, and the archive knows only ${newestTimeline}`] : []),
    ]
    const output = { segments: archive.segments.length, needed, newest, gaps: gaps.length, stranded, bytes: archive.bytes }
    if (problems.length > 0) return { outcome: 'fail', observed: problems.join('; '), output }
    const remark = stranded.length > 0 ? `; ${stranded.join(', ')} ${stranded.length === 1 ? 'is' : 'are'} of a branch that was left` : ''
    return { outcome: 'pass', observed: `${needed} segments up to ${newest} without a gap${remark}`, output }
  })
}
