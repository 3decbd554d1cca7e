import type { UndoStep } from '../../drill/runbook.js'
import { matching, name } from '../pieces.js'
import { didYouMean } from '../nearest.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Undoes an earlier action now, instead of at the end.'

export const undo: Kind<UndoStep> = {
  about,
  schema: matching<UndoStep>()(stepSchema('undo', about, { of: name('Id of the action’s step.') })),
  hasOutput: false,
  rules (step, { earlier, steps, report }) {
    const target = steps.get(step.of)
    if (!target) report('/of', `there is no step "${step.of}" to undo`, didYouMean(step.of, [...steps.values()].filter(other => other.kind === 'action').map(other => other.id)))
    else if (target.kind !== 'action') report('/of', `"${step.of}" is a ${target.kind}; only an action can be undone`)
    else if (!earlier.includes(target)) report('/of', `"${step.of}" is not an earlier step`, 'an undo comes after its action')
    else if (earlier.some(other => other.kind === 'undo' && other.of === step.of && other.when === undefined && other.unless === undefined)) {
      report('/of', `"${step.of}" is undone already by an earlier step`)
    }
  },
}
