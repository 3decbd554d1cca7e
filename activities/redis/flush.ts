import { steadyNow } from '../../src/control/steady-clock.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { struckBefore } from '../strike.js'
import { withRedis } from './connection.js'
import { cachePrimaryOf, lookAtCaches } from './pair.js'
import { cacheDefects } from './wholeness.js'

/**
 * Empties the cache, through its primary. Nothing brings the entries back but their being asked for again, and sessions not at all: its
 * undo only proves that the cache is there to be filled.
 */
export const redisFlush: Action<ActionInputs['redis.flush']> = {
  async do ({ cache }, context) {
    const primary = cachePrimaryOf(await lookAtCaches(cache, context)).node
    const before = struckBefore(context)
    const faultAtMs = before ?? steadyNow()
    context.heartbeat({ faultAtMs })
    const keys = await withRedis(primary, context, async redis => {
      const size = await redis.dbsize()
      await redis.flushall('SYNC')
      return size
    })
    return { summary: `flushed ${keys} keys of ${primary.name}${before === undefined ? '' : ' (struck by an earlier try of this step)'}`, output: { node: primary.name, keys }, faultAtMs }
  },

  async verify ({ cache }, context) {
    const { defects } = await cacheDefects(cache, context)
    return { undone: defects.length === 0, summary: defects.length === 0 ? 'the cache takes entries again; what was in it is gone' : defects.join('; ') }
  },

  undo: async () => await Promise.resolve('nothing is to be done: entries come back as they are asked for'),
}
