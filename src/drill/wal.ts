import { lsnBytes } from './loss.js'

/** A file of the WAL: 24 hex digits, timeline, then position. */
export interface Segment { timeline: number, index: number }

/** Where a PG timeline left its parent, as its `.history` file says. */
export interface Branch { parent: number, switchLsn: string }

export interface ArchivedWal {
  /** Names of segments that are there, 24 hex digits each. */
  segments: readonly string[]
  /** By PG timeline, of each `.history` file that is there: every ancestor, oldest first. */
  histories: ReadonlyMap<number, readonly Branch[]>
  segmentBytes: number
}

/** What each backup needs first, so that recovery can start from it. */
export interface BackupStart { label: string, startSegment: string }

export interface Gap {
  /** The backups from which nothing after the gap can be reached. */
  backups: string[]
  first: string
  last: string
  count: number
}

export interface Continuity {
  gaps: Gap[]
  /** Segments that were looked for, all backups together. */
  needed: number
  /** The newest segment of the newest PG timeline. Absent where the archive is empty. */
  newest?: string
  /** Backups on a branch that the newest PG timeline has left: nothing newer than that branch can be reached from them. */
  stranded: string[]
  /** PG timelines that have segments and no `.history` file that says where they come from. */
  unexplained: number[]
}

/** Of a segment's first page (SizeOfXLogLongPHD, aligned). */
const headerBytes = 40

const segmentName = /^[0-9A-F]{24}$/

/** Throws RangeError for a text that is no name of a segment. */
export function parseSegment (name: string, segmentBytes: number): Segment {
  if (!segmentName.test(name)) throw new RangeError(`${name} is no WAL segment`)
  return { timeline: parseInt(name.slice(0, 8), 16), index: parseInt(name.slice(8, 16), 16) * segmentsPerLog(segmentBytes) + parseInt(name.slice(16), 16) }
}

export function segmentText ({ timeline, index }: Segment, segmentBytes: number): string {
  const perLog = segmentsPerLog(segmentBytes)
  return [timeline, Math.floor(index / perLog), index % perLog].map(part => part.toString(16).toUpperCase().padStart(8, '0')).join('')
}

/** The segment that holds a position. */
export function segmentAt (lsn: string, timeline: number, segmentBytes: number): Segment {
  return { timeline, index: Math.floor(lsnBytes(lsn) / segmentBytes) }
}

/**
 * The segment that a record ended in, from where the next one would begin. The first bytes of a segment are its header, so one that
 * would begin right behind it follows a record that filled the segment before.
 */
export function segmentOfEnd (lsn: string, timeline: number, segmentBytes: number): Segment {
  return { timeline, index: Math.floor((lsnBytes(lsn) - headerBytes - 1) / segmentBytes) }
}

/** The lines of a `.history` file: parent, position, reason. */
export function parseHistory (text: string): Branch[] {
  return [...text.matchAll(/^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/gm)].map(([, parent, switchLsn]) => ({ parent: Number(parent), switchLsn: switchLsn! }))
}

/**
 * Whether recovery can go from the start of each backup to the newest segment of the archive without a hole. Neither `info` nor
 * `verify` of pgBackRest says so, and a restore over a hole succeeds and loses everything after it.
 */
export function continuityOf (archive: ArchivedWal, backups: readonly BackupStart[]): Continuity {
  const { segmentBytes } = archive
  const there = new Set(archive.segments)
  const parsed = archive.segments.map(name => parseSegment(name, segmentBytes))
  const newestTimeline = Math.max(0, ...parsed.map(segment => segment.timeline))
  const unexplained = [...new Set(parsed.map(segment => segment.timeline))].filter(timeline => timeline > 1 && !archive.histories.has(timeline)).sort((a, b) => a - b)
  if (newestTimeline === 0) return { gaps: [], needed: 0, stranded: [], unexplained }
  const last = parsed.filter(segment => segment.timeline === newestTimeline).reduce((most, { index }) => Math.max(most, index), 0)
  const newest = segmentText({ timeline: newestTimeline, index: last }, segmentBytes)
  const looked = new Set<string>()
  const missing = new Map<string, Set<string>>()
  const stranded: string[] = []
  for (const { label, startSegment } of backups) {
    const names = wayThrough(parseSegment(startSegment, segmentBytes), { timeline: newestTimeline, index: last }, archive)
    if (names === undefined) stranded.push(label)
    for (const name of names ?? []) {
      looked.add(name)
      if (!there.has(name)) missing.set(name, (missing.get(name) ?? new Set()).add(label))
    }
  }
  return { gaps: gapsOf(missing, segmentBytes), needed: looked.size, newest, stranded, unexplained }
}

/** Every segment from a start to an end over the ancestry of the end's PG timeline; undefined where no way leads there. */
export function wayThrough (from: Segment, to: Segment, { histories, segmentBytes }: Omit<ArchivedWal, 'segments'>): string[] | undefined {
  const ancestry = [...(histories.get(to.timeline) ?? [])]
  const begins = ancestry.findIndex(branch => branch.parent === from.timeline)
  const names: string[] = []
  let { timeline, index } = from
  if (begins >= 0) {
    const left = segmentAt(ancestry[begins]!.switchLsn, timeline, segmentBytes).index
    if (left < index) return undefined
    for (const [at, branch] of ancestry.slice(begins).entries()) {
      const switchIndex = segmentAt(branch.switchLsn, timeline, segmentBytes).index
      // The segment of the switch itself stands under the new timeline's number: recovery takes it from there.
      for (; index < switchIndex; index++) names.push(segmentText({ timeline, index }, segmentBytes))
      timeline = ancestry[begins + at + 1]?.parent ?? to.timeline
    }
  } else if (timeline !== to.timeline) {
    return undefined
  }
  for (; index <= to.index; index++) names.push(segmentText({ timeline, index }, segmentBytes))
  return names
}

/** The PG timeline that a position belongs to, on the way to the newest one of an archive. */
export function timelineAt ({ histories }: Pick<ArchivedWal, 'histories'>, newest: number, lsn: string): number {
  return histories.get(newest)?.find(branch => lsnBytes(branch.switchLsn) > lsnBytes(lsn))?.parent ?? newest
}

/** Neighbours that the same backups miss, as one gap. */
function gapsOf (missing: ReadonlyMap<string, ReadonlySet<string>>, segmentBytes: number): Gap[] {
  const gaps: Gap[] = []
  for (const [name, labels] of [...missing].sort(([a], [b]) => a < b ? -1 : 1)) {
    const backups = [...labels].sort()
    const previous = gaps.at(-1)
    const isNext = previous !== undefined && previous.backups.join() === backups.join() &&
      segmentText({ timeline: parseSegment(name, segmentBytes).timeline, index: parseSegment(name, segmentBytes).index - 1 }, segmentBytes) === previous.last
    if (isNext) Object.assign(previous, { last: name, count: previous.count + 1 })
    else gaps.push({ backups, first: name, last: name, count: 1 })
  }
  return gaps
}

function segmentsPerLog (segmentBytes: number): number {
  return 2 ** 32 / segmentBytes
}
