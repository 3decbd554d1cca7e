import { DrillError } from '../../src/errors.js'
import type { CheckResult } from '../../src/drill/checks.js'
import type { StepContext } from '../action.js'

type Answer = Omit<CheckResult, 'expected' | 'output'> & { output?: Record<string, unknown> }

/** The answer of a check; what could not be asked is `blind`, never a pass. A mistake of our own is thrown. */
export async function answer (expected: string, { signal }: Pick<StepContext, 'signal'>, ask: () => Promise<Answer>): Promise<CheckResult> {
  try {
    const { outcome, observed, output = {} } = await ask()
    return { outcome, observed, expected, output }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof DrillError)) throw error
    return { outcome: 'blind', observed: error.message, expected, output: { code: error.code } }
  }
}
