import { suiteNameOf, type SuiteStep } from '../src/drill/runbook.js'
import { suiteText } from '../src/drill/suite.js'
import { answered, failed } from './answered.js'
import type { Run, StepResult } from './run.js'

/** A smoke suite: its checks side by side, in one activity. */
export async function suite (run: Run, step: SuiteStep): Promise<StepResult> {
  const { drillId, environment, suites } = run.input
  const name = suiteNameOf(step, environment)
  const found = suites?.[name]
  if (!found) return failed('suite.unknown', `there is no suite "${name}"`)
  const summary = await run.activities.suite({ drillId, stepId: step.id, environment, suite: found, only: step.checks, params: step.params })
  run.journal.emit({ type: 'suite.answered', step: step.id, suite: summary })
  return answered(run, step, 'suite', summary, suiteText(summary))
}
