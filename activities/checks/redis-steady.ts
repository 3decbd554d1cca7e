import type { CheckInputs } from '../../src/drill/checks.js'
import { DrillError } from '../../src/errors.js'
import type { Check } from '../action.js'
import { cacheDefects } from '../redis/wholeness.js'

/** Exactly one primary, everything following, and the endpoint leads to the primary. Looks only. */
export const redisSteady: Check<CheckInputs['redis.steady']> = async ({ cache }, context) => {
  const expected = 'one primary, every other node a replica with its link up, the endpoint leads to the primary'
  try {
    const { defects, seen } = await cacheDefects(cache, context)
    const names = (role: string): string => seen.filter(one => one.role === role).map(one => one.node.name).join(', ')
    const output = { primary: names('primary'), replica: names('replica') }
    if (defects.length > 0) return { outcome: 'fail', observed: defects.join('; '), expected, output }
    return { outcome: 'pass', observed: `${output.primary} is primary, ${output.replica || 'no replica'} follows, the endpoint leads to ${output.primary}`, expected, output }
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof DrillError)) throw error
    return { outcome: 'blind', observed: error.message, expected, output: {} }
  }
}
