import type { ActionInputs } from '../../src/drill/actions.js'
import type { Copy } from '../../src/drill/copy.js'
import { durationText } from '../../src/drill/duration.js'
import type { Action } from '../action.js'
import { awaitRecovery, copyControl, onCopy, standingOf } from './copy-server.js'

/** Lets a copy that is paused at its target end its recovery, so that it takes writes. It never archives, whatever it becomes. */
export const copyPromote: Action<ActionInputs['copy.promote']> = {
  async do ({ copy, database, backup }, context) {
    const user = database.nodes[0]!.user
    const from = performance.now()
    if ((await standingOf(copy, user, context)).inRecovery) await onCopy(copy, { user, database: 'postgres' }, context, client => client.query('select pg_wal_replay_resume()'))
    await awaitRecovery(await copyControl(backup, copy, context), copy, { user, wanted: 'promoted' }, context)
    const ms = Math.round(performance.now() - from)
    const promoted: Copy = { ...copy, state: 'promoted', phases: [...copy.phases.filter(({ name }) => name !== 'promote'), { name: 'promote', ms }] }
    return { summary: `the copy of ${copy.set} takes writes after ${durationText(ms)}`, output: { copy: promoted } }
  },

  /** The copy is removed by the undo of the step that made it. */
  async verify () {
    return { undone: true, summary: 'the copy goes with the step that restored it' }
  },

  async undo () {
    return 'left the copy as it is'
  },
}
