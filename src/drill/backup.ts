import { durationMs, durationText } from './duration.js'
import type { BackupPolicy } from './environment.js'

export type BackupType = 'full' | 'diff' | 'incr'

/** One backup set, as the repository's own catalogue has it. Times are those of the backup, epoch ms. */
export interface BackupSet {
  label: string
  type: BackupType
  startedAtMs: number
  endedAtMs: number
  /** Recovery from this set starts with this segment, and is consistent with the other. */
  startSegment: string
  stopSegment: string
  startLsn: string
  stopLsn: string
  /** Of the cluster, and what the set takes in the repository beside the sets that it refers to. */
  bytes: number
  repositoryBytes: number
  /** Page checksums were found wrong while it was made: the live cluster was corrupt. The backup's exit code was 0. */
  pageErrors: boolean
  annotations: Readonly<Record<string, string>>
  /** Which cluster it is of: `systemId` of the catalogue's line. */
  databaseId: number
}

/** A transaction that touched no table, whose commit record is proven to be in the repository. */
export interface ArchivedCanary {
  /** Decimal, with epoch. */
  xid: string
  /** Where its commit record ends, at most. */
  lsn: string
  segment: string
  /** PG timeline that it was committed on. */
  timeline: number
}

/** What the repository says of one stanza. */
export interface Repository {
  sets: readonly BackupSet[]
  databases: ReadonlyArray<{ id: number, systemId: string, version: string }>
  backupRuns: boolean
  /** Where it is encrypted. */
  cipher: string
}

export interface Freshness {
  /** Why it is not good, in words; empty = good. */
  problems: string[]
  /** What is noteworthy and no failure. */
  remarks: string[]
  newest?: BackupSet
  newestFull?: BackupSet
}

/** The cluster that the backups should be of. `systemId` as pg_control_system() says it. */
export interface LiveCluster { systemId: string, major: string }

/**
 * Whether there is a backup of this very cluster that is young enough, by the catalogue's own times: a log of the job that makes
 * them may be green while nothing is made.
 */
export function judgeFreshness ({ sets, databases }: Repository, policy: BackupPolicy, live: LiveCluster, nowMs: number): Freshness {
  const current = databases.reduce<Repository['databases'][number] | undefined>((last, one) => last === undefined || one.id > last.id ? one : last, undefined)
  const problems: string[] = []
  if (current !== undefined && current.systemId !== live.systemId) {
    problems.push(`the backups are of another cluster: system-id ${current.systemId}, the live one is ${live.systemId}`)
  }
  if (current !== undefined && current.version !== live.major) problems.push(`the backups are of PostgreSQL ${current.version}, the live server is ${live.major}`)
  const ours = sets.filter(set => set.databaseId === current?.id).sort((a, b) => a.endedAtMs - b.endedAtMs)
  const newest = ours.at(-1)
  const newestFull = ours.filter(set => set.type === 'full').at(-1)
  if (newest === undefined) return { problems: [...problems, 'there is no backup'], remarks: [] }
  problems.push(...[tooOld('backup', newest, policy.maxAge, nowMs), tooOld('full backup', newestFull, policy.fullMaxAge, nowMs)].flat())
  for (const set of ours.filter(set => set.pageErrors)) problems.push(`${set.label} holds pages with wrong checksums: the live cluster was corrupt when it was made`)
  if (newest.endedAtMs - nowMs > 60_000) problems.push(`${newest.label} ended ${durationText(newest.endedAtMs - nowMs)} in the future: a clock is wrong, so no age can be told`)
  const { problem, remark } = trendOf(newest, ours.slice(0, -1), policy)
  return { problems: [...problems, ...problem], remarks: remark, newest, newestFull }
}

function tooOld (what: string, set: BackupSet | undefined, limit: string, nowMs: number): string[] {
  if (set === undefined) return [`there is no ${what}`]
  const ageMs = nowMs - set.endedAtMs
  return ageMs > durationMs(limit) ? [`the newest ${what}, ${set.label}, is ${durationText(ageMs)} old, allowed are ${limit}`] : []
}

/** A backup that is done sooner says nothing by its length: waiting for others is most of it. */
const leastTookMs = 60_000

/** Size and duration of the newest backup against the median of the earlier ones of its type. Three of them make a trend. */
function trendOf (newest: BackupSet, earlier: readonly BackupSet[], { sizeFactor = 3, timeFactor = 5 }: BackupPolicy): { problem: string[], remark: string[] } {
  const same = earlier.filter(set => set.type === newest.type)
  if (same.length < 3) return { problem: [], remark: [`${same.length} earlier ${newest.type} backup${same.length === 1 ? '' : 's'}: too few for a trend`] }
  const size = newest.bytes / median(same.map(set => set.bytes))
  const tookMs = (set: BackupSet): number => set.endedAtMs - set.startedAtMs
  const usualMs = median(same.map(tookMs))
  const text = `${percent(size)} of the median size and ${percent(tookMs(newest) / Math.max(1000, usualMs))} of the median time of ${same.length} earlier ${newest.type} backups`
  const isUnusual = size > sizeFactor || size < 1 / sizeFactor || tookMs(newest) > Math.max(leastTookMs, usualMs * timeFactor)
  return isUnusual ? { problem: [`${newest.label} has ${text}`], remark: [] } : { problem: [], remark: [text] }
}

function percent (factor: number): string {
  return `${Math.round(factor * 100)} %`
}

function median (values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
