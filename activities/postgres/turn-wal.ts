import type { ActionInputs } from '../../src/drill/actions.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { withClient } from './connection.js'
import { lookAtPair, primaryOf } from './pair.js'

// A segment that holds nothing is not closed. Not transactional, so that no commit waits for a standby.
const writeSql = "select pg_logical_emit_message(false, 'muster.turn', 'turn')"

/** Uses up WAL segments on the primary. A server that ends on the way is what a full disk makes of it, and no mistake of this step. */
export const postgresTurnWal: Action<ActionInputs['postgres.turnWal']> = {
  async do ({ database, segments }, context) {
    let closed = 0
    try {
      const { node } = primaryOf(await lookAtPair(database, context))
      await withClient(node, context, async client => {
        for (; closed < segments; closed++) {
          context.signal.throwIfAborted()
          await client.query(writeSql)
          await client.query('select pg_switch_wal()')
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
