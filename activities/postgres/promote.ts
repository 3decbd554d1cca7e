import { DrillError } from '../../src/errors.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { DatabaseCluster, PostgresNode } from '../../src/drill/environment.js'
import type { Action } from '../action.js'
import { nodeOf, othersOf, type Reach } from './connection.js'
import { lookAtNode } from './pair.js'
import { promoteNode } from './promotion.js'
import { restorePair } from './restore.js'
import { verifyWhole } from './wholeness.js'

/**
 * Why another node could still take writes, now or after a start; undefined where it cannot. Dead is not enough: whatever starts it
 * again would make a second primary, unless its start is prevented or it would come up as a standby.
 */
async function threatOf (node: PostgresNode, reach: Reach): Promise<string | undefined> {
  const seen = await lookAtNode(node, reach, { connectMs: 500 })
  switch (seen.role) {
    case 'standby': return undefined
    case 'primary': return `${node.name} is primary and takes writes`
    case 'unknown': return seen.state === 'frozen'
      ? `${node.name} is only frozen and could be thawed`
      : `nobody can say that ${node.name} takes no writes (${seen.error})`
    case 'down': return seen.blocked || seen.marked ? undefined : `${node.name} is dead, but not fenced: it could be started again`
  }
}

async function refuseWhereThreatened (database: DatabaseCluster, name: string, reach: Reach): Promise<void> {
  const threats = await Promise.all(othersOf(database, name).map(other => threatOf(other, reach)))
  const present = threats.filter(threat => threat !== undefined)
  if (present.length > 0) throw new DrillError('splitBrain.prevented', `${name} is not promoted: ${present.join('; ')}`)
}

export const postgresPromote: Action<ActionInputs['postgres.promote']> = {
  async do ({ database, node: name }, context) {
    const promotion = await promoteNode(nodeOf(database, name), context, refuseWhereThreatened(database, name, context))
    return {
      summary: promotion.already
        ? `${name} is primary already, on timeline ${promotion.timeline}`
        : `${name} is primary after ${promotion.promoteMs} ms, on timeline ${promotion.timeline}`,
      output: { node: name, ...promotion },
    }
  },

  verify: async ({ database }, context) => verifyWhole(database, context, { home: !database.swappedRolesAllowed }),

  /** Failback: the old primary as a streaming standby first, then a switchover without loss. */
  undo: async ({ database }, context) => restorePair(database, context, { home: !database.swappedRolesAllowed }),
}
