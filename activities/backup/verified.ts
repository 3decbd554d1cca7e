import { DrillError } from '../../src/errors.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { durationText } from '../../src/drill/duration.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'
import { readRepository } from './repository.js'
import { pgBackRest } from './tools.js'

/** One line of `verify`: a backup set, or the archive of one cluster. */
interface VerifiedPart { name: string, checked: number, valid: number, problems: string[] }

export interface Verification { parts: VerifiedPart[], backups: string[], problems: string[] }

/** Reads every byte of the repository, and then what pgBackRest says of them: its exit code is 0 also where it found damage. */
export const backupVerified: Check<CheckInputs['backup.verified']> = async ({ backup }, context) => {
  return await answer('every file of every backup set and of the archive is there and has its checksum', context, async () => {
    const from = Date.now()
    const { sets } = await readRepository(backup, context)
    const { stdout } = await pgBackRest(backup, ['--output=text', '--verbose', 'verify'], context, { doing: 'verify the repository' })
    const { parts, backups, problems } = parseVerification(stdout)
    // A set that was expired or made meanwhile is no news; one that stays unmentioned was not verified.
    const still = new Set((await readRepository(backup, context)).sets.map(set => set.label))
    const unseen = sets.filter(set => still.has(set.label) && !backups.includes(set.label)).map(set => `${set.label} was not verified`)
    const files = parts.reduce((sum, part) => sum + part.checked, 0)
    const output = { files, sets: backups.length, tookMs: Date.now() - from }
    if (problems.length + unseen.length > 0) return { outcome: 'fail', observed: [...problems, ...unseen].join('; '), output }
    if (backups.length === 0) return { outcome: 'blind', observed: 'there is no backup set to verify', output }
    return { outcome: 'pass', observed: `${files} files of ${backups.length} ${backups.length === 1 ? 'set' : 'sets'} and the archive are whole, read in ${durationText(output.tookMs)}`, output }
  })
}

/**
 * What `verify --output=text --verbose` says. Only words that are known to mean "good" do; anything else is a problem. Throws
 * `backup.unreadable` where there is nothing to understand.
 */
export function parseVerification (text: string): Verification {
  const status = /^\s*status: (\w+)/m.exec(text)?.[1]
  if (status === undefined) throw new DrillError('backup.unreadable', `pgBackRest verify said nothing that is understood: ${text.trim().slice(0, 200) || 'nothing at all'}`)
  const parts: VerifiedPart[] = []
  const backups: string[] = []
  const problems: string[] = []
  for (const line of text.split('\n')) {
    const archive = /^\s*archiveId: ([^,]+), total WAL checked: (\d+), total valid WAL: (\d+)/.exec(line)
    const backup = /^\s*backup: ([^,]+), status: ([^,]+)(?:, total files checked: (\d+), total valid files: (\d+))?/.exec(line)
    const counts = [...line.matchAll(/(missing|checksum invalid|size invalid|other): (\d+)/g)].filter(([, , count]) => count !== '0').map(([, what, count]) => `${what} ${count}`)
    if (archive) parts.push({ name: `archive ${archive[1]}`, checked: Number(archive[2]), valid: Number(archive[3]), problems: [] })
    if (backup) {
      backups.push(backup[1]!)
      parts.push({ name: `backup ${backup[1]}`, checked: Number(backup[3] ?? 0), valid: Number(backup[4] ?? 0), problems: backup[2] === 'valid' ? [] : [`status ${backup[2]}`] })
    }
    if (counts.length > 0) parts.at(-1)?.problems.push(...counts)
    if (/^\s*No usable /.test(line)) problems.push(line.trim())
  }
  for (const part of parts) {
    if (part.valid !== part.checked) part.problems.push(`${part.checked - part.valid} of ${part.checked} files are not valid`)
    if (part.checked === 0 && part.name.startsWith('backup')) part.problems.push('no file was checked')
    if (part.problems.length > 0) problems.push(`${part.name}: ${part.problems.join(', ')}`)
  }
  if (status !== 'ok' && problems.length === 0) problems.push(`pgBackRest verify says status: ${status}`)
  return { parts, backups, problems }
}
