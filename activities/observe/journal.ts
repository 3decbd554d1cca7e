import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { WrittenCanary } from '../../src/drill/loss.js'
import { DrillError } from '../../src/errors.js'

/**
 * The record of canaries, outside the database under drill: one append-only file a run, `canaries/<drill>.<run>.jsonl` under the
 * data folder. A line is in the page cache before the canary is sent, so a SIGKILL of the worker loses none; losing the machine of
 * the worker may.
 */
export interface Journal {
  run: number
  issued: (writer: number, seq: number, atMs: number) => void
  acked: (writer: number, seq: number, atMs: number, xid: string, lsn: string) => void
  /** `issuedAtMs` only for one that was never sent and so has no line of its own. */
  refused: (writer: number, seq: number, atMs: number, error: string, issuedAtMs?: number) => void
  unknown: (writer: number, seq: number, atMs: number, error: string) => void
  close: () => void
}

interface Line { writer: number, seq: number, issued?: number, acked?: number, refused?: number, unknown?: number, xid?: string, lsn?: string, error?: string }

/** Opens the journal of a new run: one more than the highest that is there. */
export function openJournal (dataDir: string, drillId: string): Journal {
  mkdirSync(folderOf(dataDir), { recursive: true })
  let run = Math.max(0, ...runsOf(dataDir, drillId).map(file => file.run)) + 1
  let fd: number | undefined
  while (fd === undefined) {
    try {
      // An earlier attempt that is not dead yet must never share a file with this one.
      fd = openSync(join(folderOf(dataDir), `${drillId}.${run}.jsonl`), 'ax', 0o640)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      run++
    }
  }
  const file = fd
  const put = (line: Line): void => { writeSync(file, JSON.stringify(line) + '\n') }
  return {
    run,
    issued: (writer, seq, atMs) => { put({ writer, seq, issued: atMs }) },
    acked: (writer, seq, atMs, xid, lsn) => { put({ writer, seq, acked: atMs, xid, lsn }) },
    refused: (writer, seq, atMs, error, issuedAtMs) => { put({ writer, seq, issued: issuedAtMs, refused: atMs, error }) },
    unknown: (writer, seq, atMs, error) => { put({ writer, seq, unknown: atMs, error }) },
    close: () => { closeSync(file) },
  }
}

/** Every canary of a drill, of all runs. One without an outcome is unknown. Throws where a file cannot be read or understood. */
export function readJournals (dataDir: string, drillId: string): WrittenCanary[] {
  return runsOf(dataDir, drillId).flatMap(({ run, path }) => parseJournal(readFileSync(path, 'utf8'), run))
}

/** The canaries of one file's text. A half line at the very end is what a killed worker leaves, and is passed over. */
export function parseJournal (text: string, run: number): WrittenCanary[] {
  const canaries = new Map<string, WrittenCanary>()
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (index === lines.length - 1) break
    const { writer, seq, issued, acked, refused, unknown, xid, lsn, error } = parseLine(line, index)
    const key = `${writer}.${seq}`
    const canary = canaries.get(key) ?? { run, writer, seq, issuedAtMs: issued ?? NaN, outcome: 'unknown' as const }
    canaries.set(key, canary)
    const settledAtMs = acked ?? refused ?? unknown
    if (settledAtMs === undefined) continue
    Object.assign(canary, { outcome: acked !== undefined ? 'acked' : refused !== undefined ? 'refused' : 'unknown', settledAtMs, xid, lsn, error })
  }
  return [...canaries.values()]
}

function parseLine (text: string, index: number): Line {
  try {
    return JSON.parse(text) as Line
  } catch {
    throw new DrillError('component.unexpected', `line ${index + 1} of the canary journal is damaged`)
  }
}

/** What a run knew at last, for the attempt after it: heartbeats of Temporal are throttled and may be seconds older. */
export function saveLastWords (dataDir: string, drillId: string, words: unknown): void {
  mkdirSync(folderOf(dataDir), { recursive: true })
  const path = lastWordsFile(dataDir, drillId)
  writeFileSync(`${path}.new`, JSON.stringify(words), { mode: 0o640 })
  renameSync(`${path}.new`, path)
}

export function readLastWords (dataDir: string, drillId: string): unknown {
  try {
    return JSON.parse(readFileSync(lastWordsFile(dataDir, drillId), 'utf8'))
  } catch {
    // The first attempt, or one on another machine.
    return undefined
  }
}

export function forgetLastWords (dataDir: string, drillId: string): void {
  rmSync(lastWordsFile(dataDir, drillId), { force: true })
}

function runsOf (dataDir: string, drillId: string): Array<{ run: number, path: string }> {
  const names = listing(folderOf(dataDir))
  return names.flatMap(name => {
    if (!name.startsWith(`${drillId}.`)) return []
    const run = /^(\d+)\.jsonl$/.exec(name.slice(drillId.length + 1))?.[1]
    return run === undefined ? [] : [{ run: Number(run), path: join(folderOf(dataDir), name) }]
  }).sort((a, b) => a.run - b.run)
}

function listing (folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function folderOf (dataDir: string): string {
  return join(dataDir, 'canaries')
}

function lastWordsFile (dataDir: string, drillId: string): string {
  return join(folderOf(dataDir), `${drillId}.last-words.json`)
}
