import { DrillError } from '../../src/errors.js'
import type { BackupSet, BackupType, Repository } from '../../src/drill/backup.js'
import type { Backup } from '../../src/drill/environment.js'
import { parseHistory, type ArchivedWal, type Branch } from '../../src/drill/wal.js'
import { keyWords, pgBackRest, withoutQuotes, type Worker } from './tools.js'

/** What `info --output=json` has, as far as it is used. */
interface InfoStanza {
  name: string
  cipher: string
  status: { code: number, message: string, lock?: { backup?: { held?: boolean } } }
  repo?: Array<{ status: { code: number, message: string } }>
  db: Array<{ id: number, 'system-id': number, version: string }>
  backup: Array<{
    label: string, type: BackupType, error: boolean, annotation?: Record<string, string>
    archive: { start: string, stop: string }, lsn: { start: string, stop: string }, timestamp: { start: number, stop: number }
    info: { size: number, repository: { delta: number } }, database: { id: number }
  }>
}

/** `no valid backups` is an answer; anything but it and `ok` is none. */
const emptyStanza = 2

/**
 * The repository's catalogue of the stanza. Throws `backup.unreadable` (the exit code of `info` is 0 even where it could read
 * nothing), `backup.key`, `control.failed`.
 */
export async function readRepository (backup: Backup, worker: Worker): Promise<Repository> {
  const { stdout } = await pgBackRest(backup, ['--output=json', 'info'], worker, { doing: 'info', timeoutMs: 60_000 })
  return parseInfo(stdout, backup.stanza)
}

/** Throws `backup.unreadable`, `backup.key`. */
export function parseInfo (text: string, stanza: string): Repository {
  const found = parseJson<InfoStanza[]>(text, 'info').find(one => one.name === stanza)
  if (!found) throw new DrillError('backup.unreadable', `pgBackRest knows no stanza "${stanza}"`)
  const { status } = found
  if (status.code !== 0 && status.code !== emptyStanza) {
    const all = [status.message, ...(found.repo ?? []).map(repo => repo.status.message)].join(': ')
    const said = `The repository of stanza "${stanza}" cannot be read (status ${status.code}): ${withoutQuotes(all).replaceAll('\n', ' ').slice(0, 600)}`
    // What a wrong passphrase makes of a file is mostly told as an unknown format; without any, it begins as every encrypted file does.
    const isKey = /CryptoError|cipher|Salted__/.test(all) || (found.cipher !== 'none' && all.includes('[FormatError]'))
    throw isKey ? new DrillError('backup.key', `${keyWords}: ${said}`) : new DrillError('backup.unreadable', said)
  }
  return {
    sets: found.backup.map(set => ({
      label: set.label,
      type: set.type,
      startedAtMs: set.timestamp.start * 1000,
      endedAtMs: set.timestamp.stop * 1000,
      startSegment: set.archive.start,
      stopSegment: set.archive.stop,
      startLsn: set.lsn.start,
      stopLsn: set.lsn.stop,
      bytes: set.info.size,
      repositoryBytes: set.info.repository.delta,
      pageErrors: set.error,
      annotations: set.annotation ?? {},
      databaseId: set.database.id,
    })),
    databases: found.db.map(db => ({ id: db.id, systemId: systemIdOf(text, db.id) ?? String(db['system-id']), version: db.version })),
    backupRuns: status.lock?.backup?.held === true,
    cipher: found.cipher,
  }
}

/** The number has more digits than a JavaScript number holds: it is read from the text. */
function systemIdOf (text: string, id: number): string | undefined {
  return new RegExp(`"id":${id},"repo-key":\\d+,"system-id":(\\d+)`).exec(text.replace(/\s+/g, ''))?.[1]
}

/** What the archive holds of the newest cluster, and what it takes. Throws as readRepository. */
export async function readArchive (backup: Backup, repository: Repository, segmentBytes: number, worker: Worker): Promise<ArchivedWal & { bytes: number }> {
  const newest = repository.databases.reduce((last, one) => one.id > last.id ? one : last, { id: 0, systemId: '', version: '' })
  const folder = `${newest.version}-${newest.id}`
  const { stdout } = await pgBackRest(backup, ['--recurse', '--output=json', 'repo-ls', `archive/${backup.stanza}/${folder}`], worker, { doing: 'list the archive', timeoutMs: 10 * 60_000 })
  const files = Object.entries(parseJson<Record<string, { type: string, size?: number }>>(stdout, 'repo-ls')).filter(([, { type }]) => type === 'file')
  const names = files.map(([path]) => path.slice(path.lastIndexOf('/') + 1))
  const histories = new Map<number, Branch[]>()
  for (const name of names.filter(name => /^[0-9A-F]{8}\.history$/.test(name))) {
    const { stdout: text } = await pgBackRest(backup, ['repo-get', `archive/${backup.stanza}/${folder}/${name}`], worker, { doing: 'read a history', timeoutMs: 60_000 })
    histories.set(parseInt(name.slice(0, 8), 16), parseHistory(text))
  }
  // NAME-SHA1[.zst]; beside them lie .backup and .partial files, which no recovery from here needs.
  const segments = names.flatMap(name => /^([0-9A-F]{24})-[0-9a-f]{40}(\.\w+)?$/.exec(name)?.[1] ?? [])
  return { segments: [...new Set(segments)].sort(), histories, segmentBytes, bytes: files.reduce((sum, [, { size }]) => sum + (size ?? 0), 0) }
}

/** The set of that label, or the newest one that holds no wrong page. Throws `backup.missing`, `backup.mismatch`. */
export function chooseSet ({ sets, databases }: Repository, label?: string): BackupSet {
  const known = sets.map(set => set.label).join(', ') || 'none'
  if (label !== undefined) {
    const found = sets.find(set => set.label === label)
    if (!found) throw new DrillError('backup.missing', `There is no backup set "${label.slice(0, 80)}", only ${known}`)
    return found
  }
  const newestDatabase = Math.max(0, ...databases.map(db => db.id))
  const newest = sets.filter(set => !set.pageErrors && set.databaseId === newestDatabase).sort((a, b) => a.endedAtMs - b.endedAtMs).at(-1)
  if (!newest) throw new DrillError('backup.missing', `There is no sound backup set of this cluster; there are: ${known}`)
  return newest
}

function parseJson<T> (text: string, command: string): T {
  try {
    // What it quotes of a file that it could not read has bytes that JSON does not allow.
    return JSON.parse(text.replace(/\p{Cc}/gu, ' ')) as T
  } catch (cause) {
    throw new DrillError('backup.unreadable', `pgBackRest ${command} answered no JSON: ${text.slice(0, 200)}`, { cause })
  }
}
