import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs, durationText } from '../drill/duration.js'
import type { FailureClass, HttpRequest, HttpStep } from '../drill/journey.js'
import { captureFrom } from './capture.js'
import { unmet } from './expect.js'
import { fill, masked, type Values } from './fill.js'
import type { Http, HttpAnswer } from './http.js'

/** What became of one step. */
export interface StepRecord {
  name: string
  outcome: 'pass' | 'fail' | 'skipped'
  /** One line: figures, or what was not as expected. No secret in it. */
  observed: string
  ms: number
  /** How often it was asked, where it has `until`. */
  tries: number
  failure?: FailureClass
  /** Nothing that the service decided: a broken connection, or 502, 503, 504. Another try may be fair. */
  transient?: boolean
  always?: boolean
}

export interface JourneyRecord {
  steps: StepRecord[]
  /** What was captured, also of steps that failed. May hold secrets. */
  captures: Values
  /** The steps that are no cleaning up all passed. */
  passed: boolean
  /** The cleaning up all passed; true where there is none. */
  cleaned: boolean
}

export interface JourneyContext {
  http: Http
  values: Values
  /** Never shown: tokens and passwords. Tokens that are captured are added. */
  secrets: Set<string>
  signal: AbortSignal
  /** Sees each answer, e.g. to look at its cookies. */
  onAnswer?: (step: HttpStep, answer: HttpAnswer) => string[]
  /** Called once with what was captured, before the first step that cleans up; not where a step failed. */
  between?: (captures: Values) => Promise<void>
}

/**
 * Runs steps in order to the first that fails; those that clean up run whatever happened, even after an abort. Never throws for what
 * the service does.
 */
export async function runJourney (steps: readonly HttpStep[], context: JourneyContext): Promise<JourneyRecord> {
  const records: StepRecord[] = []
  const captures: Values = {}
  /** Tokens that the service took before: a 401 later says that it no longer does. */
  const accepted = new Set<string>()
  let broken = false
  let between = context.between
  let thrown: { error: unknown } | undefined
  const lookAt = async (): Promise<void> => {
    const look = between
    between = undefined
    // What it throws must not keep what was made from being removed.
    if (!broken) await look?.(captures).catch((error: unknown) => { thrown = { error } })
  }
  for (const step of steps) {
    if (step.always === true) await lookAt()
    if (broken && step.always !== true) {
      records.push({ name: step.name, outcome: 'skipped', observed: 'an earlier step failed', ms: 0, tries: 0 })
      continue
    }
    const record = await runStep(step, captures, accepted, context)
    records.push(step.always === true ? { ...record, always: true } : record)
    if (record.outcome !== 'pass' && step.always !== true) broken = true
  }
  await lookAt()
  if (thrown !== undefined) throw (thrown as { error: unknown }).error
  const good = (always: boolean): boolean => records.every(record => (record.always === true) !== always || record.outcome === 'pass')
  return { steps: records, captures, passed: good(false), cleaned: good(true) }
}

async function runStep (step: HttpStep, captures: Values, accepted: Set<string>, context: JourneyContext): Promise<StepRecord> {
  const filled = fillStep(step, { ...context.values, ...captures })
  const base = { name: step.name, ms: 0, tries: 0 }
  if (filled.missing.length > 0) {
    const observed = `not asked: there is no ${filled.missing.map(name => `{{ ${name} }}`).join(', ')}`
    // Nothing was made, so nothing is to be cleaned up.
    return { ...base, outcome: step.always === true ? 'skipped' : 'fail', observed, ...(step.always === true ? {} : { failure: 'assertion' as const }) }
  }
  const end = step.until === undefined ? 0 : performance.now() + durationMs(step.until.within)
  for (let tries = 1; ; tries++) {
    const record = { ...await askOnce({ ...step, ...filled.step }, captures, accepted, context), tries }
    const again = step.until !== undefined && record.outcome === 'fail' && performance.now() < end
    if (!again || (context.signal.aborted && step.always !== true)) {
      return record.outcome === 'fail' && tries > 1 ? { ...record, observed: `${record.observed}, not within ${step.until!.within}` } : record
    }
    await sleep(durationMs(step.until!.every), undefined, step.always === true ? {} : { signal: context.signal }).catch(() => {})
  }
}

async function askOnce (step: HttpStep, captures: Values, accepted: Set<string>, context: JourneyContext): Promise<Omit<StepRecord, 'tries'>> {
  const { http, secrets, signal, onAnswer } = context
  const sent = await http.send(step.request, step.always === true ? undefined : signal)
  const ms = Math.round(sent.ms * 10) / 10
  const say = (lines: string[]): string => masked(lines.join('; '), secrets)
  if ('failure' in sent) {
    const transient = sent.failure !== 'tls' && sent.failure !== 'assertion' && sent.failure !== 'aborted'
    return { name: step.name, outcome: 'fail', observed: say([sent.message]), ms, failure: sent.failure, ...(transient ? { transient } : {}) }
  }
  // Before it is judged: what a failed step made must be cleaned up too.
  const flaws = [...captureAll(step, sent, captures, secrets), ...onAnswer?.(step, sent) ?? []]
  flaws.unshift(...unmet(step.expect ?? {}, sent))
  const { token } = step.request
  if (sent.status === 401 && token !== undefined && accepted.has(token) && flaws.length > 0) flaws.push('the token was taken before: it expired or was revoked midway')
  if (sent.status < 400 && token !== undefined) accepted.add(token)
  if (flaws.length === 0) return { name: step.name, outcome: 'pass', observed: `status ${sent.status} after ${durationText(sent.ms)}`, ms }
  const transient = sent.status >= 502 && sent.status <= 504
  return { name: step.name, outcome: 'fail', observed: say(flaws), ms, failure: failureOfStatus(sent.status, step), ...(transient ? { transient } : {}) }
}

function captureAll (step: HttpStep, answer: HttpAnswer, captures: Values, secrets: Set<string>): string[] {
  return Object.entries(step.capture ?? {}).flatMap(([name, capture]) => {
    const result = captureFrom(capture, answer)
    if ('problem' in result) return [`${name} could not be captured: ${result.problem}`]
    captures[name] = result.value
    // Whatever is called so is one, and a cookie mostly is.
    if (typeof result.value === 'string' && (/token|secret|password|session/i.test(name) || capture.startsWith('cookie:'))) secrets.add(result.value)
    return []
  })
}

function failureOfStatus (status: number, { expect }: HttpStep): FailureClass {
  if (expect?.status !== undefined && [expect.status].flat().includes(status)) return 'assertion'
  return status >= 500 ? 'http5xx' : status >= 400 ? 'http4xx' : 'assertion'
}

/** In a path each value is encoded: an id from an answer can lead nowhere else. */
export function fillStep (step: HttpStep, values: Values): { step: Pick<HttpStep, 'request' | 'expect'>, missing: string[] } {
  const { path, ...rest } = step.request
  const filledPath = fill(path, values, encodeURIComponent)
  const others = fill({ request: rest as Omit<HttpRequest, 'path'>, expect: step.expect }, values)
  const request: HttpRequest = { ...others.value.request, path: String(filledPath.value) }
  return { step: { request, ...(step.expect === undefined ? {} : { expect: others.value.expect! }) }, missing: [...new Set([...filledPath.missing, ...others.missing])] }
}
