import Type from 'typebox'
import { durationPattern } from '../drill/duration.js'
import { loadMetrics, loadStats, type Behaviour, type LeakRule, type LoadScenario, type LoadTask, type LoadThreshold, type UserType } from '../drill/load.js'
import { HttpStepSchema } from './journey-schema.js'
import { closed, flag, list, matching, name, oneOf, text, whole } from './pieces.js'

/** Load scenarios, and what their users do. `name` may be left out of a file: it is the file's own. */

const time = (description: string, byDefault?: string) => Type.String({
  pattern: durationPattern.source, description, errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h', ...(byDefault ? { default: byDefault } : {}),
})
const number = (minimum: number, description: string, maximum?: number) => Type.Number({
  minimum, ...(maximum === undefined ? {} : { maximum }), description, errorMessage: maximum === undefined ? `a number from ${minimum}` : `a number from ${minimum} to ${maximum}`,
})
const typeName = { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,62}$', errorMessage: 'a name of letters, digits, _ and -, that starts with a letter' }

const threshold = matching<LoadThreshold>()(closed({
  metric: oneOf(loadMetrics, 'What is judged. `responseMs` counts from the intended time of a request, `serviceMs` from its sending; shares go from 0 to 1.'),
  stat: Type.Optional(oneOf(loadStats, 'Of the two times.', 'p99')),
  endpoint: Type.Optional(text('Of this endpoint alone.')),
  userType: Type.Optional(text('Of this type of user alone.')),
  atMost: Type.Optional(number(0, 'The most that it may be.')),
  atLeast: Type.Optional(number(0, 'The least that it must be.')),
  minSamples: Type.Optional({ ...whole(1, 1_000_000, 'Fewer requests say nothing, and are no pass.'), default: 1 }),
  abortOnFail: Type.Optional(flag('Ends the run as soon as its last seconds break this.')),
  window: Type.Optional(time('How many last seconds: at most 60s.', '10s')),
  grace: Type.Optional(time('Not before.', '10s')),
}, 'What the target must stand. Over nothing it is never kept.'))

export const ScenarioSchema = matching<LoadScenario>()(closed({
  name: name('Its name: that of the file without .yaml. May be left out.'),
  title: text('For people, one line.'),
  description: Type.Optional(text('What it proves.')),
  users: whole(1, 5000, 'How many.'),
  runTime: time('How long.'),
  spawnRate: number(0.01, 'New users a second.', 1000),
  levels: Type.Optional(closed({
    users: whole(1, 5000, 'This many users at once, and as many more each time.'),
    every: time('How long each load is held.'),
  }, 'Steps up until an expectation breaks, and names the last load that held.')),
  every: time('A user sends a request this often, counted from the intended time.'),
  jitter: Type.Optional(number(0, 'Each intended time is moved by up to this share of `every`, to either side.', 0.5)),
  timeout: time('Longest wait for one answer.'),
  behaviour: name('Name of the file in `load/users` that says what the users do.'),
  mix: Type.Record(Type.String(), number(0, 'Its share.'), { description: 'Shares of the users’ types; they need not add up to 100.', propertyNames: typeName, minProperties: 1 }),
  thresholds: list(threshold, 'What the target must stand.', { minItems: 1 }),
  leaks: Type.Optional(list(matching<LeakRule>()(closed({
    series: text('Name of a series of the environment’s `load.watch`, or `p95`: the run’s own.'),
    perHourAtMost: number(0, 'The most that it may grow in an hour, in its own unit.'),
  })), 'Series that may not grow; judged in runs that are long enough.')),
  held: Type.Optional(flag('Made to be held by a drill while something fails (`background`): `--all` leaves it out.')),
}, 'A load scenario.'))

const steps = (description: string) => list(HttpStepSchema, description, { minItems: 1 })

const userType = matching<UserType>()(closed({
  about: Type.Optional(text('For people.')),
  start: Type.Optional(steps('Done first, and again after an answer 401: logging in. What it captures is kept.')),
  tasks: list(matching<LoadTask>()(closed({
    name: text('For people.'),
    weight: number(0, 'How often it is drawn, among the others.'),
    steps: steps('Its requests, each at one intended time.'),
  })), 'One is drawn after the other, by weight.', { minItems: 1 }),
}, 'One type of user.'))

export const BehaviourSchema = matching<Behaviour>()(closed({
  name: name('Its name: that of the file without .yaml. May be left out.'),
  title: Type.Optional(text('For people.')),
  userTypes: Type.Record(Type.String(), userType, { description: 'The types of users, by name.', propertyNames: typeName, minProperties: 1 }),
}, 'What users do.'))
