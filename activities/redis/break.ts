import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { strikeTime } from '../strike.js'
import { cacheNodeOf, controlOfCache } from './connection.js'
import { restoreCache } from './restore.js'
import { verifyCache } from './wholeness.js'

/** Breaks a server. Its undo brings it back as what it may be by then: as it was, or as a replica of whoever was promoted. */
export const redisBreak: Action<ActionInputs['redis.break']> = {
  async do ({ cache, node: name, fault }, context) {
    const control = controlOfCache(cacheNodeOf(cache, name))
    const wanted = fault === 'hang' ? 'frozen' : 'dead'
    const { faultAtMs, note } = strikeTime(context, await control.state(), wanted)
    if (fault === 'hang') await control.freeze()
    else await control.kill()
    return { summary: `${name} is ${wanted}${note}`, output: { node: name, fault }, faultAtMs }
  },

  verify: async ({ cache }, context) => await verifyCache(cache, context),
  undo: async ({ cache }, context) => await restoreCache(cache, context),
}

/** Makes sure that a server takes no write any more, and that nobody starts it. */
export const redisFence: Action<ActionInputs['redis.fence']> = {
  async do ({ cache, node: name }, context) {
    const control = controlOfCache(cacheNodeOf(cache, name))
    context.signal.throwIfAborted()
    await control.block()
    await control.kill()
    return { summary: `${name} is dead and cannot be started`, output: { node: name } }
  },

  verify: async ({ cache }, context) => await verifyCache(cache, context),
  undo: async ({ cache }, context) => await restoreCache(cache, context),
}
