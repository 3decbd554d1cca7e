import Type from 'typebox'
import type { SuiteStep } from '../../drill/runbook.js'
import { didYouMean } from '../nearest.js'
import { list, matching, oneOf, text } from '../pieces.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Asks the checks of a smoke suite.'

export const suite: Kind<SuiteStep> = {
  about,
  schema: matching<SuiteStep>()(stepSchema('suite', about, {
    suite: Type.Optional(Type.String({ maxLength: 200, description: 'A file of `runbooks/smoke`. Empty, or without it: the environment’s, else `production`.' })),
    checks: Type.Optional(list(text('Id of a check.'), 'The checks to ask. Default: all.', { minItems: 1 })),
    params: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()], { errorMessage: 'text, a number, true or false' }), { description: 'Parameters of the suite, by name.' })),
    onFail: Type.Optional(oneOf(['stop', 'fail', 'finding'], 'What a suite that fails does: end the drill, fail it but go on, or only be a finding.', 'stop')),
  })),
  hasOutput: true,
  rules (step, { known, report }) {
    if (known.suites === undefined || step.suite?.includes('{{')) return
    // Which suite it is where none is named is each environment's business.
    if (step.suite === undefined || step.suite === '') return
    if (!known.suites.has(step.suite)) report('/suite', `there is no suite "${step.suite}"`, didYouMean(step.suite, [...known.suites.keys()]))
    const suite = known.suites.get(step.suite)
    if (suite === undefined) return
    const ids = suite.checks.map(({ id }) => id)
    for (const [index, id] of (step.checks ?? []).entries()) {
      if (!id.includes('{{') && !ids.includes(id)) report(`/checks/${index}`, `suite ${step.suite} has no check "${id}"`, didYouMean(id, ids))
    }
    const declared = Object.keys(suite.params ?? {})
    for (const name of Object.keys(step.params ?? {})) {
      if (!declared.includes(name)) report(`/params/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, `suite ${step.suite} has no parameter "${name}"`, didYouMean(name, declared), { atKey: true })
    }
  },
}
