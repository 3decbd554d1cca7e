import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { withClient } from './connection.js'
import { lookAtPair, primaryOf } from './pair.js'
import { restorePair } from './restore.js'
import { verifyWhole } from './wholeness.js'

/** Lets commits go on without a standby that cannot be reached; its undo makes them wait again, once the standby streams. */
export const postgresRelease: Action<ActionInputs['postgres.release']> = {
  async do ({ database }, context) {
    const primary = primaryOf(await lookAtPair(database, context))
    if (primary.synchronousNames === '') return { summary: `commits on ${primary.node.name} wait for nobody already`, output: { node: primary.node.name } }
    const startedAt = performance.now()
    await withClient(primary.node, context, async client => {
      // Not a reset: what a backup or a rewind brings along must not count either.
      await client.query("alter system set synchronous_standby_names = ''")
      await client.query('select pg_reload_conf()')
    })
    const releaseMs = Math.round(performance.now() - startedAt)
    return { summary: `commits on ${primary.node.name} wait for no standby any more (${releaseMs} ms)`, output: { node: primary.node.name, releaseMs } }
  },

  verify: async ({ database }, context) => await verifyWhole(database, context),
  undo: async ({ database }, context) => await restorePair(database, context),
}
