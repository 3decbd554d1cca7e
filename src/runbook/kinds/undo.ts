import type { Step, UndoStep } from '../../drill/runbook.js'
import { matching, name } from '../pieces.js'
import { didYouMean } from '../nearest.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Undoes an earlier action, or ends a load that goes on in the background, now instead of at the end.'

export const undo: Kind<UndoStep> = {
  about,
  schema: matching<UndoStep>()(stepSchema('undo', about, { of: name('Id of the step.') })),
  hasOutput: false,
  rules (step, { earlier, steps, report }) {
    const target = steps.get(step.of)
    if (!target) report('/of', `there is no step "${step.of}" to undo`, didYouMean(step.of, [...steps.values()].filter(canBeUndone).map(other => other.id)))
    else if (target.kind === 'load' && target.background !== true) report('/of', `"${step.of}" is over when the next step begins`, 'background: true')
    else if (!canBeUndone(target)) report('/of', `"${step.of}" is a ${target.kind}; only an action, or a load in the background, can be undone`)
    else if (!earlier.includes(target)) report('/of', `"${step.of}" is not an earlier step`, 'an undo comes after its action')
    else if (earlier.some(other => other.kind === 'undo' && other.of === step.of && other.when === undefined && other.unless === undefined)) {
      report('/of', `"${step.of}" is undone already by an earlier step`)
    }
  },
}

function canBeUndone (step: Step): boolean {
  return step.kind === 'action' || (step.kind === 'load' && step.background === true)
}
