import type { RestorePhase } from './recovery-rate.js'
import type { ResolvedTarget } from './target.js'

/**
 * A database restored into a folder of its own, with a server that listens on a socket only. Output of `backup.restore`, input of all
 * that looks at it.
 */
export interface Copy {
  /** Everything of it lies here, but for its socket. */
  dir: string
  dataDir: string
  /** `psql -h SOCKETDIR`, as the user of the copy. */
  socketDir: string
  /** Of its socket's name. Default 5432. */
  port?: number
  logFile: string
  /** The set that it was restored from. */
  set: string
  /** Where recovery was to stop; absent = at the end of the archive. */
  target?: ResolvedTarget
  /** PG timeline on which recovery was to end: the newest of the archive, or the one that the target lies on. */
  timeline: number
  /** First segment that was missing on the way to the end of the archive. */
  gap?: string
  state: 'paused' | 'promoted'
  /** Of the cluster, as the catalogue has it. */
  bytes: number
  phases: RestorePhase[]
}

/** What a server's log says of its last recovery; `fatal` of everything since. */
export interface RecoveryLog {
  consistentAtMs?: number
  /** `recovery stopping …`, whole; absent where recovery went to the end of the archive. */
  stopLine?: string
  /** Where redo ended: without a target the proof of how far it came. */
  redoDone?: string
  stoppedAtMs?: number
  selectedTimeline?: number
  /** When the last transaction that recovery brought was committed, by the clock of its primary. */
  lastCommitAtMs?: number
  startedAtMs?: number
  readyAtMs?: number
  /** The server's own reasons of an end. */
  fatal: string[]
}

const starting = 'starting PostgreSQL'
const lastTransaction = 'last completed transaction was at log time '
const line = /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}) UTC \[\d+\] (\w+): {2}(.*)$/

/** Reads a log written with `log_line_prefix = '%m [%p] '` in UTC and plain English. */
export function parseRecoveryLog (text: string): RecoveryLog {
  const lines = text.split('\n').flatMap(raw => {
    const match = line.exec(raw)
    return match ? [{ atMs: Date.parse(`${match[1]!.replace(' ', 'T')}Z`), level: match[2]!, words: match[3]! }] : []
  })
  // A server that was stopped and started again afterwards says nothing of its recovery any more.
  const recovery = lines.findLastIndex(({ words }) => /^starting (archive|point-in-time) recovery/.test(words))
  const start = lines.slice(0, recovery + 1).findLastIndex(({ words }) => words.startsWith(starting))
  const next = lines.findIndex(({ words }, index) => index > recovery && words.startsWith(starting))
  const log: RecoveryLog = { fatal: [] }
  for (const [index, { atMs, level, words }] of lines.entries()) {
    if (index < start) continue
    // "the database system is starting up" is what an impatient client hears.
    if ((level === 'FATAL' || level === 'PANIC') && !words.startsWith('the database system is')) log.fatal.push(words)
    if (next !== -1 && index >= next) continue
    if (words.startsWith(starting)) log.startedAtMs = atMs
    else if (words.startsWith('consistent recovery state reached')) log.consistentAtMs ??= atMs
    else if (words.startsWith('recovery stopping ')) Object.assign(log, { stopLine: words, stoppedAtMs: atMs })
    else if (words.startsWith('redo done at ')) Object.assign(log, { redoDone: /^redo done at ([0-9A-F]+\/[0-9A-F]+)/.exec(words)?.[1], stoppedAtMs: log.stoppedAtMs ?? atMs })
    else if (words.startsWith(lastTransaction)) log.lastCommitAtMs = serverTimeMs(words.slice(lastTransaction.length))
    else if (words.startsWith('selected new timeline ID: ')) log.selectedTimeline = Number(words.split(': ')[1])
    else if (words === 'database system is ready to accept connections') log.readyAtMs = atMs
  }
  return log
}

/** `2026-01-15 10:45:35.611542+00`, with the offset as PostgreSQL writes it. */
function serverTimeMs (text: string): number | undefined {
  const [, day, time, sign, hours, minutes = '00'] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d+)?)([+-])(\d{2})(?::?(\d{2}))?$/.exec(text) ?? []
  return day === undefined ? undefined : Date.parse(`${day}T${time}${sign}${hours}:${minutes}`)
}
