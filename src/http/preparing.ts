import { createHash, randomBytes } from 'node:crypto'
import { instantiate } from '../drill/instantiate.js'
import type { DrillInput } from '../drill/input.js'
import { rehearsalOf } from '../drill/rehearsal.js'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import type { Catalog } from '../runbook/catalog.js'
import { validateInstance } from '../runbook/instance.js'
import { needsOf } from '../runbook/needs.js'
import { problemLine } from '../runbook/problem.js'
import { canonicalJson } from '../store/chain.js'

/** What a caller asks for, of a drill or of a plan. */
export interface Wanted { runbook: string, environment: string, params?: Record<string, unknown>, production?: boolean, rehearse?: boolean }

/**
 * The input of a drill: runbook and environment as their files are now, parameters filled in.
 *
 * @throws DrillError `runbook.unknown`, `environment.unknown`, `runbook.invalid`, `environment.invalid` (details: each problem with
 * its place), `params.invalid`, `lookup.unresolved` (details: Refusal[]), as `needsOf` does
 */
export function prepare (catalog: Catalog, wanted: Wanted, commander: Person, drillId: string): DrillInput {
  const found = catalog.runbook(wanted.runbook)
  const environment = catalog.environment(wanted.environment).value
  const { runbook, params, problems } = instantiate(found.value, { params: wanted.params ?? {}, environment })
  const [first] = problems
  if (first) {
    const code = first.code === 'params.invalid' ? 'params.invalid' : 'lookup.unresolved'
    throw new DrillError(code, problems.map(({ message }) => message).join('; '), { details: problems })
  }
  // With these very parameters and this environment every input must be complete: a drill must not find out half-way.
  const flaws = validateInstance(runbook).map(({ pointer, message, hint }) => found.problemAt(pointer, message, hint))
  if (flaws.length > 0) {
    throw new DrillError('runbook.invalid', `runbook "${wanted.runbook}" does not fit environment "${wanted.environment}": ${flaws.slice(0, 3).map(problemLine).join('; ')}`, { details: flaws })
  }
  const runbooks = catalog.nested(found.value)
  return {
    drillId,
    runbook: wanted.rehearse === true ? rehearsalOf(runbook, environment) : runbook,
    runbookHash: found.hash,
    runbooks,
    ...needsOf(catalog, [runbook, ...Object.values(runbooks)], environment),
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
