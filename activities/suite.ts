import type { Progress } from '../src/drill/progress.js'
import { suiteSummary, type Suite, type SuiteSummary } from '../src/drill/suite.js'
import type { Environment } from '../src/drill/environment.js'
import { runSuite } from '../src/smoke/run.js'
import type { StepContext } from './action.js'
import { runIdOf } from './load.js'
import type { Results } from './results.js'

export interface SuiteCall { drillId: string, stepId: string, environment: Environment, suite: Suite, only?: string[], params?: Record<string, string | number | boolean> }

/**
 * Asks a suite's checks. Every answer goes to the store, the drill hears the counts. A cancel lets the checks remove what they had made;
 * what a worker left that died is removed by the attempt after it.
 */
export async function runSuiteStep (
  { drillId, stepId, environment, suite, only, params, attempt }: SuiteCall & { attempt: number }, context: StepContext, { results }: { results: Results }
): Promise<SuiteSummary> {
  const of = only?.length ?? suite.checks.length
  let asked = 0
  const run = await runSuite({
    suite, environment, only, params, runId: runIdOf('smoke', drillId, stepId), attempt, signal: context.signal, secret: context.secret,
    onAnswer: ({ id, outcome }) => {
      if (outcome === 'skipped') return
      asked++
      context.heartbeat({ step: stepId, text: `${asked} of ${of} checks, the last one ${id}: ${outcome}`, figures: { asked, of } } satisfies Progress)
    },
  })
  const stored = await results.keep({ kind: 'suite', drillId, step: stepId, result: run })
  return suiteSummary(run, stored)
}
