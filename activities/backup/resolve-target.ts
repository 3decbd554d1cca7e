import type { BackupSet, Repository } from '../../src/drill/backup.js'
import type { Backup } from '../../src/drill/environment.js'
import { lsnBytes } from '../../src/drill/loss.js'
import { canonicalLsn, checkTarget, commitAtTime, commitMicros, proofOf, setBefore, targetTimeMicros, type RecoveryTarget, type ResolvedTarget } from '../../src/drill/target.js'
import { parseSegment, segmentAt, timelineAt, wayThrough, type ArchivedWal } from '../../src/drill/wal.js'
import { DrillError, messageOf } from '../../src/errors.js'
import { chooseSet, readArchive } from './repository.js'
import type { Place } from './place.js'
import { readWalEvents, recordAt, segmentBytesOf, type ReadOptions, type WalEvents } from './wal-events.js'
import type { Worker } from './tools.js'

export interface Resolution {
  set: BackupSet
  target: ResolvedTarget
  timeline: number
  /** How much WAL was looked through for it, bytes. */
  readBytes: number
}

/**
 * What recovery is told for a target, and the set to begin with: pgBackRest would take the newest one for xid and name, which may lie
 * behind the target. A time becomes the transaction that it lies at. Throws `target.invalid`, `target.unreachable`, `backup.missing`.
 */
export async function resolveTarget (backup: Backup, repository: Repository, place: Place, wanted: { target: RecoveryTarget, set?: string }, worker: Worker): Promise<Resolution> {
  const { target } = wanted
  sensibly(() => { checkTarget(target) })
  const newest = chooseSet(repository)
  const archive = await readArchive(backup, repository, await segmentBytesOf(backup, place, newest.startSegment, worker), worker)
  const sets = repository.sets.filter(set => set.databaseId === newest.databaseId)
  const chosen = wanted.set === undefined ? undefined : chooseSet(repository, wanted.set)
  const find: Find = { backup, place, archive, sets, worker, readBytes: 0 }
  const resolved = await locate(find, target)
  const set = chosen ?? setBefore(sets, resolved.lsn)
  const first = sets.reduce((oldest, one) => one.endedAtMs < oldest.endedAtMs ? one : oldest)
  if (!set) throw new DrillError('target.unreachable', `${resolved.text} lies before the first backup, ${first.label}, was consistent (${first.stopLsn})`)
  if (lsnBytes(set.stopLsn) > lsnBytes(resolved.lsn)) throw new DrillError('target.unreachable', `Set ${set.label} is consistent at ${set.stopLsn} only, behind ${resolved.text} at ${resolved.lsn}`)
  requireWay(archive, set, resolved)
  return { set, target: resolved, timeline: timelineAt(archive, newestTimeline(archive), resolved.lsn), readBytes: find.readBytes }
}

interface Find {
  backup: Backup
  place: Place
  archive: ArchivedWal
  sets: readonly BackupSet[]
  worker: Worker
  /** Grows with every segment that is looked through. */
  readBytes: number
}

async function locate (find: Find, target: RecoveryTarget): Promise<ResolvedTarget> {
  const inclusive = target.inclusive ?? true
  const side = inclusive ? 'after' : 'before'
  if (target.lsn !== undefined) {
    const lsn = await recordFrom(find, target.lsn)
    return { type: 'lsn', value: canonicalLsn(target.lsn), inclusive, proof: proofOf('lsn', lsn, inclusive), lsn, text: `${side} position ${target.lsn}` }
  }
  if (target.time !== undefined) {
    const { commit, inclusive: side } = await commitAt(find, target.time, inclusive)
    return atCommit(commit.xid, commit.lsn, side, `${inclusive ? 'up to' : 'just before'} ${target.time} (${side ? 'after' : 'before'} transaction ${commit.xid} of ${commit.committedAt})`)
  }
  if (target.xid !== undefined) {
    const xid = String(BigInt(target.xid) % 2n ** 32n)
    const found = await search(find, events => {
      const commit = events.commits.find(commit => commit.xid === xid)
      if (!commit && events.aborted.has(xid)) throw new DrillError('target.unreachable', `Transaction ${target.xid} was rolled back: it never committed, so recovery cannot stop at it`)
      return commit
    }, { backwards: true })
    if (!found) throw new DrillError('target.unreachable', `Transaction ${target.xid} never committed in the archived WAL (up to ${newestSegment(find.archive)}${missingText(find)})`)
    return atCommit(xid, found.lsn, inclusive, `${side} transaction ${target.xid} of ${found.committedAt}`)
  }
  const point = await search(find, events => events.restorePoints.find(point => point.name === target.name))
  if (!point) throw new DrillError('target.unreachable', `There is no restore point "${target.name}" in the archived WAL (up to ${newestSegment(find.archive)})`)
  return { type: 'name', value: target.name!, inclusive: true, proof: proofOf('name', target.name!, true), lsn: point.lsn, text: `at restore point ${target.name}` }
}

function atCommit (xid: string, lsn: string, inclusive: boolean, text: string): ResolvedTarget {
  return { type: 'xid', value: xid, inclusive, proof: proofOf('xid', xid, inclusive), lsn, text }
}

/** The commit that a time lies at, read from the newest backup before it on. */
async function commitAt (find: Find, time: string, inclusive: boolean): Promise<ReturnType<typeof commitAtTime>> {
  const { archive, sets } = find
  const micros = targetTimeMicros(time)
  const nowMicros = BigInt(Date.now()) * 1000n
  if (micros > nowMicros) throw new DrillError('target.unreachable', `${time} lies in the future`)
  const before = sets.filter(set => BigInt(set.endedAtMs) * 1000n <= micros)
  const first = sets.reduce((oldest, one) => one.endedAtMs < oldest.endedAtMs ? one : oldest)
  if (before.length === 0) throw new DrillError('target.unreachable', `${time} lies before the first backup, ${first.label}, had ended (${new Date(first.endedAtMs).toISOString()})`)
  const from = before.reduce((last, one) => one.endedAtMs >= last.endedAtMs ? one : last)
  const events = await read(find, wayFrom(archive, from.startSegment), { enough: ({ commits }) => commits.some(commit => commitMicros(commit) > micros) })
  return sensibly(() => commitAtTime(events.commits.filter(commit => lsnBytes(commit.lsn) >= lsnBytes(from.startLsn)), { time, inclusive }), 'target.unreachable')
}

/**
 * Looks from the newest backup on, then from the one before it up to there, and so on. A transaction is there once, and most probably
 * near the end: there it begins with the newest segment. Of restore points that share a name recovery stops at the first.
 */
async function search<T> (find: Find, look: (events: WalEvents) => T | undefined, { backwards = false } = {}): Promise<T | undefined> {
  let until: string | undefined
  for (const set of [...find.sets].sort((a, b) => lsnBytes(b.startLsn) - lsnBytes(a.startLsn))) {
    const way = wayFrom(find.archive, set.startSegment)
    const end = until === undefined ? -1 : way.indexOf(until)
    let found: T | undefined
    await read(find, end < 0 ? way : way.slice(0, end + 1), { backwards, enough: events => (found = look(events)) !== undefined })
    if (found !== undefined) return found
    until = set.startSegment
  }
  return undefined
}

async function read (find: Find, segments: readonly string[], options: ReadOptions): Promise<WalEvents> {
  const { backup, place, archive, worker } = find
  return await readWalEvents(backup, place, segments, worker, {
    ...options,
    enough (events) {
      find.readBytes += archive.segmentBytes
      return options.enough?.(events) ?? false
    },
  })
}

/** A segment that is missing may hold what was not found. */
function missingText ({ archive, sets }: Find): string {
  const there = new Set(archive.segments)
  const missing = sets.flatMap(set => wayFrom(archive, set.startSegment)).filter(name => !there.has(name)).sort()[0]
  return missing === undefined ? '' : `, where segment ${missing} is missing`
}

/** The segments from one on to the newest of the archive, those that are missing too; that one alone where no way leads there. */
export function wayFrom (archive: ArchivedWal, startSegment: string): string[] {
  const newest = newestSegment(archive)
  const way = newest === undefined ? undefined : wayThrough(parseSegment(startSegment, archive.segmentBytes), parseSegment(newest, archive.segmentBytes), archive)
  return way ?? [startSegment]
}

/** Throws `target.unreachable` where a segment between a set and the target is missing. */
function requireWay (archive: ArchivedWal, set: BackupSet, target: ResolvedTarget): void {
  const way = wayFrom(archive, set.startSegment)
  const there = new Set(archive.segments)
  const end = segmentAt(target.lsn, 0, archive.segmentBytes).index
  const missing = way.find(name => parseSegment(name, archive.segmentBytes).index <= end && !there.has(name))
  if (missing !== undefined) throw new DrillError('target.unreachable', `${target.text} lies behind a gap: WAL segment ${missing} is missing in the archive`)
}

/** The record at which recovery stops for a position. */
async function recordFrom ({ backup, place, archive, sets, worker }: Find, lsn: string): Promise<string> {
  const newest = newestSegment(archive)
  const { index } = segmentAt(lsn, 0, archive.segmentBytes)
  if (newest === undefined || index > parseSegment(newest, archive.segmentBytes).index) {
    throw new DrillError('target.unreachable', `Position ${lsn} lies behind the end of the archive, ${newest ?? 'which is empty'}`)
  }
  const set = setBefore(sets, lsn)
  if (!set) throw new DrillError('target.unreachable', `Position ${lsn} lies before the first backup was consistent`)
  const segments = wayFrom(archive, set.startSegment).filter(name => parseSegment(name, archive.segmentBytes).index >= index)
  const missing = segments.find(name => !archive.segments.includes(name))
  const found = await recordAt(backup, place, missing === undefined ? segments : segments.slice(0, segments.indexOf(missing)), lsn, worker)
  if (found !== undefined) return found
  if (missing !== undefined) throw new DrillError('target.unreachable', `Position ${lsn} lies behind a gap: WAL segment ${missing} is missing in the archive`)
  throw new DrillError('target.unreachable', `No record follows position ${lsn} in the archive, which ends with ${newest}: recovery could not know that it has got there`)
}

export function newestSegment ({ segments }: Pick<ArchivedWal, 'segments'>): string | undefined {
  // The names sort by timeline, then by position.
  return segments.at(-1)
}

export function newestTimeline (archive: ArchivedWal): number {
  return parseInt(newestSegment(archive)?.slice(0, 8) ?? '0', 16)
}

function sensibly<T> (ask: () => T, code: 'target.invalid' | 'target.unreachable' = 'target.invalid'): T {
  try {
    return ask()
  } catch (error) {
    if (error instanceof RangeError) throw new DrillError(code, messageOf(error), { cause: error })
    throw error
  }
}
