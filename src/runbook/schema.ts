import Type, { type TSchema } from 'typebox'
import { placePattern, tierPlaces, type Objectives } from '../drill/environment.js'
import type { Observe, Param, Runbook } from '../drill/runbook.js'
import { ApiSchema, CacheSchema, DatabaseSchema, objectiveFields } from './environment-schema.js'
import { EnvironmentSchema } from './inventory-schema.js'
import { SuiteSchema } from './suite-schema.js'
import { kinds } from './kinds/index.js'
import { BehaviourSchema, ScenarioSchema } from './load-schema.js'
import { StepRef } from './kinds/parallel.js'
import { closed, duration, flag, list, matching, name, oneOf, orLookup, table, text, whole } from './pieces.js'

const param = matching<Param>()(closed({
  type: oneOf(['string', 'integer', 'boolean', 'duration'], 'What it takes.'),
  description: Type.Optional(text('For people.')),
  default: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()], { description: 'Its value where none is given. Without one it must be given.', errorMessage: 'text, a number, true or false' })),
  enum: Type.Optional(list(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$', errorMessage: 'letters, digits, _ and -' }), 'The values it can have. `{{ params.NAME.VALUE }}` is true where it has that value.', { minItems: 1 })),
  minimum: Type.Optional(Type.Number({ description: 'Smallest integer.' })),
  maximum: Type.Optional(Type.Number({ description: 'Largest integer.' })),
}, 'A parameter, asked for at the start.'))

const observe = matching<Observe>()(closed({
  database: Type.Optional(Type.Unsafe<string | object>(orLookup({ ...DatabaseSchema, description: 'The cluster whose door canaries and probe go through: `{{ env.database }}`.', errorMessage: 'one lookup, for example {{ env.database }}' }))),
  canaries: Type.Optional(closed({
    writers: orLookup(whole(1, 64, 'How many write side by side.')),
    perSecond: orLookup(whole(1, 10_000, 'How many writes a second, all together.')),
  }, 'Acknowledged writes through the application’s door, read back after the recovery.')),
  cache: Type.Optional(Type.Unsafe<string | object>(orLookup({ ...CacheSchema, description: 'The cache whose door the probe asks too: `{{ env.cache }}`.', errorMessage: 'one lookup, for example {{ env.cache }}' }))),
  orders: Type.Optional(closed({
    api: Type.Unsafe<string | object>(orLookup({ ...ApiSchema, description: 'The service, with a customer: `{{ env.api }}`.', errorMessage: 'one lookup, for example {{ env.api }}' })),
    customers: orLookup(whole(1, 10, 'How many order side by side, each with a session of its own.')),
    perSecond: orLookup(whole(1, 100, 'How many orders a second, all together.')),
    keys: Type.Optional(Type.Unsafe<boolean | string>(orLookup(Type.Boolean({ description: 'Whether each order has an idempotency key, the same when it is sent again.', default: true, errorMessage: 'true, false or one lookup' })))),
  }, 'Customers who order all the time. Their orders stay.')),
  probe: closed({
    interval: duration('Between two looks: the error of every measured time.'),
    timeout: duration('Longest wait for one answer.'),
    failures: orLookup(whole(1, 100, 'Failures in a row that make “down”.')),
    successes: orLookup(whole(1, 100, 'Good ones in a row that make “up”.')),
    http: Type.Optional(list(closed({
      name: text('Name of the target.'),
      url: text('The page: an address or a lookup. Any status below 400 is good.'),
      caFile: Type.Optional(text('Certificate authority, a file on the worker.')),
    }), 'Pages asked beside the database.')),
  }, 'Continuous measurement from outside.'),
}, 'What is measured from before the first step to after the last.'))

export const RunbookSchema = matching<Runbook>()(Type.Object({
  name: name('Its name: that of the file without .yaml. May be left out.'),
  title: text('For people, one line.'),
  description: Type.Optional(text('What it proves.')),
  type: oneOf(['tabletop', 'simulated-failure', 'full-test', 'regional-failover', 'verification'], 'What kind of exercise it is.'),
  environments: list(Type.String({ pattern: placePattern, errorMessage: `a name, or ${tierPlaces}` }), 'Where it may run: names of environments, or tiers as `tier:lab`.', { minItems: 1 }),
  readOnly: Type.Optional(flag('It touches nothing, and needs no lock of the environment.')),
  objectives: Type.Optional(matching<Partial<Objectives>>()(closed({ rto: Type.Optional(objectiveFields.rto), rpo: Type.Optional(objectiveFields.rpo) }, 'Targets, where they are tighter than the environment’s.'))),
  params: Type.Optional(table(param, 'Parameters, looked up as `{{ params.NAME }}`.')),
  observe: Type.Optional(observe),
  undoDeadline: Type.Optional(duration('How long one undo is retried before it is “left behind”.', '2m')),
  maxLease: Type.Optional(duration('The longest lease that one of its faults may have.', '5m')),
  steps: list(StepRef, 'The steps, in order.', { minItems: 1, maxItems: 500 }),
}, {
  additionalProperties: false,
  description: 'A runbook: objectives, what to observe, steps.',
  $defs: { Step: { description: 'One step.', type: 'object', required: ['kind'], discriminator: { propertyName: 'kind' }, oneOf: Object.values(kinds).map(kind => kind.schema) } },
}))

/** The form of a runbook whose parameters and environment are filled in: no value may be a lookup in place of itself. */
export const InstanceSchema = withoutLookups(RunbookSchema) as TSchema

const published = {
  runbook: { title: 'Muster runbook', schema: RunbookSchema },
  environment: { title: 'Muster environment', schema: EnvironmentSchema },
  suite: { title: 'Muster suite', schema: SuiteSchema },
  load: { title: 'Muster load scenario', schema: ScenarioSchema },
  'load-users': { title: 'Users of a Muster load', schema: BehaviourSchema },
}

/** For editors: what a file may hold. `name` is the file's own and may be left out there. */
export function publishedSchema (which: keyof typeof published): object {
  const { title, schema } = published[which]
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...schema, required: schema.required.filter(field => field !== 'name') }
}

/** Takes the first of each `[value, lookup]`: see orLookup(). */
function withoutLookups (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutLookups)
  if (schema === null || typeof schema !== 'object') return schema
  const { anyOf, ...rest } = schema as { anyOf?: Array<{ pattern?: string }> }
  if (anyOf?.length === 2 && anyOf[1]!.pattern?.startsWith('^\\{\\{')) return withoutLookups({ ...anyOf[0], ...rest })
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withoutLookups(value)]))
}
