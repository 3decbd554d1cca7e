import Type, { type Static, type TProperties, type TSchema } from 'typebox'
import type { Objectives } from '../drill/environment.js'
import type { LoadSummary } from '../drill/load.js'
import type { LoadSection, SuiteSection } from '../drill/report.js'
import type { Loss } from '../drill/loss.js'
import type { Observation } from '../drill/observation.js'
import type { SuiteSummary } from '../drill/suite.js'

/** What the report's schema is made of: every field says what it is, and times and lengths say their unit. */

/** Assignable both ways, and no field of either is missing in the other, optional ones included: those would go unnoticed. */
type Same<A, B> = [A, B] extends [B, A] ? [Keys<A>, Keys<B>] extends [Keys<B>, Keys<A>] ? true : false : false
type Keys<T> = unknown extends T ? T : T extends Array<infer Item> ? Keys<Item> : T extends object ? { [K in keyof T]-?: Keys<NonNullable<T[K]>> } : T

/** Makes the compiler prove that a schema says neither more nor less than a type of src/drill. */
export function describes<T> () {
  return <S extends TSchema>(schema: S & (Same<Static<S>, T> extends true ? unknown : { 'schema and type differ': true })): S => schema as S
}

export const verdicts = ['passed', 'passed-with-findings', 'failed', 'invalid', 'aborted'] as const

/** An object with these fields and no others: what the report holds is published, or it is not there. */
export function object<P extends TProperties> (fields: P, description: string) {
  return Type.Object(fields, { additionalProperties: false, description })
}

export function list<S extends TSchema> (items: S, description: string) {
  return Type.Array(items, { description })
}

export const maybe = Type.Optional

export function text (description: string) {
  return Type.String({ description })
}

export function oneOf<const V extends readonly string[]> (values: V, description: string) {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], description })
}

export function atMs (description: string) {
  return Type.Number({ description: `${description} Epoch milliseconds, UTC.` })
}

export function ms (description: string) {
  return Type.Number({ description: `${description} Milliseconds.` })
}

export function count (description: string) {
  return Type.Integer({ minimum: 0, description: `${description} A count.` })
}

export function Named (description: string) {
  return object({ id: text('Id of the person.'), name: text('Name of the person.') }, description)
}

export const ObjectivesSchema = describes<Partial<Objectives>>()(object({
  rto: maybe(text('Recovery time objective: longest acceptable outage, as a duration with its unit (60s, 5m).')),
  rpo: maybe(text('Recovery point objective: how much may be lost, as a duration with its unit; 0s: no acknowledged write.')),
}, 'The targets.'))

export const LossSchema = describes<Loss>()(object({
  issued: count('Canaries sent.'),
  acked: count('Acknowledged.'),
  survived: count('Acknowledged and there afterwards.'),
  lost: count('Acknowledged and not there.'),
  refused: count('Refused.'),
  unknown: count('Those whose answer never came: there or not.'),
  unknownPresent: count('Those of them that are there.'),
  doubled: count('Those that are there more than once.'),
  alien: count('Those that are there and that nobody wrote.'),
  rpaMs: ms('Recovery point achieved: from the last survivor’s commit to the fault; 0 where nothing was lost.'),
  lostSpanMs: ms('From the first lost one’s issue to the last lost one’s acknowledgement.'),
  lostBytes: Type.Number({ description: 'Log between the switch and the last lost canary. Bytes.' }),
  switchLsn: maybe(text('Where the promoted node left the old timeline: a position in the log.')),
  witness: object({
    outcome: oneOf(['agrees', 'disagrees', 'blind'], 'Whether the failed node’s own log says the same.'),
    detail: text('In words.'),
    commitsAfterSwitch: maybe(count('Transactions that the failed node committed at or after the switch.')),
  }, 'The second witness.'),
}, 'The account of writes.'))

export const ObservationSchema = describes<Observation>()(object({
  startedAtMs: atMs('First look.'),
  endedAtMs: atMs('Last look.'),
  intervalMs: ms('Between two looks: the error of every time that the probe found.'),
  targets: list(object({
    name: text('The target.'), samples: count('Looks.'), failed: count('Failed ones.'),
    p50Ms: ms('Median latency of the good ones.'), p99Ms: ms('99th percentile of them.'), maxMs: ms('Slowest of them.'),
  }, 'One target.'), 'What was looked at.'),
  canaries: maybe(object({
    issued: count('Sent.'), acked: count('Acknowledged.'), refused: count('Refused.'), unknown: count('Without an answer.'),
    missed: maybe(count('Not sent, since the writer was still busy.')),
    firstAckAfterOutageMs: maybe(atMs('First good write that was sent after the outage began.')),
    longestGapMs: ms('Longest time between two acknowledgements.'),
  }, 'The writes.')),
  orders: maybe(object({
    issued: count('Sent.'), placed: count('Answered as placed.'), refused: count('Refused.'), unknown: count('Without an answer.'),
    resent: count('Sent again.'), sessionsLost: count('Sessions that were gone.'),
  }, 'The orders of the drill’s customers.')),
  blind: list(object({ fromMs: atMs('From.'), toMs: atMs('To.'), reason: text('Why.') }, 'One gap.'), 'When the probe itself could not look.'),
  clockJumpMs: maybe(ms('By how much the worker’s wall clock was set meanwhile; negative: back. Lengths are counted by its steady clock.')),
}, 'What the probe saw, in totals.'))

const judged = {
  verdict: oneOf(verdicts, 'Its own verdict.'), why: text('The first reason.'), reasons: list(text('A reason.'), 'Every reason, worst first; at most ten.'),
  stored: Type.Boolean({ description: 'False where the store did not take the whole result in time.' }),
}

export const LoadSummarySchema = describes<LoadSummary>()(object({
  runId: text('Names the run; the whole result lies in the store under it.'), scenario: text('Name of the scenario.'), ...judged,
  startedAtMs: atMs('When it began.'), durationMs: ms('How long it was.'), users: count('Users.'),
  requests: count('Requests that were answered or failed.'), errors: count('Those that failed.'), missed: count('Those that were due while their user still waited.'),
  requestsPerSecond: Type.Number({ description: 'Requests a second.' }),
  p50Ms: maybe(ms('Median of the response time, from the intended time to the last byte.')), p95Ms: maybe(ms('Its 95th percentile.')), p99Ms: maybe(ms('Its 99th percentile.')),
  breaking: maybe(text('The last load that held, and what gave first.')),
  baseline: maybe(oneOf(['first', 'same', 'better', 'worse', 'not-compared'], 'Against earlier runs.')),
  failing: maybe(object({ fromMs: atMs('Begin of the first.'), toMs: atMs('End of the last.') }, 'The seconds in which requests failed.')),
}, 'A load in short.'))

export const SuiteSummarySchema = describes<SuiteSummary>()(object({
  runId: text('Names the run; every answer lies in the store under it.'), suite: text('Name of the suite.'), ...judged,
  passed: count('Checks that passed.'), failed: count('Checks that failed.'), blind: count('Checks that could not be asked.'), unasked: count('Checks that were not configured or not asked for.'),
  ms: ms('How long it took.'),
}, 'A smoke suite in short.'))

const figure = (description: string) => Type.Number({ description })
const step = text('Id of the step.')

const feltPart = (when: string) => object({ requests: count('Requests that came to an end.'), errors: count('Failed ones.') }, when)

export const LoadSectionSchema = describes<LoadSection>()(object({
  step, load: LoadSummarySchema,
  response: maybe(object({
    p50: ms('Half of the answers came within it.'), p75: ms('75 %.'), p90: ms('90 %.'), p95: ms('95 %.'), p99: ms('99 %.'), p999: ms('99.9 %.'), max: ms('All.'), mean: ms('Their mean.'),
  }, 'Response times, from the intended time of each request to the last byte of its answer.')),
  expectations: maybe(list(object({ text: text('What is demanded.'), why: text('What was measured.'), kept: Type.Boolean({ description: 'Whether it was kept.' }) }, 'One threshold.'), 'What the target had to stand.')),
  baseline: maybe(text('Against earlier runs, in words.')),
  felt: maybe(object({ before: feltPart('Before the outage.'), during: feltPart('In seconds that touch it.'), after: feltPart('After it.') }, 'What customers felt of the outage that the probe saw.')),
  failures: maybe(list(object({ failure: text('Kind of failure.'), count: count('How many.') }, 'One kind.'), 'Failed requests by kind.')),
  slow: maybe(count('Requests over a second.')),
  resources: maybe(list(object({ name: text('What it is.'), unit: text('Its unit.'), min: figure('Lowest, in the unit.'), mean: figure('Mean, in the unit.'), max: figure('Highest, in the unit.') }, 'One series.'), 'What was measured of the target.')),
  points: maybe(list(object({
    atMs: atMs('End of the second.'), users: count('Users there.'), requests: count('Requests that came to an end in it.'), errors: count('Failed ones.'), missed: count('Due ones whose user still waited.'),
    p50Ms: maybe(ms('Median of the response time.')), p95Ms: maybe(ms('Its 95th percentile.')), p99Ms: maybe(ms('Its 99th percentile.')),
  }, 'One second.'), 'Its course; of long loads thinned.')),
}, 'A load of the drill.'))

export const SuiteSectionSchema = describes<SuiteSection>()(object({
  step, suite: SuiteSummarySchema,
  checks: maybe(list(object({
    id: text('Id of the check.'), title: text('What must hold.'), outcome: oneOf(['pass', 'fail', 'blind', 'not-configured', 'skipped'], 'Only a pass is one.'), observed: text('What was seen.'), expected: text('What was wanted.'), ms: ms('How long it took.'),
  }, 'One check.'), 'Every check.')),
}, 'A smoke suite of the drill.'))
