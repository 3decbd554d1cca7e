import type { DrillInput } from '../src/drill/input.js'
import { allSteps, isSkipped, type ActionStep } from '../src/drill/runbook.js'
import type { Refusal } from '../src/drill/timeline.js'
import { DrillError, messageOf } from '../src/errors.js'
import type { Action, Actions, StepContext } from './action.js'

/** What the steps of a drill need and this machine has not. A step whose input is not known before it starts says so itself. */
export async function able (actions: Actions, { runbook }: DrillInput, context: StepContext): Promise<Refusal[]> {
  const steps = allSteps(runbook.steps).filter((step): step is ActionStep => step.kind === 'action' && !isSkipped(step) && !JSON.stringify(step.with ?? {}).includes('{{'))
  const refusals = await Promise.all(steps.map(async ({ id, action, with: input }): Promise<Refusal[]> => {
    try {
      await (actions[action] as Action<never>).able?.((input ?? {}) as never, context)
      return []
    } catch (error) {
      return [{ code: error instanceof DrillError ? error.code : 'preflight.blind', message: `step "${id}": ${messageOf(error)}` }]
    }
  }))
  return refusals.flat()
}
