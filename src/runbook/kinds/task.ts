import Type from 'typebox'
import { roles } from '../../drill/people.js'
import type { TaskStep } from '../../drill/runbook.js'
import { duration, matching, oneOf, text } from '../pieces.js'
import { isZero } from '../rules/time.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'A person does it and confirms.'

export const task: Kind<TaskStep> = {
  about,
  schema: matching<TaskStep>()(stepSchema('task', about, {
    instructions: text('What to do.'),
    role: oneOf(roles, 'Who may confirm.'),
    deadline: duration('How long it stays open.'),
    onTimeout: Type.Optional(oneOf(['abort', 'fail', 'finding'], 'What silence means.', 'fail')),
  })),
  hasOutput: false,
  rules (step, { report }) {
    if (isZero(step.deadline)) report('/deadline', 'nobody can do it in no time', 'a deadline above 0')
  },
}
