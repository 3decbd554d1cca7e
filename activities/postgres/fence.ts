import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { takeOut } from '../haproxy.js'
import { controlOfNode, nodeOf } from './connection.js'
import { restorePair } from './restore.js'
import { verifyWhole } from './wholeness.js'

/**
 * Makes sure that a server takes no write any more, whatever happens to it: out of HAProxy with its sessions ended, its start
 * prevented, every process of it dead, a frozen one too.
 */
export const postgresFence: Action<ActionInputs['postgres.fence']> = {
  async do ({ database, node: name }, context) {
    const startedAt = performance.now()
    const control = controlOfNode(nodeOf(database, name))
    const killed = async (): Promise<void> => {
      // First: something may start it again between its death and the block.
      await control.block()
      await control.kill()
    }
    await Promise.all([takeOut(database, name, context), killed()])
    const fenceMs = Math.round(performance.now() - startedAt)
    return { summary: `${name} is out of HAProxy, dead, and cannot start (${fenceMs} ms)`, output: { node: name, fenceMs } }
  },

  verify: async ({ database }, context) => verifyWhole(database, context),
  undo: async ({ database }, context) => restorePair(database, context),
}
