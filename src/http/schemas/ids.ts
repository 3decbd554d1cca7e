import { Type } from 'typebox'
import { Strict } from './answers.js'

// No slash, no dot at the start, no escape, no NUL: what passes here is safe in a path, a query and a workflow id.
export const DrillId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$', description: 'a drill id, e.g. database-primary-failure-20261123-a1b2c3' })
export const StepId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'a step id of the runbook, e.g. approve-promotion' })
export const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'a name: letters, digits, ".", "_", "-"' })
export const PersonId = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$', description: 'a person’s id, e.g. ana' })

export const DrillParams = Strict({ id: DrillId })
export const StepParams = Strict({ id: DrillId, step: StepId })
export const NameParams = Strict({ name: Name })
export const PersonParams = Strict({ id: PersonId })

/** A text that a person writes. NUL would be refused by the store, so it is refused here. Linear on any input: every error is looked for. */
export function text (maxLength: number, description: string) {
  return Type.String({ minLength: 1, maxLength, pattern: '^(?=[^\\u0000]*$)\\s*\\S', description })
}
