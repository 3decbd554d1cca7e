import type { HttpStep } from '../drill/journey.js'
import type { SmokeAnswer, SmokeStepRecord } from '../drill/suite.js'
import type { Values } from '../journey/fill.js'
import { runJourney } from '../journey/journey.js'
import type { SmokeContext } from './check.js'

/** What a check's steps came to. */
export interface StepsDone {
  /** What failed, each step in one line; empty = all passed. */
  flaws: string[]
  /** Whether what failed was nothing that the service decided. */
  transient: boolean
  /** For the answer: the steps, and what became of the cleaning up. */
  rest: Pick<SmokeAnswer, 'steps' | 'cleanUp' | 'transient'>
  ms: number
}

/**
 * Runs the steps of a check; `between` looks at what they made, after the last that is no cleaning up and before the first that is.
 * It is not called where a step failed.
 */
export async function runSteps (steps: readonly HttpStep[], context: SmokeContext, between?: (captures: Values) => Promise<void>): Promise<StepsDone> {
  const from = performance.now()
  const { values, secrets, signal } = context
  const records = (await runJourney(steps, { http: context.service().http, values, secrets, signal, between })).steps
  const failed = records.filter(record => record.outcome === 'fail' && record.always !== true)
  const unclean = records.filter(record => record.outcome === 'fail' && record.always === true)
  const cleaning = records.some(record => record.always === true && record.outcome !== 'skipped')
  const transient = failed.length > 0 && failed.every(record => record.transient === true)
  return {
    flaws: failed.map(record => `${record.name}: ${record.observed}`),
    transient,
    rest: {
      steps: records.map(({ name, outcome, observed, ms, always }): SmokeStepRecord => ({ name, outcome, observed, ms, ...(always ? { always } : {}) })),
      ...(cleaning ? { cleanUp: { cleaned: unclean.length === 0, observed: unclean.map(record => `${record.name}: ${record.observed}`).join('; ') || 'all removed' } } : {}),
      ...(transient ? { transient } : {}),
    },
    ms: performance.now() - from,
  }
}
