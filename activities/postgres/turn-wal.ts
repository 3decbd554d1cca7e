import type { ActionInputs } from '../../src/drill/actions.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { withClient } from './connection.js'
import { endSegment } from './end-segment.js'
import { lookAtPair, primaryOf } from './pair.js'

/** Uses up WAL segments on the primary. A server that ends on the way is what a full disk makes of it, and no mistake of this step. */
export const postgresTurnWal: Action<ActionInputs['postgres.turnWal']> = {
  async do ({ database, segments }, context) {
    let closed = 0
    try {
      const { node } = primaryOf(await lookAtPair(database, context))
      await withClient(node, context, async client => {
        for (; closed < segments; closed++) {
          context.signal.throwIfAborted()
          await endSegment(client)
        }
      })
    } catch (error) {
      context.signal.throwIfAborted()
      if (!(error instanceof DrillError)) throw error
      return { summary: `closed ${closed} of ${segments} segments, then: ${error.message}`, output: { closed } }
    }
    return { summary: `closed ${closed} segments`, output: { closed } }
  },

  verify: async () => await Promise.resolve({ undone: true, summary: 'nothing is to be undone' }),
  undo: async () => await Promise.resolve('nothing is to be done'),
}
