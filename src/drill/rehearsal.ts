import { planLines } from './plan.js'
import type { Environment } from './environment.js'
import type { Runbook, Step } from './runbook.js'

/** What stands in for a step that is only announced: it takes no time and touches nothing. */
const announced = '1ms'

/**
 * A runbook (filled in) as its rehearsal: gates, tasks and messages for real, and the checks before the first step that touches
 * something; everything after that is only announced. It has a name of its own, so that no rehearsal makes its runbook "verified" or
 * teaches it how long its steps take. Nothing is observed, and the environment is not locked.
 */
export function rehearsalOf (runbook: Runbook, environment: Environment): Runbook {
  const titles = new Map(planLines({ runbook, environment }).map(line => [line.id, line.title]))
  const state = { touched: false }
  const { observe: _, ...rest } = runbook
  return { ...rest, name: `${runbook.name.slice(0, 53)}-rehearsal`, title: `Rehearsal: ${runbook.title}`, readOnly: true, steps: rehearsed(runbook.steps, titles, state) }
}

function rehearsed (steps: Step[], titles: Map<string, string>, state: { touched: boolean }): Step[] {
  return steps.map((step): Step => {
    switch (step.kind) {
      case 'gate': case 'task': return step
      case 'notify': return { ...step, message: `Rehearsal, nothing is broken. ${step.message}` }
      case 'parallel': return { ...step, branches: step.branches.map(branch => rehearsed(branch, titles, state)) }
      case 'check':
        if (!state.touched) return step
        break
      default: state.touched = state.touched || step.kind !== 'wait'
    }
    const { id, when, unless } = step
    return { id, kind: 'wait', title: `Only announced: ${titles.get(id) ?? id}`, for: announced, ...(when === undefined ? {} : { when }), ...(unless === undefined ? {} : { unless }) }
  })
}
