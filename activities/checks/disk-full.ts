import { roomAt, tryToWrite } from '../../src/control/disk.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { ballastOf, roomText, volumeOf } from '../disk/volume.js'

/** Less than the smallest thing that a database asks for, a WAL segment. */
const askedBytes = 1024 * 1024

/** One write to a volume is refused for want of room. */
export const diskFull: Check<CheckInputs['disk.full']> = async ({ volumes, volume: name }, context) => {
  const expected = `${name} has no room for 1 MiB`
  try {
    const volume = volumeOf(volumes, name)
    const said = tryToWrite(ballastOf(volume, context), askedBytes)
    const room = roomText(name, roomAt(volume.path))
    return { outcome: said === 'full' ? 'pass' : 'fail', observed: `${said === 'full' ? 'no space left on device' : '1 MiB was written'}: ${room}`, expected, output: {} }
  } catch (error) {
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}
