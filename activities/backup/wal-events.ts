import { link, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backup } from '../../src/drill/environment.js'
import { lsnBytes } from '../../src/drill/loss.js'
import { canonicalLsn, commitMicros, type Commit } from '../../src/drill/target.js'
import { countRows, type RowChanges } from '../../src/drill/wal-rows.js'
import { DrillError } from '../../src/errors.js'
import type { Place } from './place.js'
import { tell } from '../tell.js'
import { lastWords, pgBackRest, runTool, type Worker } from './tools.js'

/** What the archived WAL says of transactions and restore points, in its order. */
export interface WalEvents {
  commits: Commit[]
  aborted: Set<string>
  restorePoints: Array<{ name: string, lsn: string }>
  /** Where rows were asked for: what each transaction did to them, and which are parts of another. */
  rows?: RowChanges
}

/** How far into the next segment a record may go on; the longest, a commit of the most subtransactions, is far shorter. The least size of a segment. */
const overhangBytes = 1024 * 1024

/** Brings a segment out of the archive. False where it is not there. */
export async function fetchSegment (backup: Backup, { walDir }: Pick<Place, 'walDir'>, segment: string, worker: Worker): Promise<boolean> {
  const path = join(walDir, segment)
  if (await stat(path).catch(() => undefined)) return true
  try {
    await pgBackRest(backup, ['--no-archive-async', 'archive-get', segment, path], worker, { doing: `fetch ${segment}`, timeoutMs: 10 * 60_000 })
  } catch (error) {
    // Exit code 1 without an error of its own: it is not in the archive.
    if (error instanceof DrillError && error.code === 'backup.failed' && /failed with 1:/.test(error.message)) return false
    throw error
  }
  return await stat(path).then(() => true, () => false)
}

/** How long a segment of this archive is: the file itself says. Throws `backup.damaged`. */
export async function segmentBytesOf (backup: Backup, place: Pick<Place, 'walDir'>, segment: string, worker: Worker): Promise<number> {
  if (!await fetchSegment(backup, place, segment, worker)) throw new DrillError('backup.damaged', `WAL segment ${segment} is not in the archive`)
  return (await stat(join(place.walDir, segment))).size
}

export interface ReadOptions {
  /** Whether what was read so far will do. */
  enough?: (events: WalEvents) => boolean
  /** Counts what each transaction did to rows, too. */
  rows?: RowChanges
  /** From the last segment to the first, for what is sooner found so; one that is missing is passed over. */
  backwards?: boolean
}

/**
 * Reads the records that begin in some archived segments, which follow each other, until `enough` or their end. A record may go on
 * in the next segment, so that one is fetched with it. What was fetched is removed again. Throws `target.unreachable` where one is missing.
 */
export async function readWalEvents (
  backup: Backup, place: Pick<Place, 'walDir'>, segments: readonly string[], worker: Worker, { enough = () => false, rows, backwards = false }: ReadOptions = {}
): Promise<WalEvents> {
  const events: WalEvents = { commits: [], aborted: new Set(), restorePoints: [], rows }
  const fetched = new Set(segments)
  for (let read = 0; read < segments.length; read++) {
    const index = backwards ? segments.length - 1 - read : read
    const segment = segments[index]!
    if (await fetchSegment(backup, place, segment, worker)) {
      const beyond = await fetchBeyond(backup, place, segment, segments[index + 1], worker)
      if (beyond !== undefined) fetched.add(beyond)
      await dump(backup, place, segment, beyond !== undefined, events, worker)
    } else if (!backwards) {
      throw new DrillError('target.unreachable', `WAL segment ${segment} is missing in the archive: nothing after it can be reached`)
    }
    // Backwards this one is still needed: a record of the next one to be read may go on in it.
    const done = backwards ? segments[index + 1] : segment
    if (done !== undefined) await rm(join(place.walDir, done), { force: true })
    tell(worker, `read the archived WAL: segment ${read + 1} of ${segments.length}`, { segment, read: read + 1, of: segments.length })
    if (enough(events)) break
  }
  for (const segment of fetched) await rm(join(place.walDir, segment), { force: true })
  return events
}

/**
 * Where the record begins that recovery stops at for a position: the first that begins there or behind it, for recovery knows records
 * only. Undefined where the segments, which follow each other from that position's on, hold none.
 */
export async function recordAt (backup: Backup, place: Pick<Place, 'walDir'>, segments: readonly string[], lsn: string, worker: Worker): Promise<string | undefined> {
  const fetched = new Set(segments)
  try {
    for (const [index, segment] of segments.entries()) {
      if (!await fetchSegment(backup, place, segment, worker)) return undefined
      const beyond = await fetchBeyond(backup, place, segment, segments[index + 1], worker)
      if (beyond !== undefined) fetched.add(beyond)
      const { start } = await spanOf(place, segment)
      const { stdout } = await runTool(backup, 'pg_waldump', [
        '--path', place.walDir, '--timeline', timelineOf(segment), '--start', lsnText(Math.max(start, lsnBytes(lsn))), '--limit', '1',
      ], worker, { doing: `look for ${lsn}`, timeoutMs: 60_000 })
      // None: what is left of a segment that was closed early is empty.
      const found = / lsn: ([0-9A-F]+\/[0-9A-F]+),/.exec(stdout)?.[1]
      if (found !== undefined) return canonicalLsn(found)
    }
    return undefined
  } finally {
    for (const segment of fetched) await rm(join(place.walDir, segment), { force: true })
  }
}

/**
 * Brings the segment that a record may go on in. pg_waldump knows one timeline: behind a switch the next one gets the name that it
 * would have had on this one, and holds the rest of the record. Undefined where there is none.
 */
async function fetchBeyond (backup: Backup, place: Pick<Place, 'walDir'>, segment: string, next: string | undefined, worker: Worker): Promise<string | undefined> {
  if (next === undefined || next.slice(8) === segment.slice(8) || !await fetchSegment(backup, place, next, worker)) return undefined
  const name = segment.slice(0, 8) + next.slice(8)
  if (name === next) return next
  await rm(join(place.walDir, name), { force: true })
  await link(join(place.walDir, next), join(place.walDir, name))
  return name
}

async function dump (backup: Backup, place: Pick<Place, 'walDir'>, segment: string, hasNext: boolean, events: WalEvents, worker: Worker): Promise<void> {
  const { start, end } = await spanOf(place, segment)
  const { exitCode, stdout, stderr, truncated } = await runTool(backup, 'pg_waldump', [
    '--path', place.walDir, '--timeline', timelineOf(segment), '--start', lsnText(start), '--end', lsnText(hasNext ? end + overhangBytes : end), '--rmgr', 'Transaction', '--rmgr', 'XLOG',
    ...events.rows ? ['--rmgr', 'Heap', '--rmgr', 'Heap2'] : [],
  ], worker, { doing: `read ${segment}`, maxOutputBytes: 256 * 1024 * 1024, timeoutMs: 10 * 60_000 })
  if (truncated) throw new DrillError('component.unexpected', `${segment} holds too many commits to be read at once`)
  const own = recordsBefore(stdout, end)
  parseWalEvents(own, events)
  if (events.rows) countRows(own, events.rows)
  // The last segment ends where its records end or go on in one that is not there; that is no error of what was read.
  if (exitCode !== 0 && (hasNext || !/could not find file|invalid record length|could not read/.test(stderr))) {
    throw new DrillError('backup.damaged', `${segment} cannot be read: ${lastWords(stderr)}`)
  }
}

/** Where a segment that was fetched lies in the WAL, bytes. */
async function spanOf ({ walDir }: Pick<Place, 'walDir'>, segment: string): Promise<{ start: number, end: number }> {
  const { size } = await stat(join(walDir, segment))
  const start = (parseInt(segment.slice(8, 16), 16) * (2 ** 32 / size) + parseInt(segment.slice(16), 16)) * size
  return { start, end: start + size }
}

function timelineOf (segment: string): string {
  return String(parseInt(segment.slice(0, 8), 16))
}

/** What was printed of the records that begin before a position: those behind it are the next segment's. */
function recordsBefore (text: string, endBytes: number): string {
  for (const { 1: lsn, index } of text.matchAll(/^rmgr: .*? lsn: ([0-9A-F]+\/[0-9A-F]+),/gm)) if (lsnBytes(lsn!) >= endBytes) return text.slice(0, index)
  return text
}

const record = /^rmgr: (Transaction|XLOG) .*?tx: +(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+),.*?desc: (\S+) ?(.*)$/gm

/** What pg_waldump prints in UTC, added to what is known. */
export function parseWalEvents (text: string, events: WalEvents): void {
  for (const [, , xid, lsn, what, rest] of text.matchAll(record)) {
    const name = what!.replace(/_PREPARED$/, '')
    const prepared = /^(\d+):/.exec(rest!)?.[1]
    if (name === 'ABORT') events.aborted.add(what === 'ABORT_PREPARED' ? prepared! : xid!)
    else if (name === 'RESTORE_POINT') events.restorePoints.push({ name: rest!.trim(), lsn: lsn! })
    else if (name === 'COMMIT') {
      const committedAt = /(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)? UTC)/.exec(rest!)?.[1]
      if (committedAt === undefined) continue
      const commit = { xid: what === 'COMMIT_PREPARED' ? prepared! : xid!, lsn: lsn!, committedAt }
      events.commits.push({ ...commit, committedAtMs: Number(commitMicros({ ...commit, committedAtMs: 0 }) / 1000n) })
    }
  }
}

function lsnText (bytes: number): string {
  return `${Math.floor(bytes / 2 ** 32).toString(16).toUpperCase()}/${(bytes % 2 ** 32).toString(16).toUpperCase()}`
}
