import Type from 'typebox'
import type { LoadStep } from '../../drill/runbook.js'
import { didYouMean } from '../nearest.js'
import { duration, flag, matching, oneOf, orLookup, text, whole } from '../pieces.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Puts the load of a scenario on the environment’s service, measures it, and judges it against the scenario’s thresholds and earlier runs.'

export const load: Kind<LoadStep> = {
  about,
  schema: matching<LoadStep>()(stepSchema('load', about, {
    scenario: text('A file of `runbooks/load`.'),
    users: Type.Optional(Type.Unsafe<number | string>(orLookup(whole(0, 5000, 'Instead of the scenario’s; 0 is the scenario’s own.')))),
    spawnRate: Type.Optional(Type.Unsafe<number | string>(orLookup(whole(0, 1000, 'New users a second; 0 is the scenario’s own.')))),
    runTime: Type.Optional(duration('How long; 0s is the scenario’s own.')),
    percent: Type.Optional(Type.Unsafe<number | string>(orLookup({ ...whole(1, 100, 'Of the scenario’s time: below 100 it is a try, never compared with a full run.'), default: 100 }))),
    shards: Type.Optional(Type.Unsafe<number | string>(orLookup({ ...whole(1, 100, 'Workers that share its users; what they measure adds up exactly.'), default: 1 }))),
    background: Type.Optional(flag('The next step begins once all users are there, and the load goes on beside it: until an `undo` of this step, or the last step.')),
    onFail: Type.Optional(oneOf(['stop', 'fail', 'finding'], 'What a load that breaks an expectation does: end the drill, fail it but go on, or only be a finding.', 'stop')),
  })),
  hasOutput: true,
  rules (step, { runbook, known, report }) {
    if (runbook.readOnly) report('/scenario', 'a runbook that is readOnly touches nothing, but a load does', 'remove readOnly')
    if (known.scenarios === undefined || step.scenario.includes('{{')) return
    const scenario = known.scenarios.get(step.scenario)
    if (!known.scenarios.has(step.scenario)) report('/scenario', `there is no scenario "${step.scenario}"`, didYouMean(step.scenario, [...known.scenarios.keys()]))
    else if (scenario?.levels !== undefined && Number(step.shards ?? 1) > 1) report('/shards', `${step.scenario} steps up, and each load is judged as a whole`, 'one shard')
    if (scenario?.held === true && step.background !== true) report('/scenario', `${step.scenario} is made to be held while other steps run`, 'add background: true')
  },
}
