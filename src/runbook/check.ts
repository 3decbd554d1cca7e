import { instantiate } from '../drill/instantiate.js'
import { breachesOf } from '../drill/limits.js'
import { tryDurationMs } from '../drill/duration.js'
import type { Environment } from '../drill/environment.js'
import { isAllowedIn, type Param, type Runbook, type Step } from '../drill/runbook.js'
import { validateInstance } from './instance.js'
import { kindOf } from './kinds/index.js'
import type { Known, Place } from './kinds/kind.js'
import type { Loaded } from './load.js'
import { inOrder, type Problem } from './problem.js'
import { checkIds } from './rules/ids.js'
import { checkLookups } from './rules/lookups.js'
import { checkNesting } from './rules/nesting.js'
import { checkParams } from './rules/params.js'
import { placesOf, type StepPlace } from './rules/places.js'

export type { Known } from './kinds/kind.js'

/**
 * What a schema cannot say about a runbook, each with its place. `known` widens what can be checked: other runbooks (nesting),
 * environments (lookups and inputs, with the parameters' defaults), people (quorum).
 */
export function checkRunbook (loaded: Loaded<Runbook> & { value: Runbook }, known: Known = {}): Problem[] {
  const runbook = loaded.value
  const environments = (known.environments ?? []).filter(environment => isAllowedIn(runbook, environment))
  const problems: Problem[] = []
  const report = (pointer: string, message: string, hint?: string, options?: { atKey?: boolean, level?: Problem['level'] }): void => {
    problems.push(loaded.problemAt(pointer, message, hint, options))
  }
  const places = placesOf(runbook)
  const steps = new Map(places.map(({ step }) => [step.id, step]))
  checkIds(places, pointer => loaded.problemAt(pointer, '').line, report)
  checkParams(runbook, report)
  checkObserve(runbook, report)
  checkLookups(runbook, places, report)
  for (const { step, pointer, earlier } of places) {
    const place: Place = { runbook, earlier, steps, known: { ...known, environments }, report: (path, message, hint, options) => report(`${pointer}${path}`, message, hint, options) }
    kindOf<Step>(step).rules?.(step, place)
  }
  if (known.runbooks) checkNesting(runbook, places, known.runbooks, report)
  const runbooks = Object.fromEntries(known.runbooks ?? [])
  for (const environment of environments) checkAgainst(runbook, environment, problems, report, { runbooks, places })
  return inOrder(problems)
}

type Report = (pointer: string, message: string, hint?: string) => void

function checkObserve ({ observe, readOnly }: Runbook, report: Report): void {
  if (!observe) return
  if (observe.canaries && observe.database === undefined) report('/observe/canaries', 'there is no database that canaries could be written to', 'add observe.database')
  if (observe.canaries && readOnly) report('/observe/canaries', 'a runbook that is readOnly touches nothing, but canaries are writes', 'remove readOnly')
  if (observe.orders && readOnly) report('/observe/orders', 'a runbook that is readOnly touches nothing, but orders are writes', 'remove readOnly')
  if (observe.database === undefined && observe.cache === undefined && !observe.probe.http?.length) report('/observe/probe', 'there is nothing to look at', 'add observe.database, observe.cache or observe.probe.http')
  if (tryDurationMs(observe.probe.interval) === 0) report('/observe/probe/interval', 'looks without a pause', 'at least 10ms')
  if (tryDurationMs(observe.probe.timeout) === 0) report('/observe/probe/timeout', 'nothing answers in no time', 'a timeout above 0')
}

interface Around { runbooks: Record<string, Runbook>, places: StepPlace[] }

/** Fills the runbook in as a start in this environment would, with the parameters' defaults. */
function checkAgainst (runbook: Runbook, environment: Environment, problems: Problem[], report: Report, { runbooks, places }: Around): void {
  const { params, open } = sampleParams(runbook.params ?? {})
  const instance = instantiate(runbook, { params, environment })
  const where = `in environment ${environment.name}`
  // What is wrong without an environment is not told again for each.
  const before = problems.map(problem => problem.pointer)
  const isTold = (pointer: string): boolean => before.some(told => told !== '' && (pointer === told || pointer.startsWith(`${told}/`) || told.startsWith(`${pointer}/`)))
  for (const { code, message, pointer } of instance.problems) {
    if (code === 'lookup.unresolved' && pointer !== undefined && !isTold(pointer)) report(pointer, message, where)
  }
  if (instance.problems.length > 0) return
  for (const { step, field, message } of breachesOf({ runbook: instance.runbook, runbooks, environment })) {
    const pointer = `${places.find(place => place.step.id === step)?.pointer ?? ''}${field === undefined ? '' : `/${field}`}`
    // A lease is told already, without an environment.
    if (!isTold(pointer)) report(pointer, message, 'less at once, shorter, or another limit in the environment file')
  }
  const lookups = new Set<string>()
  for (const { pointer, message, hint } of validateInstance(open(instance.runbook))) {
    if (isTold(pointer)) continue
    const lookup = lookupAt(runbook, pointer)
    if (!lookup) report(pointer, message, hint ? `${hint}; ${where}` : where)
    else if (!lookups.has(lookup.pointer)) {
      // What it leads to is written elsewhere: one problem for the lookup, not one for each part of it.
      lookups.add(lookup.pointer)
      report(lookup.pointer, `${lookup.text} leads to something else than is needed here: ${pointer.slice(lookup.pointer.length + 1)}${pointer === lookup.pointer ? '' : ' '}${message}`, where)
    }
  }
}

/** The lookup that stands at a place of a runbook, or at one that holds it. */
function lookupAt (runbook: Runbook, pointer: string): { pointer: string, text: string } | undefined {
  let value: unknown = runbook
  let at = ''
  for (const key of pointer.split('/').slice(1)) {
    if (value === null || typeof value !== 'object') break
    value = (value as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')]
    at += `/${key}`
  }
  return typeof value === 'string' && value.includes('{{') ? { pointer: at, text: value } : undefined
}

const openMark = 'muster-not-known-yet'

/** Values for parameters that have no default; plain text, which nobody can guess, counts as not known. */
function sampleParams (declared: Record<string, Param>): { params: Record<string, unknown>, open: <T>(value: T) => T } {
  const samples = Object.entries(declared).flatMap(([name, param]): Array<[string, unknown]> => param.default !== undefined
    ? []
    : [[name, param.enum?.[0] ?? { integer: param.minimum ?? param.maximum ?? 1, boolean: false, duration: '1s', string: openMark }[param.type]]])
  return {
    params: Object.fromEntries(samples),
    // Told to the validator in its own words: an output that nobody has yet.
    open: value => JSON.parse(JSON.stringify(value).replaceAll(openMark, '{{ steps.not-known.output.yet }}')) as typeof value,
  }
}
