import Type, { type TSchema } from 'typebox'
import { actionCatalog, type ActionName } from '../../drill/actions.js'
import { tryDurationMs } from '../../drill/duration.js'
import { defaultLease, defaultMaxLease } from '../../drill/lease.js'
import type { ActionStep } from '../../drill/runbook.js'
import { actionNames, actionSchemas, ownActions } from '../inputs.js'
import { duration, matching } from '../pieces.js'
import { checkInput } from '../rules/input.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Does something, and owes its undo: the drill undoes it at its end at the latest.'

export const action: Kind<ActionStep> = {
  about,
  schema: matching<ActionStep>()(stepSchema('action', about, {
    action: Type.Unsafe<ActionName>({ type: 'string', enum: actionNames, description: 'What to do: one of the actions below.' } as TSchema),
    with: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Its input.' })),
    timeout: Type.Optional(duration('Longest single try. Default: the action’s own.')),
    lease: Type.Optional(duration('Of a fault: how long it stays when nothing renews it, since worker or Temporal are away; the watchdog reverts it then.', defaultLease)),
    atMost: Type.Optional(duration('Of a fault: how long it may stay at most. Then it is reverted, and the drill is invalid. Default: what the environment allows (`limits.fault`).')),
  })),
  hasOutput: true,
  rules (step, { runbook, report }) {
    checkInput(actionSchemas[step.action], step.with, step.action, report)
    if (runbook.readOnly && !actionCatalog[step.action].isBeside) report('/action', `a runbook that is readOnly touches nothing, but ${step.action} does`, 'remove readOnly')
    if (actionCatalog[step.action].isFault && !runbook.observe) {
      report('/action', `${step.action} breaks something, and nothing observes it: the drill would be invalid`, 'add observe')
    }
    if (step.lease !== undefined && !actionCatalog[step.action].isLeased) report('/lease', `${step.action} holds no lease: it cannot be reverted by itself`, 'remove lease')
    if (step.atMost !== undefined && !actionCatalog[step.action].isLeased) report('/atMost', `${step.action} holds no lease: it cannot be reverted by itself`, 'remove atMost')
    const max = runbook.maxLease ?? defaultMaxLease
    if ((tryDurationMs(step.lease) ?? 0) > (tryDurationMs(max) ?? Infinity)) {
      report('/lease', `a lease of ${step.lease} is longer than the runbook’s maximum of ${max}`, 'shorten it, or raise maxLease')
    }
    if (ownActions.includes(step.action)) report('/action', `${step.action} is done by the drill itself`)
  },
}
