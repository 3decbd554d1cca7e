import type { ActionInputs } from '../../src/drill/actions.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { cacheNodeOf, withRedis } from './connection.js'
import { pointCacheAt } from './endpoint.js'
import { cachePrimaryOf, cacheRolesText, lookAtCache, lookAtCaches } from './pair.js'
import { restoreCache } from './restore.js'
import { verifyCache } from './wholeness.js'

/** Makes a replica the primary, once no other node can take a write: a frozen one would when it wakes. */
export const redisPromote: Action<ActionInputs['redis.promote']> = {
  async do ({ cache, node: name }, context) {
    const node = cacheNodeOf(cache, name)
    const others = await Promise.all(cache.nodes.filter(other => other !== node).map(other => lookAtCache(other, context)))
    const dangerous = others.filter(one => one.role !== 'down' && one.role !== 'replica')
    if (dangerous.length > 0) throw new DrillError('splitBrain.prevented', `${name} is not promoted: ${cacheRolesText(dangerous)}, and may take writes`)
    const startedAt = performance.now()
    const before = await lookAtCache(node, context)
    if (before.role === 'primary') return { summary: `${name} is primary already`, output: { node: name, promoteMs: 0 } }
    await withRedis(node, context, async redis => await redis.replicaof('NO', 'ONE'))
    const after = await lookAtCache(node, context)
    if (after.role !== 'primary') throw new DrillError('component.unexpected', `${cacheRolesText([after])} after REPLICAOF NO ONE`)
    const promoteMs = Math.round(performance.now() - startedAt)
    return { summary: `${name} is primary (${promoteMs} ms)`, output: { node: name, promoteMs } }
  },

  verify: async ({ cache }, context) => await verifyCache(cache, context, { home: true }),
  undo: async ({ cache }, context) => await restoreCache(cache, context, { home: true }),
}

/** Moves the endpoint; its undo points it at whichever node is primary then. */
export const redisSwitch: Action<ActionInputs['redis.switch']> = {
  async do ({ cache, to }, context) {
    const outcome = await pointCacheAt(cache, cacheNodeOf(cache, to), context)
    return { summary: outcome === 'already' ? `the endpoint leads to ${to} already` : `the endpoint leads to ${to}`, output: { to } }
  },

  async verify ({ cache }, context) {
    const { undone, summary } = await verifyCache(cache, context)
    return { undone, summary }
  },

  async undo ({ cache }, context) {
    const primary = cachePrimaryOf(await lookAtCaches(cache, context))
    const outcome = await pointCacheAt(cache, primary.node, context)
    return `${outcome === 'already' ? 'the endpoint leads to' : 'pointed the endpoint at'} ${primary.node.name}`
  },
}
