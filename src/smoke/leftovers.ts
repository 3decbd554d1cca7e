import { retriesOf, type SmokeAnswer, type SuiteCheck } from '../drill/suite.js'
import { runJourney } from '../journey/journey.js'
import type { SmokeContext } from './check.js'
import type { Try } from './values.js'

/** To the first question: there is no such account, or no such thing. */
const notThere = [401, 403, 404, 410]

/**
 * Removes what tries of this run made whose process died before it could: they are known by what they were called. Undefined where there
 * is nothing to look for, or nothing was there.
 * @param attempt of the run that begins now; those before it died
 * @param inTheNameOf does something as a try of this check would, with its `{{ nonce }}`
 */
export async function removeLeftovers (
  { leftovers, ...check }: Pick<SuiteCheck, 'leftovers' | 'category' | 'retries'>, attempt: number,
  inTheNameOf: (one: Omit<Try, 'runId'>, work: (context: SmokeContext) => Promise<SmokeAnswer>) => Promise<SmokeAnswer>
): Promise<SmokeAnswer['cleanUp']> {
  if (leftovers === undefined) return undefined
  const found: SmokeAnswer[] = []
  for (let before = 1; before < attempt; before++) {
    for (let number = 0; number <= retriesOf(check); number++) {
      const answer = await inTheNameOf({ attempt: before, number }, async context => await remove(leftovers, context))
      if (answer.outcome !== 'pass' || answer.observed !== '') found.push(answer)
    }
  }
  if (found.length === 0) return undefined
  const stays = found.filter(answer => answer.outcome !== 'pass')
  return stays.length === 0
    ? { cleaned: true, observed: 'nothing of a worker that died is left' }
    : { cleaned: false, observed: `of a worker that died: ${stays.map(answer => answer.observed).join('; ')}` }
}

/** Passes over nothing without a word. */
async function remove (steps: NonNullable<SuiteCheck['leftovers']>, context: SmokeContext): Promise<SmokeAnswer> {
  const statuses: number[] = []
  const { values, secrets, signal } = context
  const { steps: records } = await runJourney(steps, { http: context.service().http, values, secrets, signal, onAnswer: (_, { status }) => { statuses.push(status); return [] } })
  const failed = records.find(record => record.outcome === 'fail')
  if (failed === undefined) return { outcome: 'pass', observed: 'removed', expected: '' }
  if (failed === records[0] && notThere.includes(statuses[0] ?? 0)) return { outcome: 'pass', observed: '', expected: '' }
  return { outcome: 'fail', observed: `${failed.name}: ${failed.observed}`, expected: '' }
}
