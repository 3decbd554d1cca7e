import { roomAt } from '../../src/control/disk.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { roomText, sharedBecause, volumeOf } from '../disk/volume.js'

/** A volume is one of its own, and so much of it is free. */
export const diskRoom: Check<CheckInputs['disk.room']> = async ({ volumes, volume: name, atLeast }) => {
  const expected = `${name} is a volume of its own, with at least ${atLeast} % free`
  try {
    const volume = volumeOf(volumes, name)
    const shared = sharedBecause(name, volume)
    if (shared !== undefined) return { outcome: 'fail', observed: shared, expected, output: {} }
    const room = roomAt(volume.path)
    return { outcome: room.freeBytes >= room.totalBytes * atLeast / 100 ? 'pass' : 'fail', observed: roomText(name, room), expected, output: { ...room } }
  } catch (error) {
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}
