import Type from 'typebox'
import { isAllowedIn, type RunbookStep } from '../../drill/runbook.js'
import { outside, takes, typedValue } from '../../drill/params.js'
import { matching, name } from '../pieces.js'
import { didYouMean } from '../nearest.js'
import { stepSchema, type Kind, type Place } from './kind.js'
import type { Runbook } from '../../drill/runbook.js'

const about = 'Runs another runbook as a child drill, with a ledger of its own.'

export const runbook: Kind<RunbookStep> = {
  about,
  schema: matching<RunbookStep>()(stepSchema('runbook', about, {
    runbook: name('Its name.'),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Its parameters.' })),
  })),
  hasOutput: true,
  rules (step, place) {
    const { known, report } = place
    if (known.runbookNames && !known.runbookNames.includes(step.runbook)) {
      report('/runbook', `there is no runbook "${step.runbook}"`, didYouMean(step.runbook, known.runbookNames))
    }
    const nested = known.runbooks?.get(step.runbook)
    if (!nested) return
    if (place.runbook.readOnly && !nested.readOnly) report('/runbook', `a runbook that is readOnly touches nothing, but ${step.runbook} may`)
    const refusing = (known.environments ?? []).find(environment => !isAllowedIn(nested, environment))
    if (refusing) report('/runbook', `${step.runbook} may not run in ${refusing.name}, where this runbook may`)
    checkParams(step, nested, report)
  },
}

function checkParams (step: RunbookStep, nested: Runbook, report: Place['report']): void {
  const declared = nested.params ?? {}
  for (const [key, value] of Object.entries(step.params ?? {})) {
    const param = Object.hasOwn(declared, key) ? declared[key] : undefined
    const path = `/params/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!param) {
      report(path, `${step.runbook} has no parameter "${key}"`, didYouMean(key, Object.keys(declared)), { atKey: true })
      continue
    }
    // A lookup has no value yet.
    if (typeof value === 'string' && value.includes('{{')) continue
    const typed = typedValue(param, value)
    const wrong = typed === undefined ? `takes ${takes(param)}` : outside(param, typed)
    if (wrong) report(path, `parameter "${key}" of ${step.runbook} ${wrong}`)
  }
  for (const [key, param] of Object.entries(declared)) {
    if (param.default === undefined && !Object.hasOwn(step.params ?? {}, key)) report('/runbook', `${step.runbook} needs parameter "${key}"`, `it takes ${takes(param)}`)
  }
}
