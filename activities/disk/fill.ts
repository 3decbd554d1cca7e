import { existsSync, statSync } from 'node:fs'
import { fillWith, removeFile, roomAt } from '../../src/control/disk.js'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { Volume } from '../../src/drill/environment.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { restorePair } from '../postgres/restore.js'
import { verifyWhole } from '../postgres/wholeness.js'
import { struckBefore } from '../strike.js'
import { ballastOf, roomText, sharedBecause, volumeOf } from './volume.js'

/**
 * Fills a volume with a file until so much of it is left. Its undo takes the file away and brings back the database that died of it: a
 * server that could not write its WAL does not come up by itself.
 */
export const diskFill: Action<ActionInputs['disk.fill']> = {
  async able ({ volumes, volume: name }) {
    refuseShared(name, volumeOf(volumes, name))
  },

  async do ({ volumes, volume: name, leave }, context) {
    const volume = volumeOf(volumes, name)
    refuseShared(name, volume)
    const faultAtMs = struckBefore(context) ?? steadyNow()
    context.heartbeat({ faultAtMs })
    const ballast = ballastOf(volume, context)
    await fillWith(ballast, roomAt(volume.path).totalBytes * leave / 100, context.signal)
    const room = roomAt(volume.path)
    const ballastBytes = statSync(ballast, { throwIfNoEntry: false })?.size ?? 0
    return {
      summary: `${roomText(name, room)}${ballastBytes === 0 ? ' (that was so before: nothing was added)' : ''}`,
      output: { volume: name, ballastBytes, freeBytes: room.freeBytes },
      faultAtMs,
    }
  },

  async verify ({ volumes, volume: name, database }, context) {
    const volume = volumeOf(volumes, name)
    if (existsSync(ballastOf(volume, context))) return { undone: false, summary: `the ballast still lies on ${name}` }
    const room = `the ballast is gone from ${name}`
    if (database === undefined) return { undone: true, summary: room }
    const { undone, summary } = await verifyWhole(database, context)
    return { undone, summary: `${room}; ${summary}` }
  },

  async undo ({ volumes, volume: name, database }, context) {
    removeFile(ballastOf(volumeOf(volumes, name), context))
    const done = `removed the ballast from ${name}`
    return database === undefined ? done : `${done}; ${await restorePair(database, context)}`
  },
}

function refuseShared (name: string, volume: Volume): void {
  const shared = sharedBecause(name, volume)
  if (shared !== undefined) throw new DrillError('volume.shared', shared)
}
