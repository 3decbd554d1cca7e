import type { CheckInputs } from '../../src/drill/checks.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { lookAtPair, rolesText } from '../postgres/pair.js'

/** Split brain is looked for: every node is asked at its own address, whatever the links between them are. */
export const onePrimary: Check<CheckInputs['postgres.onePrimary']> = async ({ database }, context) => {
  const expected = 'exactly one node takes writes, and every node says what it is'
  try {
    const seen = await lookAtPair(database, context)
    const primaries = seen.filter(one => one.role === 'primary').map(one => one.node.name)
    const output = { primaries: primaries.length, primary: primaries.join(', ') }
    if (primaries.length !== 1) return { outcome: 'fail', observed: `${primaries.length} primaries: ${rolesText(seen)}`, expected, output }
    const silent = seen.filter(one => one.role === 'unknown')
    return { outcome: silent.length > 0 ? 'blind' : 'pass', observed: rolesText(seen), expected, output }
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}
