import { chmod, lchown, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { ManifestEntry } from '../../src/drill/manifest.js'
import { movedPath, movedText, type Rebuild } from '../../src/drill/rebuild.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { isWithin } from '../backup/place.js'
import { isThere } from '../is-there.js'
import { readManifest } from '../restore/configuration-open.js'
import { clearGround, leftOn, makeFolder, takeGround } from './ground.js'

/** Takes the empty machine, and puts the opened configuration where it belongs there. Its undo leaves the machine empty. */
export const rebuildConfigure: Action<ActionInputs['rebuild.configure']> = {
  async do ({ rebuild, folder }, context) {
    const { entries } = readManifest(folder)
    const outside = entries.find(({ path }) => !isWithin(rebuild.root, movedPath(rebuild, path)))
    if (outside) throw new DrillError('scratch.notOurs', `${outside.path} of the sealed configuration would go to ${movedPath(rebuild, outside.path)}, outside of ${rebuild.root}: say in rebuild.moved where it belongs`)
    await takeGround(rebuild, context)
    let changed = 0
    for (const entry of entries) if (await place(rebuild, folder, entry)) changed++
    const files = entries.filter(({ kind }) => kind === 'file').length
    return { summary: `placed ${files} files below ${rebuild.root}, ${changed} of them with what is called otherwise here`, output: { files, changed } }
  },

  async verify ({ rebuild }, context) {
    const left = await leftOn(rebuild, context)
    return { undone: left.length === 0, summary: left.length === 0 ? `nothing of this drill is at ${rebuild.root}` : left.join('; ') }
  },

  async undo ({ rebuild }, context) {
    return await clearGround(rebuild, context) ? `removed everything below ${rebuild.root}` : `nothing of this drill was at ${rebuild.root}`
  },
}

/** Puts one file, folder or link in its place, whole or not at all. Whether its text was changed. */
async function place (rebuild: Rebuild, folder: string, { path, kind, mode, uid, gid }: ManifestEntry): Promise<boolean> {
  const to = movedPath(rebuild, path)
  const fresh = `${to}.new`
  if (kind === 'folder') {
    await makeFolder({}, to, mode)
    await own(to)
    return false
  }
  if (!await isThere(dirname(to))) await mkdir(dirname(to), { recursive: true, mode: 0o711 })
  await rm(fresh, { force: true })
  if (kind === 'link') {
    await symlink(movedPath(rebuild, await readlink(join(folder, path))), fresh)
    await own(fresh)
    await rename(fresh, to)
    return false
  }
  const sealed = await readFile(join(folder, path))
  const content = isText(sealed) && !isVerbatim(rebuild, path) ? Buffer.from(movedText(rebuild, sealed.toString('utf8'))) : sealed
  await writeFile(fresh, content, { mode: 0o600, flag: 'wx' })
  await own(fresh)
  await chmod(fresh, mode)
  await rename(fresh, to)
  return !content.equals(sealed)

  /** Only root can give files away; another user's system is all its own. */
  async function own (at: string): Promise<void> {
    if (process.getuid?.() === 0) await lchown(at, uid, gid)
  }
}

function isVerbatim ({ verbatim = [] }: Rebuild, path: string): boolean {
  return verbatim.some(one => path === one || path.startsWith(`${one}/`))
}

function isText (content: Buffer): boolean {
  return !content.includes(0) && Buffer.from(content.toString('utf8')).equals(content)
}
