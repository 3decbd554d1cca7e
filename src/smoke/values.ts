import { createHash } from 'node:crypto'
import type { Environment } from '../drill/environment.js'
import { smokeCheckNeeds } from '../drill/smoke-checks.js'
import type { Suite, SuiteCheck } from '../drill/suite.js'
import { DrillError } from '../errors.js'
import type { Values } from '../journey/fill.js'

/** A suite's parameters, as this environment and the caller want them. @throws DrillError `params.invalid` for one that no suite has */
export function paramsFor (suite: Suite, environment: Environment, given: Values = {}): Values {
  const declared = suite.params ?? {}
  const unknown = Object.keys(given).find(name => !Object.hasOwn(declared, name))
  if (unknown !== undefined) throw new DrillError('params.invalid', `suite ${suite.name} has no parameter "${unknown}"; it has ${Object.keys(declared).join(', ') || 'none'}`)
  // An environment may serve several suites: what this one does not know is for another.
  const own = Object.fromEntries(Object.entries(environment.smoke?.params ?? {}).filter(([name]) => Object.hasOwn(declared, name)))
  return { ...declared, ...own, ...given }
}

/** The parts and parameters that a check needs and this environment does not have. An empty parameter is none. */
export function missingFor (check: SuiteCheck, environment: Environment, params: Values): string[] {
  const text = textOf(check)
  const mentioned = [...text.matchAll(/\{\{\s*(accounts\.[A-Za-z0-9_-]+|api\.token)/g)].map(([, name]) => name === 'api.token' ? name : `api.${name}`)
  const inEnvironment = [...text.matchAll(/\{\{\s*env\.([A-Za-z0-9_.-]+)/g)].map(([, name]) => name!)
  const needs = [...smokeCheckNeeds[check.check], ...check.needs ?? [], ...mentioned, ...inEnvironment]
  const has = (name: string): boolean => {
    const value = at(name.startsWith('params.') ? { params } : environment, name)
    return value !== undefined && value !== null && value !== ''
  }
  return [...new Set(needs)].filter(name => !has(name))
}

function at (value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => inner !== null && typeof inner === 'object' && Object.hasOwn(inner, key) ? (inner as Values)[key] : undefined, value)
}

function textOf (check: SuiteCheck): string {
  return JSON.stringify([check.with, check.leftovers])
}

/** One try of a check: of which run, begun how often, and the how-many-th there. */
export interface Try { runId: string, attempt: number, number: number }

/** What `{{ }}` stands for in a check: everything but what its steps capture. Secrets are resolved only where the check names them. */
export async function valuesFor (
  check: SuiteCheck, { runId, attempt, number }: Try, environment: Environment, params: Values, secret: (ref: string) => Promise<string>
): Promise<Values> {
  const text = textOf(check)
  const named = (what: string): Buffer => createHash('sha256').update([what, runId, check.id, attempt, number].join('\n')).digest()
  const accounts: Values = {}
  for (const [role, { email, password }] of Object.entries(environment.api?.accounts ?? {})) {
    if (text.includes(`accounts.${role}.`)) accounts[role] = { email, password: await secret(password) }
  }
  const { token } = environment.api ?? {}
  return {
    params,
    env: environment,
    accounts,
    api: token !== undefined && text.includes('api.token') ? { token: await secret(token) } : {},
    // Its own for each try: two runs, or two tries, never meet. And the same whoever asks: what is left of a process that died is found
    // by it. An account that anybody may sign up for needs no better password.
    nonce: `smoke-${named('nonce').toString('hex').slice(0, 12)}`,
    password: `Aa1-${named('password').toString('base64url').slice(0, 16)}`,
  }
}
