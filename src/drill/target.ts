import type { BackupSet } from './backup.js'
import { lsnBytes } from './loss.js'

/** Where a recovery shall stop, as a person says it: exactly one of the four. Without any it goes to the end of the archive. */
export interface RecoveryTarget {
  /** An ISO time with its zone: all that was committed until then. */
  time?: string
  /** A transaction, decimal. */
  xid?: string
  /** A WAL position: the start of a commit record belongs to `inclusive`, its end to exclusive. */
  lsn?: string
  /** A restore point. */
  name?: string
  /** Whether the target itself is in. Default true. */
  inclusive?: boolean
}

/** One commit as the WAL has it. `lsn`: the start of its record. */
export interface Commit { xid: string, lsn: string, committedAt: string, committedAtMs: number }

/** A target that says what recovery is told and which line of its log proves it. */
export interface ResolvedTarget {
  type: 'xid' | 'lsn' | 'name'
  value: string
  inclusive: boolean
  /** What the log must say where recovery stops, without its time. */
  proof: string
  /** Where the record begins that recovery stops at: behind it where the target is inclusive, else before it. */
  lsn: string
  /** In words. */
  text: string
}

const zoned = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s*(Z|[+-]\d{2}(:?\d{2})?)$/
const local = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$/

/** Microseconds since 1970 of a time with its zone: PostgreSQL's own precision. Throws a RangeError. */
export function targetTimeMicros (text: string): bigint {
  if (local.test(text.trim())) throw new RangeError(`${text} has no zone: it would mean another moment on every machine, and twice the same in the night when clocks go back; add Z or +01:00`)
  if (!zoned.test(text.trim())) throw new RangeError(`${text} is no time; write 2026-11-24T14:03:07Z or 2026-11-24T15:03:07.123456+01:00`)
  const iso = text.trim().replace(' ', 'T').replace(/\s+/g, '').replace(/([+-]\d{2})$/, '$1:00').replace(/([+-]\d{2})(\d{2})$/, '$1:$2')
  const [, head, fraction = '', zone] = /^(.*?:\d{2}(?::\d{2})?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/.exec(iso)!
  const ms = Date.parse(`${head}${zone}`)
  if (Number.isNaN(ms)) throw new RangeError(`there is no such time as ${text}`)
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0'))
}

/** Throws a RangeError where none or more than one of the four is given, or one is malformed. */
export function checkTarget (target: RecoveryTarget): void {
  const given = (['time', 'xid', 'lsn', 'name'] as const).filter(key => target[key] !== undefined)
  if (given.length !== 1) throw new RangeError(given.length === 0 ? 'the target says neither time, xid, lsn nor name' : `the target says ${given.join(' and ')}: one of them must do`)
  if (target.time !== undefined) targetTimeMicros(target.time)
  if (target.xid !== undefined && !/^[1-9]\d{0,19}$/.test(target.xid)) throw new RangeError(`${target.xid} is no transaction number`)
  if (target.lsn !== undefined && !/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/.test(target.lsn)) throw new RangeError(`${target.lsn} is no WAL position; write 0/4212D8C0`)
  if (target.name !== undefined && (target.name.length > 63 || /['\n]/.test(target.name))) throw new RangeError(`${JSON.stringify(target.name)} is no name of a restore point`)
}

/**
 * Where a time lies among the commits, as the transaction to stop at: the last one at or before it, or for an exclusive target the
 * first one at or after it. `commits` in the order of the WAL. Throws a RangeError where nothing follows it: recovery cannot
 * know that it has got there.
 */
export function commitAtTime (commits: readonly Commit[], target: { time: string, inclusive: boolean }): { commit: Commit, inclusive: boolean } {
  const micros = targetTimeMicros(target.time)
  const next = commits.findIndex(commit => target.inclusive ? commitMicros(commit) > micros : commitMicros(commit) >= micros)
  if (next === -1) throw new RangeError(`no commit follows ${target.time} in the archive, so nobody can tell where it lies; the last one is of ${commits.at(-1)?.committedAt ?? 'never'}`)
  // Two commits of one microsecond cannot be told apart by time: the one after the wanted place decides.
  return next === 0 ? { commit: commits[0]!, inclusive: false } : target.inclusive ? { commit: commits[next - 1]!, inclusive: true } : { commit: commits[next]!, inclusive: false }
}

/** The microseconds of a commit, of what pg_waldump prints (`2026-11-24 19:45:31.331159 UTC`). */
export function commitMicros ({ committedAt }: Commit): bigint {
  return targetTimeMicros(committedAt.replace(/ (UTC|GMT)$/, 'Z'))
}

/** Before or after: what recovery's log says of where it stopped. */
export function proofOf (type: ResolvedTarget['type'], value: string, inclusive: boolean): string {
  switch (type) {
    case 'xid': return `recovery stopping ${inclusive ? 'after' : 'before'} commit of transaction ${value}`
    case 'lsn': return `recovery stopping ${inclusive ? 'after' : 'before'} WAL location (LSN) "${value}"`
    case 'name': return `recovery stopping at restore point "${value}"`
  }
}

/** Whether a record that begins at a position is replayed on the way to a target: recovery stops before or after whole records. */
export function isReplayed (recordLsn: string, { lsn, inclusive }: Pick<ResolvedTarget, 'lsn' | 'inclusive'>): boolean {
  return inclusive ? lsnBytes(recordLsn) <= lsnBytes(lsn) : lsnBytes(recordLsn) < lsnBytes(lsn)
}

/** A position as the server's log prints it. */
export function canonicalLsn (lsn: string): string {
  return lsn.toUpperCase().split('/').map(part => part.replace(/^0+(?=.)/, '')).join('/')
}

/** The newest set that was consistent before a position. pgBackRest itself does not choose one for xid and name. */
export function setBefore (sets: readonly BackupSet[], lsn: string): BackupSet | undefined {
  const consistent = sets.filter(set => lsnBytes(set.stopLsn) <= lsnBytes(lsn))
  return consistent.sort((a, b) => lsnBytes(a.stopLsn) - lsnBytes(b.stopLsn)).at(-1)
}
