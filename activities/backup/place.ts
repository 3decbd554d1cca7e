import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { Backup, DatabaseCluster } from '../../src/drill/environment.js'
import type { ResolvedTarget } from '../../src/drill/target.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { ignoreMissing, thoseThere } from '../is-there.js'

/** Where the copy of one step lies: always the same for the same step, so that a retry and the undo find it. */
export interface Place {
  dir: string
  dataDir: string
  /** A socket's path may have 107 bytes only, so it lies outside. */
  socketDir: string
  /** Of its socket's name; a copy has a folder of its own for it, and needs none. */
  port?: number
  logFile: string
  /** Segments that are looked into. */
  walDir: string
  markFile: string
}

/** Whose copy it is, and how far it has come: written by the worker beside the data. */
export interface Mark {
  drillId: string
  stepId: string
  /** What was decided: a retry follows it, whatever the repository holds by then. */
  plan?: RestorePlan
  /** Set once every file is there. */
  restoreMs?: number
}

export interface RestorePlan {
  set: string
  bytes: number
  startLsn: string
  startSegment: string
  /** How long the target was looked for in the archived WAL, and how much of it was read; a position needs no more than its own record. */
  found?: { ms: number, bytes?: number }
  /** With the PG timeline that it lies on. */
  target?: ResolvedTarget & { timeline: number }
}

type Step = Pick<StepContext, 'drillId' | 'stepId'>

/** Space beside the cluster itself: WAL to replay, and what a server writes. */
const roomBytes = 160 * 1024 * 1024

export function placeOf ({ scratchDir }: Pick<Backup, 'scratchDir'>, { drillId, stepId }: Step): Place {
  const dir = join(scratchDir, `${drillId}.${stepId}`)
  return {
    dir,
    dataDir: join(dir, 'data'),
    socketDir: `/tmp/muster-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`,
    logFile: join(dir, 'server.log'),
    walDir: join(dir, 'wal'),
    markFile: join(dir, 'muster.json'),
  }
}

/**
 * Takes the folder for a copy, or finds it taken by this very step. Throws `scratch.notOurs` where it is a live cluster's, or holds
 * what no step of Muster put there; nothing is touched then.
 */
export async function takePlace (backup: Backup, database: DatabaseCluster | undefined, step: Step, place = placeOf(backup, step)): Promise<{ place: Place, mark: Mark }> {
  for (const node of database?.nodes ?? []) {
    if (isWithin(node.dataDir, place.dir) || isWithin(backup.scratchDir, node.dataDir)) {
      throw new DrillError('scratch.notOurs', `${place.dir} lies in or around the live cluster of ${node.name} (${node.dataDir}): a copy there would overwrite it`)
    }
  }
  const mark = await readMark(place)
  if (mark) {
    if (mark.drillId !== step.drillId || mark.stepId !== step.stepId) throw new DrillError('scratch.notOurs', `${place.dir} holds the copy of step ${mark.stepId} of drill ${mark.drillId}`)
    for (const dir of [place.walDir, place.socketDir]) await own(backup, dir)
    return { place, mark }
  }
  const found = await strangersIn(place)
  if (found.length > 0) throw new DrillError('scratch.notOurs', `${place.dir} is not empty and not ours: it holds ${found.slice(0, 3).join(', ')}`)
  // The folder of all copies is somebody's to make and to protect.
  await mkdir(backup.scratchDir, { recursive: true }).catch((cause: unknown) => { throw new DrillError('scratch.notOurs', `${backup.scratchDir} cannot be made: ${messageOf(cause)}`, { cause }) })
  // The mark comes first: a folder with anything in it and no mark is somebody else's.
  await own(backup, place.dir)
  const fresh: Mark = { drillId: step.drillId, stepId: step.stepId }
  await writeMark(place, fresh)
  for (const dir of [place.walDir, place.socketDir]) await own(backup, dir)
  return { place, mark: fresh }
}

/** Throws `scratch.full`. Asked before the first byte is written. */
export async function requireSpace (backup: Backup, clusterBytes: number): Promise<void> {
  // The folder may not be there yet: its nearest ancestor is on the same disk.
  const { bavail, bsize } = await statfs(backup.scratchDir).catch(() => statfs(resolve(backup.scratchDir, '..')))
  const needed = Math.ceil(clusterBytes * 1.1) + roomBytes
  if (bavail * bsize < needed) throw new DrillError('scratch.full', `${backup.scratchDir} has ${bytesText(bavail * bsize)} free, and a copy of ${bytesText(clusterBytes)} needs ${bytesText(needed)}`)
}

/** Whole or not at all: a copy whose mark was torn would be nobody's, and stay. */
export async function writeMark ({ markFile }: Place, mark: Mark): Promise<void> {
  const fresh = freshOf(markFile)
  await rm(fresh, { force: true })
  await writeFile(fresh, JSON.stringify(mark), { mode: 0o600, flag: 'wx' })
  await rename(fresh, markFile)
}

/** Whether a place may be cleared: it is marked as this step's, or has nothing in it. */
export async function isOwnPlace (place: Place, { drillId, stepId }: Step): Promise<boolean> {
  const mark = await readMark(place).catch(() => undefined)
  if (mark) return mark.drillId === drillId && mark.stepId === stepId
  return (await strangersIn(place)).length === 0
}

/** What of a place is still there. */
export async function leftAt (place: Place): Promise<string[]> {
  return await thoseThere([place.dir, place.socketDir])
}

/** Removes a copy's folders. Its server must be dead. */
export async function clearPlace (place: Place): Promise<void> {
  await rm(place.socketDir, { recursive: true, force: true, maxRetries: 3 })
  await clearDir(place)
}

/** The mark, which says whose it is, goes last: a removal that is killed half-way can be taken up. */
export async function clearDir ({ dir, markFile }: Pick<Place, 'dir' | 'markFile'>): Promise<void> {
  const paths = (await readdir(dir).catch(ignoreMissing) ?? []).map(name => join(dir, name)).filter(path => path !== markFile)
  for (const path of [...paths, dir]) await rm(path, { recursive: true, force: true, maxRetries: 3 })
}

/** What is in a place that has no mark. A mark that was begun is none. */
async function strangersIn ({ dir, markFile }: Place): Promise<string[]> {
  return (await readdir(dir).catch(ignoreMissing) ?? []).filter(name => join(dir, name) !== freshOf(markFile))
}

function freshOf (markFile: string): string {
  return `${markFile}.new`
}

/** Makes a folder of the copy's own user that nobody else can enter; a link or somebody else's folder at its place is refused. */
async function own ({ runAs }: Backup, dir: string): Promise<void> {
  await mkdir(dir, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw new DrillError('scratch.notOurs', `${dir} cannot be made: ${messageOf(error)}`, { cause: error })
    const there = await lstat(dir)
    const ours = [process.getuid?.(), runAs?.uid].includes(there.uid)
    if (!there.isDirectory() || !ours) throw new DrillError('scratch.notOurs', `${dir} is there already, and is not ours`)
  })
  await chmod(dir, 0o700)
  if (runAs && process.getuid?.() === 0) await chown(dir, runAs.uid, runAs.gid)
}

async function readMark ({ markFile }: Place): Promise<Mark | undefined> {
  const text = await readFile(markFile, 'utf8').catch(ignoreMissing)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Mark
  } catch {
    throw new DrillError('scratch.notOurs', `${markFile} is damaged: whose copy this is cannot be told`)
  }
}

/** Whether `inner` is `outer` or lies below it. */
export function isWithin (outer: string, inner: string): boolean {
  const way = relative(resolve(outer), resolve(inner))
  return way === '' || (!way.startsWith('..') && !way.startsWith('/'))
}
