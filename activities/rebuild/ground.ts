import { connect } from 'node:net'
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { controlOf } from '../../src/control/control.js'
import { portsOf, type Rebuild } from '../../src/drill/rebuild.js'
import { DrillError } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { isWithin } from '../backup/place.js'
import { ignoreMissing, thoseThere } from '../is-there.js'

/** Says whose the ground is. It lies beside what is put there, so that a folder of somebody else is never removed. */
const marker = '.muster-rebuild'
const unfinished = `${marker}.new`

/** `was`: of a folder that was there before, which stays, as it was. */
interface Mark { drillId: string, was?: { mode: number, uid: number, gid: number } }

type Drill = Pick<StepContext, 'drillId'>

/** Throws `scratch.notOurs` where the ground is in or around what lives. */
export function requireApart ({ root, source }: Rebuild): void {
  for (const { name, dataDir } of source.database.nodes) {
    if (isWithin(dataDir, root) || isWithin(root, dataDir)) throw new DrillError('scratch.notOurs', `${root} lies in or around the live cluster of ${name} (${dataDir}): a system there would overwrite it`)
  }
}

/** What is in the way of an empty machine; empty = nothing. What this very drill has put there is not. */
export async function inTheWay (rebuild: Rebuild, drill: Drill): Promise<string[]> {
  const owner = (await markOn(rebuild))?.drillId
  if (owner === drill.drillId) return []
  const found = await readdir(rebuild.root).catch(ignoreMissing) ?? []
  const taken = await openPorts(rebuild)
  return [
    ...(owner === undefined ? [] : [`${rebuild.root} holds what drill ${owner} put there`]),
    ...(owner === undefined && found.some(isForeign) ? [`${rebuild.root} is not empty and not ours: it holds ${found.slice(0, 3).join(', ')}`] : []),
    ...taken.map(port => `port ${port} is taken`),
  ]
}

/** Takes the ground for this drill, or finds it taken by it. Throws `scratch.notOurs`. */
export async function takeGround (rebuild: Rebuild, drill: Drill): Promise<void> {
  requireApart(rebuild)
  const problems = await inTheWay(rebuild, drill)
  if (problems.length > 0) throw new DrillError('scratch.notOurs', `${problems.join('; ')}: nothing was touched`)
  if (await markOn(rebuild) === undefined) await mark(rebuild, drill)
  // Its user must get through to what lies below, and owns it, for its servers make files there.
  for (const folder of ['', ...rebuild.folders]) await makeFolder(rebuild, join(rebuild.root, folder), 0o711)
}

/** A folder that is not there yet appears with its mark; in one that is there, a mount point maybe, the mark says how to leave it. */
async function mark ({ root }: Rebuild, { drillId }: Drill): Promise<void> {
  const there = await lstat(root).catch(ignoreMissing)
  const folder = there ? root : asideOf(root, drillId)
  if (!there) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const text = JSON.stringify({ drillId, ...there ? { was: { mode: there.mode & 0o7777, uid: there.uid, gid: there.gid } } : {} } satisfies Mark)
  await writeFile(join(folder, unfinished), `${text}\n`, { mode: 0o600 })
  await rename(join(folder, unfinished), join(folder, marker))
  if (!there) await rename(folder, root)
}

/** Where the ground is while it is made, and while it is removed. */
function asideOf (root: string, drillId: string): string {
  return `${root.replace(/\/+$/, '')}.${drillId}`
}

/** Throws `scratch.notOurs` where this drill has not taken the ground. */
export async function requireGround (rebuild: Rebuild, drill: Drill): Promise<void> {
  const owner = (await markOn(rebuild))?.drillId
  if (owner !== drill.drillId) throw new DrillError('scratch.notOurs', `${rebuild.root} is not this drill's (${owner ?? 'nobody has taken it'}): rebuild.configure takes it`)
}

/** What of a system that was brought up is still there, as far as it is this drill's. */
export async function leftOn (rebuild: Rebuild, drill: Drill): Promise<string[]> {
  const { root } = rebuild
  const mark = await markOn(rebuild)
  if (mark?.drillId !== drill.drillId) return (await begun(rebuild, drill, mark)).map(path => `${path} is still there`)
  const all = [{ name: 'the database', control: rebuild.database.control }, ...rebuild.cache ? [{ name: 'the cache', control: rebuild.cache.control }] : [], ...rebuild.services]
  const alive = await Promise.all(all.map(async ({ name, control }) => await controlOf(control).alive() ? [`${name} still runs`] : []))
  return [`what this drill put at ${root} is still there`, ...alive.flat()]
}

/** Removes everything on the ground. Its servers must be dead. Its being gone, or somebody else's, is fine. */
export async function clearGround (rebuild: Rebuild, drill: Drill): Promise<boolean> {
  const { root } = rebuild
  const mark = await markOn(rebuild)
  if (mark?.drillId !== drill.drillId) {
    const paths = await begun(rebuild, drill, mark)
    for (const path of paths) await rm(path, { recursive: true, force: true, maxRetries: 3 })
    return paths.length > 0
  }
  if (mark.was === undefined) {
    const aside = asideOf(root, drill.drillId)
    await rename(root, aside)
    await rm(aside, { recursive: true, force: true, maxRetries: 3 })
    return true
  }
  // The mark goes last: a removal that is killed half-way can be taken up.
  for (const entry of await readdir(root)) if (entry !== marker) await rm(join(root, entry), { recursive: true, force: true, maxRetries: 3 })
  await chmod(root, mark.was.mode)
  if (process.getuid?.() === 0) await chown(root, mark.was.uid, mark.was.gid)
  await rm(join(root, marker))
  return true
}

/** What a try leaves that was killed before it had marked its ground, or after it had taken the mark away. */
async function begun (rebuild: Rebuild, { drillId }: Drill, mark: Mark | undefined): Promise<string[]> {
  const marks = mark === undefined ? [marker, unfinished] : []
  return await thoseThere([asideOf(rebuild.root, drillId), ...marks.map(name => join(rebuild.root, name))])
}

/** A folder of the system's own user; one that is there stays. */
export async function makeFolder ({ runAs }: Pick<Rebuild, 'runAs'>, path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode })
  await chmod(path, mode)
  if (runAs && process.getuid?.() === 0) await chown(path, runAs.uid, runAs.gid)
}

/** Ports of the system on which something listens on this machine. */
export async function openPorts (rebuild: Pick<Rebuild, 'database' | 'cache' | 'services'>): Promise<number[]> {
  const asked = await Promise.all(portsOf(rebuild).map(async port => await accepts(port) ? [port] : []))
  return asked.flat()
}

/** Whether something accepts a connection on loopback. */
export async function accepts (port: number, timeoutMs = 1_000): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (result: boolean): void => { socket.destroy(); resolve(result) }
    socket.setTimeout(timeoutMs, () => { end(false) })
    socket.once('connect', () => { end(true) })
    socket.once('error', () => { end(false) })
  })
}

/** Undefined where nobody has taken it; a mark that is empty names nobody. Throws `scratch.notOurs` where it is no mark of ours. */
async function markOn ({ root }: Pick<Rebuild, 'root'>): Promise<Mark | undefined> {
  const there = await lstat(root).catch(ignoreMissing)
  if (there?.isDirectory() !== true) return undefined
  const path = join(root, marker)
  const text = await readFile(path, 'utf8').catch(ignoreMissing)
  return text === undefined || text.trim() === '' ? undefined : parseMark(text, path)
}

function parseMark (text: string, path: string): Mark {
  try {
    const mark = JSON.parse(text) as Mark | null
    if (typeof mark?.drillId === 'string') return mark
  } catch { /* No JSON is no mark of ours either. */ }
  throw new DrillError('scratch.notOurs', `${path} is no mark of a drill: look at what lies there, and remove it by hand`)
}

function isForeign (name: string): boolean {
  return name !== marker && name !== unfinished
}
