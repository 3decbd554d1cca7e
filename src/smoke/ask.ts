import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs } from '../drill/duration.js'
import type { Environment } from '../drill/environment.js'
import { identityOf, retriesOf, unasked, type CheckRun, type SmokeAnswer, type SuiteCheck } from '../drill/suite.js'
import { DrillError, messageOf } from '../errors.js'
import { fill, masked, type Values } from '../journey/fill.js'
import { createHttp, type Http } from '../journey/http.js'
import { pacer } from '../journey/pace.js'
import { blind, type Service, type SmokeCheck, type SmokeContext } from './check.js'
import { smokeChecks } from './checks/index.js'
import { removeLeftovers } from './leftovers.js'
import { missingFor, valuesFor, type Try } from './values.js'

export interface AskInput {
  check: SuiteCheck
  environment: Environment
  params: Values
  /** Names the run in a header, for the target to filter by. */
  runId: string
  /** How often the run was begun, where processes that asked it died. Default 1: it is the first. */
  attempt?: number
  signal: AbortSignal
  secret: (ref: string) => Promise<string>
}

const backoffMs = 250
const defaultPerSecond = 10

/**
 * Asks one check, and again where it broke off for nothing that the service decided: every try is recorded, and one that passes after
 * a failure is flaky. Never throws but for an abort.
 */
export async function askCheck (input: AskInput): Promise<CheckRun> {
  const { check, environment, params, signal, runId, attempt = 1 } = input
  const missing = missingFor(check, environment, params)
  if (missing.length > 0) return unasked(check, 'not-configured', `the environment does not name ${missing.join(', ')}`)
  const startedAtMs = Date.now()
  const from = performance.now()
  const tries: CheckRun['tries'] = []
  const pace = pacer(check.perSecond ?? defaultPerSecond)
  let answer: SmokeAnswer
  const left = await removeLeftovers(check, attempt, async (of, steps) => await tryOnce(input, { runId, ...of }, pace, steps))
  for (let number = 0; ; number++) {
    const began = performance.now()
    answer = await tryOnce(input, { runId, attempt, number }, pace, async context => await ask(check, context))
    signal.throwIfAborted()
    tries.push({ outcome: answer.outcome, observed: answer.observed, ms: Math.round(performance.now() - began) })
    if (answer.outcome === 'pass' || answer.transient !== true || number >= retriesOf(check)) break
    await sleep(backoffMs, undefined, { signal })
  }
  const { outcome, observed, expected, values = {}, steps } = answer
  const cleanUp = together(answer.cleanUp, left)
  return {
    ...identityOf(check), outcome, flaky: outcome === 'pass' && tries.length > 1, observed, expected, startedAtMs, ms: Math.round(performance.now() - from), tries, values,
    ...(steps ? { steps } : {}), ...(cleanUp ? { cleanUp } : {}),
  }
}

/** Of an earlier process's leavings and of the check's own: what could not be removed counts, whoever made it. */
function together (own: SmokeAnswer['cleanUp'], left: SmokeAnswer['cleanUp']): SmokeAnswer['cleanUp'] {
  if (own === undefined || left === undefined) return own ?? left
  return { cleaned: own.cleaned && left.cleaned, observed: `${own.observed}; ${left.observed}` }
}

/** Never throws. */
async function tryOnce ({ check, environment, params, signal, secret: resolve }: AskInput, one: Try, pace: SmokeContext['pace'], work: (context: SmokeContext) => Promise<SmokeAnswer>): Promise<SmokeAnswer> {
  const deadline = new AbortController()
  const limit = check.timeout ?? '30s'
  const timer = setTimeout(() => { deadline.abort() }, durationMs(limit))
  const secrets = new Set<string>()
  const opened: Http[] = []
  const secret = async (ref: string): Promise<string> => {
    const value = await resolve(ref)
    secrets.add(value)
    return value
  }
  const open = (http: Http): Http => { opened.push(http); return http }
  const headers = { 'user-agent': 'muster-smoke', 'x-muster-run': one.runId }
  try {
    const values = await valuesFor(check, one, environment, params, secret)
    secrets.add(String(values.password))
    const service = environment.api === undefined ? undefined : await serviceOf(environment.api, resolve, options => open(createHttp({ ...options, headers, pace })))
    const context: SmokeContext = {
      environment,
      service: () => service!,
      other: (url, token) => open(createHttp({ baseUrl: url, pace, headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) } })),
      values, secrets, secret, pace,
      signal: AbortSignal.any([signal, deadline.signal]),
    }
    const answer = await work(context)
    if (deadline.signal.aborted && answer.outcome !== 'pass') return masking(blind(`not finished within ${limit}: ${answer.observed}`, answer.expected, answer), secrets)
    return masking(answer, secrets)
  } catch (error) {
    if (deadline.signal.aborted) return blind(`not finished within ${limit}`, '')
    return masking(blind(messageOf(error), error instanceof DrillError ? `it can be asked (${error.code})` : 'it can be asked'), secrets)
  } finally {
    clearTimeout(timer)
    for (const http of opened) http.close()
  }
}

async function ask (check: SuiteCheck, context: SmokeContext): Promise<SmokeAnswer> {
  return await (smokeChecks[check.check] as unknown as SmokeCheck<'journey'>)(fill(check.with ?? {}, context.values).value as never, context)
}

/** @throws DrillError `secret.missing`, `config.invalid` */
async function serviceOf (api: NonNullable<Environment['api']>, secret: (ref: string) => Promise<string>, open: (options: { baseUrl: string, ca?: string }) => Http): Promise<Service> {
  const url = /^https?:/.test(api.url) ? api.url : await secret(api.url)
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new DrillError('config.invalid', `the address behind ${api.url} must start with http:// or https://`)
  const ca = api.caFile === undefined
    ? undefined
    : await readFile(api.caFile, 'utf8').catch((error: unknown) => { throw new DrillError('config.invalid', `the certificate authority cannot be read: ${messageOf(error)}`, { cause: error }) })
  return { url, ca, http: open({ baseUrl: url, ca }) }
}

/** Whatever a check says, no secret stands in it. */
function masking (answer: SmokeAnswer, secrets: Set<string>): SmokeAnswer {
  return {
    ...answer,
    observed: masked(answer.observed, secrets).slice(0, 1000),
    expected: masked(answer.expected, secrets),
    ...(answer.steps ? { steps: answer.steps.map(step => ({ ...step, observed: masked(step.observed, secrets).slice(0, 500) })) } : {}),
    ...(answer.cleanUp ? { cleanUp: { ...answer.cleanUp, observed: masked(answer.cleanUp.observed, secrets).slice(0, 500) } } : {}),
  }
}
