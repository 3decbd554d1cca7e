import type { CheckOutcome } from './checks.js'
import type { Duration } from './duration.js'
import type { HttpStep } from './journey.js'
import type { SmokeCheckName } from './smoke-checks.js'
import type { Verdict } from './verdict.js'

/** A smoke suite as `runbooks/smoke/NAME.yaml` holds it: which checks, with what, and which limits judge their figures. */
export interface Suite {
  /** File name without `.yaml`. */
  name: string
  title: string
  description?: string
  /** `{{ params.NAME }}` and its default; an environment's `smoke.params` overrides it. */
  params?: Record<string, ParamScalar>
  checks: SuiteCheck[]
  thresholds?: Threshold[]
}

export type ParamScalar = string | number | boolean

export const smokeCategories = ['health', 'journeys', 'data', 'security', 'performance', 'monitoring'] as const
export type SmokeCategory = typeof smokeCategories[number]

export interface SuiteCheck {
  id: string
  title?: string
  category: SmokeCategory
  /** A critical check that passed only on another try is a finding. Default true. */
  critical?: boolean
  check: SmokeCheckName
  /** Parts of the environment, or parameters, without which it is `not-configured`: `database`, `api.accounts.customer`, `params.search`. */
  needs?: string[]
  with?: Record<string, unknown>
  /** Remove, by `{{ nonce }}` alone, what a try made whose process died: run by the next one. The first asks whether there is anything. */
  leftovers?: HttpStep[]
  /** Tries after a broken connection or 502, 503, 504. Default 2; never for `security` and `data`. */
  retries?: number
  /** Requests a second at most. Default 10. */
  perSecond?: number
  /** Longest try. Default 30s. */
  timeout?: Duration
}

/** One row of the table of limits. Better than `target` is green; beyond `alert` fails; between is a finding. */
export interface Threshold {
  metric: string
  unit?: string
  target: number
  /** Above the target: more is worse. Below it: less is worse. */
  alert: number
  /** Where the figure comes from: a check of the suite, and a value that it measures. */
  from: { check: string, value: string }
}

/** What one try of a check answers. `transient`: nothing that the service decided, so that another try is fair. */
export interface SmokeAnswer {
  outcome: CheckOutcome
  observed: string
  expected: string
  transient?: boolean
  /** Figures, by name, in the unit that the name says. */
  values?: Record<string, number>
  steps?: SmokeStepRecord[]
  /** Of what it made: told apart, since a check may pass and leave something behind. */
  cleanUp?: { cleaned: boolean, observed: string }
}

export interface SmokeStepRecord { name: string, outcome: 'pass' | 'fail' | 'skipped', observed: string, ms: number, always?: boolean }

/** `not-configured`: the environment does not name what it needs. `skipped`: it was not asked for. Neither is a pass. */
export type SmokeOutcome = CheckOutcome | 'not-configured' | 'skipped'

/** A check of a run, with every try. */
export interface CheckRun {
  id: string
  title: string
  category: SmokeCategory
  critical: boolean
  outcome: SmokeOutcome
  /** It failed, and passed on another try. */
  flaky: boolean
  observed: string
  expected: string
  startedAtMs: number
  ms: number
  tries: Array<{ outcome: CheckOutcome, observed: string, ms: number }>
  values: Record<string, number>
  steps?: SmokeStepRecord[]
  cleanUp?: SmokeAnswer['cleanUp']
}

export interface ThresholdRow {
  metric: string
  unit?: string
  target: number
  alert: number
  value?: number
  outcome: 'green' | 'between' | 'alert' | 'blind' | 'not-configured'
}

/** A whole run of a suite; what every output is drawn from. Its JSON is this object. */
export interface SuiteRun {
  schema: 'muster.smoke/1'
  suite: string
  title: string
  environment: string
  runId: string
  startedAtMs: number
  /** From the first check's start to the last one's end. */
  ms: number
  /** Sum of what the checks took. */
  serialMs: number
  checks: CheckRun[]
  thresholds: ThresholdRow[]
  verdict: Verdict
  why: string
  /** What failed, was blind, or is a finding, worst first. */
  reasons: string[]
}

/** What of a run enters a drill's history: the verdict, the counts, and where the rest is. */
export interface SuiteSummary {
  runId: string
  suite: string
  verdict: Verdict
  why: string
  /** The first ten. */
  reasons: string[]
  passed: number
  failed: number
  blind: number
  /** Not configured, or not asked for. */
  unasked: number
  ms: number
  /** False where the store did not take the run in time: it lies on the worker until it does. */
  stored: boolean
}

export function suiteSummary (run: SuiteRun, stored: boolean): SuiteSummary {
  const { runId, suite, verdict, why, ms, checks } = run
  const count = (...outcomes: SmokeOutcome[]): number => checks.filter(check => outcomes.includes(check.outcome)).length
  return { runId, suite, verdict, why, reasons: run.reasons.slice(0, 10), passed: count('pass'), failed: count('fail'), blind: count('blind'), unasked: count('not-configured', 'skipped'), ms, stored }
}

/** One line with the counts of a run that is over. */
export function suiteText ({ passed, failed, blind, unasked }: SuiteSummary): string {
  return `${passed} checks passed, ${failed} failed, ${blind} could not be asked${unasked > 0 ? `, ${unasked} not asked` : ''}`
}

/** Never another try into a pass: what they look for may show itself once. */
export function retriesOf ({ category, retries }: Pick<SuiteCheck, 'category' | 'retries'>): number {
  return category === 'security' || category === 'data' ? 0 : Math.min(2, retries ?? 2)
}

/** A run from the answers of its checks. `runs` in the order of the suite. */
export function suiteRun (
  suite: Suite,
  { environment, runId, runs, startedAtMs, endedAtMs }: { environment: string, runId: string, runs: CheckRun[], startedAtMs: number, endedAtMs: number }
): SuiteRun {
  const thresholds = (suite.thresholds ?? []).flatMap(threshold => rowOf(threshold, runs))
  return {
    schema: 'muster.smoke/1',
    suite: suite.name,
    title: suite.title,
    environment,
    runId,
    startedAtMs,
    ms: Math.max(0, endedAtMs - startedAtMs),
    serialMs: runs.reduce((sum, run) => sum + run.ms, 0),
    checks: runs,
    thresholds,
    ...judgeSuite(runs, thresholds),
  }
}

/** No row for a check that was not asked for. A figure that its check did not give is blind, never green. */
function rowOf ({ metric, unit, target, alert, from }: Threshold, runs: CheckRun[]): ThresholdRow[] {
  const run = runs.find(run => run.id === from.check)
  if (!run || run.outcome === 'skipped') return []
  const row = { metric, ...(unit === undefined ? {} : { unit }), target, alert }
  const value = Object.hasOwn(run.values, from.value) ? run.values[from.value] : undefined
  if (value === undefined || !Number.isFinite(value)) return [{ ...row, outcome: run.outcome === 'not-configured' ? 'not-configured' : 'blind' }]
  const lessIsBetter = alert >= target
  const beyond = (limit: number): boolean => lessIsBetter ? value > limit : value < limit
  return [{ ...row, value, outcome: beyond(alert) ? 'alert' : beyond(target) ? 'between' : 'green' }]
}

/** Failed before invalid: what is known to be broken is broken, however much else could not be seen. */
export function judgeSuite (runs: CheckRun[], thresholds: ThresholdRow[]): Pick<SuiteRun, 'verdict' | 'why' | 'reasons'> {
  const failed = [
    ...runs.filter(run => run.outcome === 'fail').map(run => `${run.title}: ${run.observed}`),
    ...thresholds.filter(row => row.outcome === 'alert').map(row => `${rowText(row)}, the alert level is ${figure(row.alert, row.unit)}`),
  ]
  const blind = [
    ...runs.filter(run => run.outcome === 'blind').map(run => `${run.title} could not be asked: ${run.observed}`),
    ...thresholds.filter(row => row.outcome === 'blind').map(row => `${row.metric}: no figure`),
  ]
  const findings = [
    ...runs.filter(run => run.flaky && run.critical).map(run => `${run.title} passed only on try ${run.tries.length}: ${run.tries[0]!.observed}`),
    ...runs.filter(run => run.cleanUp?.cleaned === false).map(run => `${run.title} left something behind: ${run.cleanUp!.observed}`),
    ...thresholds.filter(row => row.outcome === 'between').map(row => `${rowText(row)}, the target is ${figure(row.target, row.unit)}`),
  ]
  const reasons = [...failed, ...blind, ...findings]
  const asked = runs.filter(run => run.outcome !== 'skipped' && run.outcome !== 'not-configured')
  const result = (verdict: Verdict): Pick<SuiteRun, 'verdict' | 'why' | 'reasons'> => ({ verdict, why: reasons[0]!, reasons })
  if (failed.length > 0) return result('failed')
  if (blind.length > 0) return result('invalid')
  if (asked.length === 0) return { verdict: 'invalid', why: 'no check was asked', reasons: ['no check was asked'] }
  if (findings.length > 0) return result('passed-with-findings')
  return { verdict: 'passed', why: `${asked.length} of ${asked.length} checks passed`, reasons: [] }
}

function rowText (row: ThresholdRow): string {
  return `${row.metric} is ${figure(row.value!, row.unit)}`
}

/** A figure with its unit, to three digits. */
export function figure (value: number, unit = ''): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  // 99.95 % of uptime must not read as 100 %.
  const text = unit === '%' && Math.abs(value) >= 99 && value < 100 ? String(Math.floor(value * 100) / 100) : String(Number(value.toFixed(digits)))
  return unit === '' ? text : `${text} ${unit}`
}

/** A check that was not asked. */
export function unasked (check: SuiteCheck, outcome: 'not-configured' | 'skipped', observed: string): CheckRun {
  return { ...identityOf(check), outcome, flaky: false, observed, expected: '', startedAtMs: 0, ms: 0, tries: [], values: {} }
}

export function identityOf (check: SuiteCheck): Pick<CheckRun, 'id' | 'title' | 'category' | 'critical'> {
  return { id: check.id, title: check.title ?? check.id.replaceAll('-', ' '), category: check.category, critical: check.critical ?? true }
}
