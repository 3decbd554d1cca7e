import Type, { type TSchema } from 'typebox'
import type { CheckName } from '../../drill/checks.js'
import { detectionSources, type WaitStep, type WaitUntil } from '../../drill/runbook.js'
import { checkNames, checkSchemas } from '../inputs.js'
import { closed, duration, list, matching, oneOf, orLookup, text } from '../pieces.js'
import { checkInput } from '../rules/input.js'
import { isZero } from '../rules/time.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Waits for a time, or until something is so, always with a deadline.'

const until = matching<WaitUntil>()(Type.Union([
  closed({
    detected: list(orLookup(oneOf(detectionSources, 'An alert that arrived, a person who declared, or Muster’s own probe.')), 'Until somebody or something noticed: any of these.', { minItems: 1 }),
    alerts: Type.Optional(list(text('Name of an alert.'), 'Only these alerts count. Default: any.')),
  }),
  closed({ recovered: Type.Literal(true, { description: 'Until every target that had failed is good again.', errorMessage: 'true' }) }),
  closed({
    check: Type.Unsafe<CheckName>({ type: 'string', enum: checkNames, description: 'Until this check passes.' } as TSchema),
    with: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Its input.' })),
    every: duration('How often it is asked.'),
  }),
], { description: '`detected`, `recovered` or `check`.' }))

export const wait: Kind<WaitStep> = {
  about,
  schema: matching<WaitStep>()(stepSchema('wait', about, {
    for: Type.Optional(duration('A plain length of time …')),
    until: Type.Optional(until),
    deadline: Type.Optional(duration('Longest wait of an `until`.')),
    onTimeout: Type.Optional(oneOf(['fail', 'abort', 'finding'], 'What an `until` does that did not come true.', 'fail')),
  })),
  hasOutput: true,
  rules (step, { runbook, report }) {
    const { until } = step
    if (step.for === undefined && until === undefined) report('', 'waits for nothing', 'add for or until')
    if (step.for !== undefined && until !== undefined) report('/for', 'waits for a time and for a condition', 'use for or until, not both')
    if (until === undefined && step.for !== undefined && step.deadline !== undefined) report('/deadline', '"for" is its own deadline', 'remove deadline')
    if (until !== undefined && step.deadline === undefined) report('/until', 'could wait for ever', 'add deadline')
    if (until !== undefined && isZero(step.deadline)) report('/deadline', 'nothing comes true in no time', 'a deadline above 0')
    if (until === undefined) return
    if ('check' in until) {
      checkInput(checkSchemas[until.check], until.with, until.check, (path, message, hint, options) => report(`/until${path}`, message, hint, options))
      if (isZero(until.every)) report('/until/every', 'asks without a pause', 'at least 100ms')
    }
    if ('recovered' in until && !runbook.observe) report('/until/recovered', 'nothing observes whether it recovered', 'add observe')
    if ('detected' in until && !runbook.observe && until.detected.every(source => source === 'probe')) {
      report('/until/detected', 'there is no probe that could notice', 'add observe')
    }
  },
}
