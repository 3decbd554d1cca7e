import Type, { type TSchema } from 'typebox'
import type { Environment } from '../../drill/environment.js'
import type { LoadScenario } from '../../drill/load.js'
import type { Role } from '../../drill/people.js'
import type { Runbook, Step, StepKind } from '../../drill/runbook.js'
import type { Suite } from '../../drill/suite.js'
import { closed, duration, name, orLookup, text } from '../pieces.js'

/** One kind of step: its schema, what it is, and what a schema cannot say about it. */
export interface Kind<S extends Step> {
  /** For the reference. */
  about: string
  schema: TSchema
  /** Whether later steps may look up `steps.ID.output`. */
  hasOutput: boolean
  /** Reports what is wrong with a step that fits its schema. */
  rules?: (step: S, place: Place) => void
}

/** Where a step stands, for its rules. */
export interface Place {
  runbook: Runbook
  /** The steps that are surely over when this one begins. */
  earlier: Step[]
  /** Every step of the runbook, by id. */
  steps: Map<string, Step>
  known: Known
  /** `path` is a JSON pointer below the step, e.g. `/with/node`; `''` is the step. */
  report: (path: string, message: string, hint?: string, options?: { atKey?: boolean }) => void
}

/** What is known beside the runbook itself; what is absent is not checked. */
export interface Known {
  runbooks?: ReadonlyMap<string, Runbook>
  /** Names of all runbooks that are there, also of those with errors. */
  runbookNames?: readonly string[]
  environments?: readonly Environment[]
  /** All smoke suites and load scenarios that are there, by name; undefined for one with errors. */
  suites?: ReadonlyMap<string, Suite | undefined>
  scenarios?: ReadonlyMap<string, LoadScenario | undefined>
  /** How many people hold a role. */
  holders?: Partial<Record<Role, number>>
}

/** The schema of a kind: what every step has, and its own fields. */
export function stepSchema<const K extends StepKind, P extends Record<string, TSchema>> (kind: K, about: string, fields: P) {
  return closed({
    kind: Type.Literal(kind, { description: about }),
    id: name('Its name, unique in the runbook; lookups and `undo` use it.'),
    title: Type.Optional(text('For people. Default: the id in words.')),
    when: Type.Optional(Type.Unsafe<string | boolean>(orLookup(Type.Boolean({ description: 'The step runs only if this is true (not false, 0, empty or absent).', errorMessage: 'true, false or one lookup' })))),
    unless: Type.Optional(Type.Unsafe<string | boolean>(orLookup(Type.Boolean({ description: 'The step is skipped if this is true.', errorMessage: 'true, false or one lookup' })))),
    expected: Type.Optional(duration('How long it should take, for planned against actual.')),
    ...fields,
  }, about)
}
