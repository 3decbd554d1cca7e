import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { controlOf } from '../../src/control/control.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { Backup } from '../../src/drill/environment.js'
import type { Rebuild } from '../../src/drill/rebuild.js'
import type { Action } from '../action.js'
import { endServer } from '../backup/end-server.js'
import { clearDir, isOwnPlace, type Place } from '../backup/place.js'
import { restoreTo } from '../backup/restore.js'
import { endRestores, restoresInto } from '../backup/restore-files.js'
import { thoseThere } from '../is-there.js'
import { requireGround } from './ground.js'

/**
 * The database on the empty machine: the newest backup, recovered to the end of the archive, under its own server. A retry goes on where
 * the one before it ended.
 */
export const rebuildDatabase: Action<ActionInputs['rebuild.database']> = {
  async do ({ rebuild, backup }, context) {
    await requireGround(rebuild, context)
    const control = controlOf(rebuild.database.control, { workDir: rebuild.database.dataDir })
    return await restoreTo({ backup, database: rebuild.source.database }, placeIn(rebuild, backup), async () => {
      await control.start()
      return control
    }, context)
  },

  async verify ({ rebuild, backup }, context) {
    const place = placeIn(rebuild, backup)
    if (!await isOwnPlace(place, context)) return { undone: true, summary: `${place.dir} holds nothing of this step` }
    const left = [
      ...await thoseThere([place.dir, place.dataDir]),
      ...await controlOf(rebuild.database.control, { workDir: place.dataDir }).alive() ? ['its server'] : [],
      ...restoresInto(place.dataDir).map(proc => `pgBackRest (process ${proc.pid})`),
    ]
    return { undone: left.length === 0, summary: left.length === 0 ? 'no process or file of the database is left' : `still there: ${left.join(', ')}` }
  },

  async undo ({ rebuild, backup }, context) {
    const place = placeIn(rebuild, backup)
    if (!await isOwnPlace(place, context)) return `${place.dir} holds nothing of this step`
    await endRestores(place.dataDir, context.signal)
    await endServer(rebuild.database.control, { workDir: place.dataDir })
    await rm(place.dataDir, { recursive: true, force: true, maxRetries: 3 })
    await clearDir(place)
    return `removed the database in ${place.dataDir}`
  },
}

function placeIn ({ database }: Rebuild, { scratchDir }: Backup): Place {
  const dir = join(scratchDir, 'database')
  const { dataDir, socketDir, port, logFile } = database
  return { dir, dataDir, socketDir, port, logFile, walDir: join(dir, 'wal'), markFile: join(dir, 'muster.json') }
}
