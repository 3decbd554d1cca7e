import { identityOf, suiteRun, unasked, type CheckRun, type Suite, type SuiteRun } from '../drill/suite.js'
import { DrillError } from '../errors.js'
import { askCheck, type AskInput } from './ask.js'
import { paramsFor } from './values.js'

export interface RunInput extends Pick<AskInput, 'environment' | 'runId' | 'attempt' | 'signal' | 'secret'> {
  suite: Suite
  /** Ids of the checks to ask; without it all. */
  only?: readonly string[]
  params?: Record<string, unknown>
  /** One check after the other: for a comparison, or a fragile target. */
  serial?: boolean
  onStart?: (id: string) => void
  onAnswer?: (run: CheckRun) => void
}

/** Journeys side by side at most: more would slow each other, and be measured as slow. */
const journeysAtOnce = 3

/**
 * Runs a suite: every check beside the others, journeys three at a time. Throws only `params.invalid`, and `input.invalid` for a check
 * that is none, before anything is asked; and what the signal was aborted with.
 */
export async function runSuite (input: RunInput): Promise<SuiteRun> {
  const { suite, environment, runId, only, serial, onStart, onAnswer } = input
  const params = paramsFor(suite, environment, input.params)
  const wrong = only?.find(id => !suite.checks.some(check => check.id === id))
  if (wrong !== undefined) throw new DrillError('input.invalid', `suite ${suite.name} has no check "${wrong}"; it has ${suite.checks.map(check => check.id).join(', ')}`)
  const startedAtMs = Date.now()
  const one = slots(1)
  const journeys = slots(journeysAtOnce)
  const runs = await Promise.all(suite.checks.map(async check => {
    if (only !== undefined && !only.includes(check.id)) return unasked(check, 'skipped', 'not asked for')
    const turn = serial === true ? one : check.category === 'journeys' ? journeys : free
    const run = await turn(async () => {
      onStart?.(identityOf(check).id)
      return await askCheck({ ...input, check, params })
    })
    onAnswer?.(run)
    return run
  }))
  return suiteRun(suite, { environment: environment.name, runId, runs, startedAtMs, endedAtMs: Date.now() })
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>

const free: Turn = async work => await work()

/** Lets so many work at once, in the order of asking. */
function slots (count: number): Turn {
  let busy = 0
  const waiting: Array<() => void> = []
  return async work => {
    if (busy >= count) await new Promise<void>(resolve => { waiting.push(resolve) })
    else busy++
    try {
      return await work()
    } finally {
      // Handed on, not freed: nobody who asks later comes first.
      const next = waiting.shift()
      if (next) next()
      else busy--
    }
  }
}
