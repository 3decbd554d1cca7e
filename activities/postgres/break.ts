import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { strikeTime } from '../strike.js'
import { controlOfNode, nodeOf } from './connection.js'
import { restorePair } from './restore.js'
import { verifyWhole } from './wholeness.js'

/** Breaks a server. Its undo brings it back as what it may be by then: as it was, or as a standby of whoever was promoted. */
export const postgresBreak: Action<ActionInputs['postgres.break']> = {
  async do ({ database, node: name, fault }, context) {
    const control = controlOfNode(nodeOf(database, name))
    const wanted = fault === 'freeze' ? 'frozen' : 'dead'
    const { faultAtMs, note } = strikeTime(context, await control.state(), wanted)
    if (fault === 'freeze') await control.freeze()
    else await control.kill({ tree: fault === 'kill' })
    return { summary: `${name} is ${wanted}${fault === 'kill-postmaster' ? ' (postmaster alone)' : ''}${note}`, output: { node: name, fault }, faultAtMs }
  },

  verify: async ({ database }, context) => verifyWhole(database, context),
  undo: async ({ database }, context) => restorePair(database, context),
}
