import { createHash, randomBytes } from 'node:crypto'
import { instantiate } from '../drill/instantiate.js'
import type { DrillInput } from '../drill/input.js'
import type { Person } from '../drill/people.js'
import { allSteps, type Runbook } from '../drill/runbook.js'
import { DrillError } from '../errors.js'
import { canonicalJson } from '../store/chain.js'
import type { Catalog, Listed } from './deps.js'

/** What a caller asks for, of a drill or of a plan. */
export interface Wanted { runbook: string, environment: string, params?: Record<string, unknown>, production?: boolean }

/**
 * The input of a drill: runbook and environment as their files are now, parameters filled in.
 *
 * @throws DrillError `runbook.unknown`, `environment.unknown`, `runbook.invalid`, `environment.invalid` (details: file:line:col each),
 * `params.invalid`, `lookup.unresolved` (details: Refusal[])
 */
export function prepare (catalog: Catalog, wanted: Wanted, commander: Person, drillId: string): DrillInput {
  const found = usable(catalog.runbooks, wanted.runbook, 'runbook')
  const environment = usable(catalog.environments, wanted.environment, 'environment').value
  const { runbook, params, problems } = instantiate(found.value, { params: wanted.params ?? {}, environment })
  const [first] = problems
  if (first) {
    const code = first.code === 'params.invalid' ? 'params.invalid' : 'lookup.unresolved'
    throw new DrillError(code, problems.map(({ message }) => message).join('; '), { details: problems })
  }
  return {
    drillId,
    runbook,
    runbookHash: found.hash,
    runbooks: nested(catalog, found.value),
    environment,
    params,
    commander,
    ...(wanted.production === undefined ? {} : { production: wanted.production }),
  }
}

/** `<runbook>-<yyyymmdd>-<6 characters>`, the day in UTC: to be read aloud, and unique enough for a day's drills. */
export function newDrillId (runbook: string, now: Date): string {
  const alphabet = 'abcdefghjkmnpqrstvwxyz0123456789'
  const tail = [...randomBytes(6)].map(byte => alphabet[byte % alphabet.length]).join('')
  return `${runbook}-${now.toISOString().slice(0, 10).replaceAll('-', '')}-${tail}`
}

/** SHA-256 of a request, hex: the same wish has the same hash, however its keys are ordered. */
export function hashOf (wanted: Wanted): string {
  return createHash('sha256').update(canonicalJson({ ...wanted, params: wanted.params ?? {}, production: wanted.production ?? false })).digest('hex')
}

/** A runbook or environment that has no errors. */
export function usable<T> (list: Array<Listed<T>>, name: string, kind: 'runbook' | 'environment'): Listed<T> & { value: T } {
  const found = find(list, name, kind)
  if (found.value === undefined || found.problems.length > 0) {
    throw new DrillError(`${kind}.invalid`, `${kind} "${name}" has errors: ${found.problems.slice(0, 3).join('; ')}`, { details: found.problems })
  }
  return { ...found, value: found.value }
}

/** A runbook or environment, whether or not it has errors. */
export function find<T> (list: Array<Listed<T>>, name: string, kind: 'runbook' | 'environment'): Listed<T> {
  const found = list.find(one => one.name === name)
  if (!found) throw new DrillError(`${kind}.unknown`, `there is no ${kind} "${name}"; there is ${list.map(one => one.name).join(', ') || 'none'}`)
  return found
}

/** Every runbook that this one may run, also through another; one that is missing is named. */
function nested (catalog: Catalog, runbook: Runbook, found: Record<string, Runbook> = {}): Record<string, Runbook> {
  for (const step of allSteps(runbook.steps)) {
    if (step.kind !== 'runbook' || Object.hasOwn(found, step.runbook)) continue
    const inner = usable(catalog.runbooks, step.runbook, 'runbook').value
    found[step.runbook] = inner
    nested(catalog, inner, found)
  }
  return found
}
