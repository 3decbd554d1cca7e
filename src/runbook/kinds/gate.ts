import Type from 'typebox'
import { tryDurationMs } from '../../drill/duration.js'
import { parseLookup, lookupsIn } from '../../drill/lookup.js'
import { roles } from '../../drill/people.js'
import type { GateStep } from '../../drill/runbook.js'
import { duration, list, matching, oneOf, orLookup, text } from '../pieces.js'
import { isZero } from '../rules/time.js'
import { stepSchema, type Kind, type Place } from './kind.js'

const about = 'Waits until enough people of a role approve. One rejection ends it; silence is never approval.'

export const gate: Kind<GateStep> = {
  about,
  schema: matching<GateStep>()(stepSchema('gate', about, {
    effect: text('One sentence: what happens on approve.'),
    risk: Type.Optional(text('One sentence: what it can break.')),
    role: oneOf(roles, 'Who may decide. Whoever started the drill may not approve.'),
    approvals: Type.Optional(Type.Unsafe<number | string>(orLookup(Type.Integer({ minimum: 1, maximum: 20, default: 1, description: 'How many different people must approve.', errorMessage: 'a whole number from 1 to 20, or one lookup' })))),
    deadline: duration('How long it stays open.'),
    reminders: Type.Optional(list(duration('Before the deadline.'), 'Reminders, each this long before the deadline.', { maxItems: 10 })),
    onTimeout: Type.Optional(oneOf(['abort', 'hold', 'escalate'], 'What silence means: abort the drill, keep waiting, or ask the next role.', 'abort')),
    escalateTo: Type.Optional(oneOf(roles, 'For `escalate`: the role that may decide from then on (beside the first), for one more deadline, then abort.')),
  })),
  hasOutput: false,
  rules (step, place) {
    const { report } = place
    if (isZero(step.deadline)) report('/deadline', 'nobody can answer in no time', 'a deadline above 0')
    const deadline = tryDurationMs(step.deadline)
    for (const [index, reminder] of (step.reminders ?? []).entries()) {
      const before = tryDurationMs(reminder)
      if (deadline !== undefined && before !== undefined && before >= deadline) {
        report(`/reminders/${index}`, `reminds ${reminder} before a deadline of ${step.deadline}`, 'a reminder is shorter than the deadline')
      }
    }
    if (step.onTimeout === 'escalate' && !step.escalateTo) report('/onTimeout', 'escalates to nobody', 'add escalateTo')
    if (step.onTimeout !== 'escalate' && step.escalateTo) report('/escalateTo', 'is used by onTimeout: escalate only')
    if (step.escalateTo === step.role) report('/escalateTo', `escalates to the role that did not answer, ${step.role}`)
    quorum(step, place)
  },
}

/** A gate that nobody can pass would be found out in the middle of an outage. */
function quorum (step: GateStep, { runbook, known, report }: Place): void {
  const { approvals = 1 } = step
  if (typeof approvals === 'number') {
    const holders = known.holders?.[step.role]
    if (holders !== undefined && holders < approvals) report('/approvals', `needs ${approvals} × ${step.role}, and ${holders} ${holders === 1 ? 'person holds' : 'people hold'} that role`)
    return
  }
  const lookup = parseLookup(lookupsIn(approvals)[0] ?? '')
  const param = lookup?.root === 'params' && lookup.keys.length === 1 ? runbook.params?.[lookup.keys[0]!] : undefined
  if (!param) return
  if (param.type !== 'integer') report('/approvals', `parameter "${lookup!.keys[0]}" is no integer`)
  else if ((param.minimum ?? 0) < 1) report('/approvals', `parameter "${lookup!.keys[0]}" may be below 1, and a gate needs somebody`, 'give it minimum: 1')
}
