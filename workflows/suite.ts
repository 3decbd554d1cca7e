import { suiteNameOf, type SuiteStep } from '../src/drill/runbook.js'
import { answered } from './load.js'
import type { Run, StepResult } from './run.js'

/** A smoke suite: its checks side by side, in one activity. */
export async function suite (run: Run, step: SuiteStep): Promise<StepResult> {
  const { drillId, environment, suites } = run.input
  const name = suiteNameOf(step, environment)
  const found = suites?.[name]
  if (!found) {
    const message = `there is no suite "${name}"`
    return { outcome: 'failed', summary: message, error: { code: 'suite.unknown', message }, stop: true }
  }
  const summary = await run.activities.suite({ drillId, stepId: step.id, environment, suite: found, only: step.checks, params: step.params })
  run.journal.emit({ type: 'suite.answered', step: step.id, suite: summary })
  const { passed, failed, blind, unasked } = summary
  return answered(run, step, 'suite', summary, `${passed} checks passed, ${failed} failed, ${blind} could not be asked${unasked > 0 ? `, ${unasked} not asked` : ''}`)
}
