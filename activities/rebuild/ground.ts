import { connect } from 'node:net'
import { chmod, chown, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { controlOf } from '../../src/control/control.js'
import { portsOf, type Rebuild } from '../../src/drill/rebuild.js'
import { DrillError } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { isWithin } from '../backup/place.js'
import { ignoreMissing } from '../is-there.js'

/** Says whose the ground is. It lies beside what is put there, so that a folder of somebody else is never removed. */
const marker = '.muster-rebuild'

type Drill = Pick<StepContext, 'drillId'>

/** Throws `scratch.notOurs` where the ground is in or around what lives. */
export function requireApart ({ root, source }: Rebuild): void {
  for (const { name, dataDir } of source.database.nodes) {
    if (isWithin(dataDir, root) || isWithin(root, dataDir)) throw new DrillError('scratch.notOurs', `${root} lies in or around the live cluster of ${name} (${dataDir}): a system there would overwrite it`)
  }
}

/** What is in the way of an empty machine; empty = nothing. What this very drill has put there is not. */
export async function inTheWay (rebuild: Rebuild, drill: Drill): Promise<string[]> {
  const owner = await ownerOf(rebuild)
  if (owner === drill.drillId) return []
  const found = await readdir(rebuild.root).catch(ignoreMissing) ?? []
  const taken = await openPorts(rebuild)
  return [
    ...(owner === undefined ? [] : [`${rebuild.root} holds what drill ${owner} put there`]),
    ...(owner === undefined && found.some(name => name !== marker) ? [`${rebuild.root} is not empty and not ours: it holds ${found.slice(0, 3).join(', ')}`] : []),
    ...taken.map(port => `port ${port} is taken`),
  ]
}

/** Takes the ground for this drill, or finds it taken by it. Throws `scratch.notOurs`. */
export async function takeGround (rebuild: Rebuild, drill: Drill): Promise<void> {
  requireApart(rebuild)
  const problems = await inTheWay(rebuild, drill)
  if (problems.length > 0) throw new DrillError('scratch.notOurs', `${problems.join('; ')}: nothing was touched`)
  // Its user must get through to what lies below, and owns it, for its servers make files there.
  await makeFolder(rebuild, rebuild.root, 0o711)
  await writeFile(join(rebuild.root, marker), `${drill.drillId}\n`, { mode: 0o600 })
  for (const folder of rebuild.folders) await makeFolder(rebuild, join(rebuild.root, folder), 0o711)
}

/** Throws `scratch.notOurs` where this drill has not taken the ground. */
export async function requireGround (rebuild: Rebuild, drill: Drill): Promise<void> {
  const owner = await ownerOf(rebuild)
  if (owner !== drill.drillId) throw new DrillError('scratch.notOurs', `${rebuild.root} is not this drill's (${owner ?? 'nobody has taken it'}): rebuild.configure takes it`)
}

/** What of a system that was brought up is still there, as far as it is this drill's. */
export async function leftOn (rebuild: Rebuild, drill: Drill): Promise<string[]> {
  const owner = await ownerOf(rebuild)
  if (owner !== drill.drillId) return await isBare(rebuild) ? [`${rebuild.root} is still there, and empty`] : []
  const all = [{ name: 'the database', control: rebuild.database.control }, ...rebuild.cache ? [{ name: 'the cache', control: rebuild.cache.control }] : [], ...rebuild.services]
  const alive = await Promise.all(all.map(async ({ name, control }) => await controlOf(control).alive() ? [`${name} still runs`] : []))
  return [`${rebuild.root} is still there`, ...alive.flat()]
}

/** Removes everything on the ground. Its servers must be dead. Its being gone, or somebody else's, is fine. */
export async function clearGround (rebuild: Rebuild, drill: Drill): Promise<boolean> {
  if (await ownerOf(rebuild) !== drill.drillId && !await isBare(rebuild)) return false
  // The marker goes last: a removal that is killed half-way can be taken up.
  for (const entry of await readdir(rebuild.root)) if (entry !== marker) await rm(join(rebuild.root, entry), { recursive: true, force: true, maxRetries: 3 })
  await rm(rebuild.root, { recursive: true, force: true })
  return true
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

async function ownerOf ({ root }: Pick<Rebuild, 'root'>): Promise<string | undefined> {
  const there = await lstat(root).catch(ignoreMissing)
  if (there?.isDirectory() !== true) return undefined
  const name = (await readFile(join(root, marker), 'utf8').catch(ignoreMissing))?.trim()
  return name === '' ? undefined : name
}

/** Whether it is an empty folder, or one whose mark names nobody: what a try leaves that was killed before it had marked its ground. */
async function isBare (rebuild: Pick<Rebuild, 'root'>): Promise<boolean> {
  if (await ownerOf(rebuild) !== undefined) return false
  const there = await lstat(rebuild.root).catch(ignoreMissing)
  return there?.isDirectory() === true && (await readdir(rebuild.root)).every(name => name === marker)
}
