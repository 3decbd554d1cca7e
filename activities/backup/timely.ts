import type { CheckInputs } from '../../src/drill/checks.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import { bytesText, estimateRecovery, phasesText } from '../../src/drill/recovery-rate.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'

/** What this restore says of one at production's size. It is an estimate, and says what it assumes. */
export const copyTimely: Check<CheckInputs['copy.timely']> = async ({ copy, rto, sizeBytes = copy.bytes }, context) => {
  return await answer(`a restore of ${bytesText(sizeBytes)} takes at most ${rto}`, context, async () => {
    if (copy.phases.length === 0 || copy.bytes <= 0) return { outcome: 'blind', observed: 'the restore has no measured phase' }
    const { estimatedMs, largestBytes, assumption } = estimateRecovery(copy.phases, { measuredBytes: copy.bytes, sizeBytes, rtoMs: durationMs(rto) })
    return {
      outcome: estimatedMs <= durationMs(rto) ? 'pass' : 'fail',
      observed: [
        `measured: ${phasesText(copy.phases)}`, `${bytesText(sizeBytes)} would take ${durationText(estimatedMs)}`,
        ...(largestBytes === undefined ? [] : [`${rto} are enough for ${bytesText(largestBytes)}`]), `assumed: ${assumption}`,
      ].join('; '),
      output: { estimatedMs: Math.round(estimatedMs), ...(largestBytes === undefined ? {} : { largestBytes: Math.round(largestBytes) }) },
    }
  })
}
