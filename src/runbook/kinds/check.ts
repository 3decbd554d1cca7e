import Type, { type TSchema } from 'typebox'
import type { CheckName } from '../../drill/checks.js'
import type { CheckStep } from '../../drill/runbook.js'
import { checkNames, checkSchemas } from '../inputs.js'
import { duration, flag, matching, oneOf } from '../pieces.js'
import { checkInput } from '../rules/input.js'
import { isZero } from '../rules/time.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Asks something that answers pass, fail or blind (it could not be asked).'

export const check: Kind<CheckStep> = {
  about,
  schema: matching<CheckStep>()(stepSchema('check', about, {
    check: Type.Unsafe<CheckName>({ type: 'string', enum: checkNames, description: 'What to ask: one of the checks below.' } as TSchema),
    with: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Its input.' })),
    every: Type.Optional(duration('Asked again this often until it passes …')),
    within: Type.Optional(duration('… or this is over. Without it one answer counts.')),
    onFail: Type.Optional(oneOf(['stop', 'fail', 'finding'], 'What a failed check does: end the drill, fail it but go on, or only be a finding.', 'stop')),
    signOff: Type.Optional(flag('Its pass is the business’s sign-off: it ends RTA business.')),
    provesEffect: Type.Optional(flag('Its pass proves that the fault had its effect, where the probe need not see one. Without a pass the drill is `invalid`.')),
  })),
  hasOutput: true,
  rules (step, { runbook, report }) {
    checkInput(checkSchemas[step.check], step.with, step.check, report)
    if (step.every !== undefined && step.within === undefined) report('/every', '"every" asks again and again, and nothing ends it', 'add within')
    if (step.within !== undefined && step.every === undefined) report('/within', '"within" says how long to ask again, but not how often', 'add every')
    if (isZero(step.every)) report('/every', 'asks without a pause', 'at least 100ms')
    if ((step.check === 'orders.account' || step.check === 'sessions.account') && !runbook.observe?.orders) report('/check', 'nobody orders, so there is nothing to count', 'add observe.orders')
    if (step.check === 'canaries.compare' && !runbook.observe?.canaries) report('/check', 'there are no canaries to compare', 'add observe.canaries')
  },
}
