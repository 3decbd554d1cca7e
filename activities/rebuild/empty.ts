import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CheckInputs } from '../../src/drill/checks.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import { portsOf } from '../../src/drill/rebuild.js'
import type { Check } from '../action.js'
import { answer } from '../backup/answer.js'
import { inTheWay, requireApart } from './ground.js'

/** The machine is empty where the system is to come up: nothing at its root, nobody on its ports. */
export const rebuildEmpty: Check<CheckInputs['rebuild.empty']> = async ({ rebuild }, context) => {
  return await answer(`nothing at ${rebuild.root}, and its ports are free`, context, async () => {
    requireApart(rebuild)
    const problems = await inTheWay(rebuild, context)
    if (problems.length > 0) return { outcome: 'fail', observed: problems.join('; ') }
    const freeBytes = await roomFor(rebuild.root)
    return { outcome: 'pass', observed: `nothing at ${rebuild.root}, ${portsOf(rebuild).length} ports are free, ${bytesText(freeBytes)} of room`, output: { freeBytes } }
  })
}

/** On the disk of the nearest folder that is there. */
async function roomFor (path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (error) {
    if (path === '/') throw error
    return await roomFor(dirname(path))
  }
}
