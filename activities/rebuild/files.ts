import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import { movedPath } from '../../src/drill/rebuild.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Action } from '../action.js'
import { isWithin } from '../backup/place.js'
import { isThere, thoseThere } from '../is-there.js'
import { requireGround } from './ground.js'

/** Moves restored files from their scratch folder to where the services look for them. */
export const rebuildFiles: Action<ActionInputs['rebuild.files']> = {
  async do ({ rebuild, files, folder }, context) {
    await requireGround(rebuild, context)
    const places = placesOf({ rebuild, files })
    for (const { path, to } of places) {
      const from = join(folder, path)
      if (!isWithin(rebuild.root, to)) throw new DrillError('scratch.notOurs', `${path} would go to ${to}, outside of ${rebuild.root}: say in rebuild.moved where it belongs`)
      const [restored, placed] = await Promise.all([from, to].map(isThere))
      // An earlier try of this step has moved it.
      if (!restored && placed) continue
      if (!restored) throw new DrillError('backup.missing', `The restored files hold no ${path}`)
      await mkdir(dirname(to), { recursive: true, mode: 0o711 })
      await rename(from, to).catch((cause: unknown) => { throw new DrillError('scratch.notOurs', `${from} cannot be moved to ${to}: ${messageOf(cause)}`, { cause }) })
    }
    return { summary: `put ${places.map(({ to }) => to).join(', ')} in place`, output: {} }
  },

  async verify (input) {
    const left = await thoseThere(placesOf(input).map(({ to }) => to))
    return { undone: left.length === 0, summary: left.length === 0 ? 'no restored file is in place' : `still there: ${left.join(', ')}` }
  },

  async undo ({ rebuild, files }, context) {
    await requireGround(rebuild, context)
    for (const { to } of placesOf({ rebuild, files })) if (isWithin(rebuild.root, to)) await rm(to, { recursive: true, force: true, maxRetries: 3 })
    return 'removed the files that were put in place'
  },
}

function placesOf ({ rebuild, files }: Pick<ActionInputs['rebuild.files'], 'rebuild' | 'files'>): Array<{ path: string, to: string }> {
  return files.paths.map(path => ({ path, to: movedPath(rebuild, path) }))
}
