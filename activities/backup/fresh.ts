import { judgeFreshness } from '../../src/drill/backup.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { durationText } from '../../src/drill/duration.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'
import { lookAtPrimary } from './live.js'
import { readRepository } from './repository.js'

/** By the repository's own catalogue, never by the log of the job that makes backups. */
export const backupFresh: Check<CheckInputs['backup.fresh']> = async ({ database, backup }, context) => {
  const { maxAge, fullMaxAge } = backup.policy
  return await answer(`a backup of this cluster at most ${maxAge} old, a full one at most ${fullMaxAge}, none with wrong pages`, context, async () => {
    const [repository, live] = await Promise.all([readRepository(backup, context), lookAtPrimary(database, context)])
    const nowMs = Date.now()
    const { problems, remarks, newest, newestFull } = judgeFreshness(repository, backup.policy, live, nowMs)
    if (newest === undefined) return { outcome: 'fail', observed: problems.join('; ') }
    const [ageMs, tookMs, sets] = [nowMs - newest.endedAtMs, newest.endedAtMs - newest.startedAtMs, repository.sets.length]
    const output = { newest: newest.label, newestFull: newestFull?.label, ageMs, bytes: newest.bytes, tookMs, sets }
    if (problems.length > 0) return { outcome: 'fail', observed: problems.join('; '), output }
    const facts = [`${newest.label} is ${durationText(Math.max(0, ageMs))} old`, `${bytesText(newest.bytes)}, made in ${durationText(tookMs)}`, `${sets} ${sets === 1 ? 'set' : 'sets'}`, ...remarks]
    return { outcome: 'pass', observed: facts.join('; '), output }
  })
}
