import { durationText, type Duration } from './duration.js'
import type { FailureClass, HttpStep } from './journey.js'

/** What a load run is told, what it measures, what it says. Times of a run are milliseconds from its begin, shares go from 0 to 1. */

/** A scenario as its YAML file holds it: how many users, for how long, and what the target must stand. */
export interface LoadScenario {
  /** File name without `.yaml`. */
  name: string
  title: string
  description?: string
  users: number
  runTime: Duration
  /** New users a second, until all are there. */
  spawnRate: number
  /** Instead of all users at once: this many, and as many more each time, until all are there or an expectation breaks. */
  levels?: { users: number, every: Duration }
  /** A user sends a request this often, counted from the intended time, so that a slow target does not slow the load down. */
  every: Duration
  /** Each intended time is moved by up to this share of `every`, to either side. */
  jitter?: number
  /** Longest wait for one answer. */
  timeout: Duration
  /** Name of the file in `load/users` that says what the users do. */
  behaviour: string
  /** Shares of the users' types; they need not add up to 100. */
  mix: Record<string, number>
  thresholds: LoadThreshold[]
  /** Series of the environment's `load.watch` that may not grow; judged for runs that are long enough. */
  leaks?: LeakRule[]
  /** Made to be held by a drill while something fails: no run of its own. */
  held?: boolean
}

export const loadMetrics = ['responseMs', 'serviceMs', 'errorShare', 'missedShare', 'requestsPerSecond'] as const
export type LoadMetric = typeof loadMetrics[number]
export const loadStats = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999', 'max', 'mean'] as const
export type LoadStat = typeof loadStats[number]

/** What a run must keep to. A threshold over nothing is never kept. */
export interface LoadThreshold {
  metric: LoadMetric
  /** Of `responseMs` and `serviceMs` alone. */
  stat?: LoadStat
  /** Of one endpoint or one type of user alone. */
  endpoint?: string
  userType?: string
  atMost?: number
  atLeast?: number
  /** Fewer requests say nothing. Default 1. */
  minSamples?: number
  /** Ends the run as soon as the last `window` breaks it, but not before `grace`. */
  abortOnFail?: boolean
  window?: Duration
  grace?: Duration
}

/** What a run changes of its scenario, as load testers type it. */
export interface LoadOverrides {
  users?: number
  spawnRate?: number
  runTime?: Duration
  /** Share of the scenario's time, below 1: a try, never compared with a full run. */
  scale?: number
}

/** What users do, as a file in `load/users` holds it. */
export interface Behaviour { name: string, title?: string, userTypes: Record<string, UserType> }

export interface UserType {
  about?: string
  /** Done first, and again after an answer 401: logging in. What it captures is kept. */
  start?: HttpStep[]
  tasks: LoadTask[]
}

/** Its steps in order, each at one intended time. A task whose step fails is left, but for steps that are `always` done. */
export interface LoadTask { name: string, weight: number, steps: HttpStep[] }

/** A series that may not grow: by more than this an hour, where the trend is no accident. */
export interface LeakRule { series: string, perHourAtMost: number }

/** `invalid`: the run proves nothing, since the generator was late or nothing was measured. */
export type LoadVerdict = 'passed' | 'passed-with-findings' | 'failed' | 'invalid' | 'aborted'

/** Counts and times of one series. Times are absent where nothing was answered. */
export interface LoadFigures {
  /** Answered or failed; without those that the end of the run cut off. */
  requests: number
  errors: number
  /** From the intended time to the last byte. */
  responseMs?: Percentiles
  /** From the sending to the last byte. */
  serviceMs?: Percentiles
}
export interface Percentiles { p50: number, p75: number, p90: number, p95: number, p99: number, p999: number, max: number, mean: number }

/** One second of a run. */
export interface LoadPoint { atMs: number, users: number, requests: number, errors: number, missed: number, p50Ms?: number, p95Ms?: number, p99Ms?: number }

export interface FailureExample { failure: FailureClass, atMs: number, endpoint: string, userType: string, message: string }
export interface SlowRequest { atMs: number, endpoint: string, userType: string, responseMs: number, serviceMs: number, outcome: string }

/** How well the load itself was made: what decides whether a run proves anything. */
export interface LoadQuality {
  /** Intended times that came. */
  planned: number
  sent: number
  /** The user was still waiting for its last answer. */
  missed: number
  /** Missed since the generator itself came too late. */
  skipped: number
  latenessP50Ms?: number
  latenessP99Ms?: number
  /** Share of time that the busiest generator's event loop was busy. */
  busiestLoop: number
  /** Of a load in shards: how long after the first of them the last one began, by their clocks. */
  apartMs?: number
}

export interface ThresholdResult { threshold: LoadThreshold, text: string, value?: number, samples: number, kept: boolean, why: string, abortedAtMs?: number }

/** One load of a scenario that steps up. */
export interface LevelResult {
  users: number
  fromMs: number
  toMs: number
  requestsPerSecond: number
  p99Ms?: number
  errorShare?: number
  broken: Array<{ text: string, firstBrokenAtMs: number }>
}

/** Everything that one run was and found: canonical JSON, and what every drawing is made from. */
export interface LoadResult {
  schema: 1
  runId: string
  scenario: string
  title: string
  environment: string
  /** Scheme, host and port. */
  target: string
  /** SHA-256 over what makes two runs comparable: load, mix, behaviour, pace; hex. */
  configHash: string
  /** Share of the scenario's time, where it was shortened: then it is never compared. */
  scale?: number
  /** It was held on the system while other steps of a drill ran, for as long as those took: it is never compared. */
  isHeld?: true
  startedAtMs: number
  durationMs: number
  plannedDurationMs: number
  users: number
  expectedRequestsPerSecond: number
  requestsPerSecond: number
  total: LoadFigures
  endpoints: Array<LoadFigures & { endpoint: string }>
  userTypes: Array<LoadFigures & { userType: string, users: number, missed: number }>
  series: Array<LoadFigures & { endpoint: string, userType: string }>
  quality: LoadQuality
  points: LoadPoint[]
  failures: Array<{ failure: FailureClass, count: number, examples: FailureExample[] }>
  slow: { overMs: number, count: number, examples: SlowRequest[] }
  thresholds: ThresholdResult[]
  levels?: LevelResult[]
  /** The last load that held, and what gave first. */
  breaking?: string
  resources: ResourceSeries[] | { blind: string }
  leaks: LeakResult[]
  baseline?: BaselineResult
  verdict: LoadVerdict
  /** The first reason. */
  why: string
  /** Every reason, worst first. */
  reasons: string[]
}

export interface ResourceSeries { name: string, unit: string, samples: Array<[atMs: number, value: number]>, min: number, mean: number, max: number }
/** `kept` is undefined where it was not judged: `why` says what was missing. */
export interface LeakResult { series: string, kept?: boolean, why: string, perHour?: number }
export interface BaselineResult { outcome: 'first' | 'same' | 'better' | 'worse' | 'not-compared', why: string, runs: Array<{ runId: string, p95Ms: number }> }

/** What a run says while it goes on. */
export interface LoadLive {
  atMs: number
  plannedMs: number
  users: number
  /** So far, as the next two. */
  requests: number
  errors: number
  missed: number
  /** Of the last five seconds. */
  requestsPerSecond: number
  /** Of the last second, as the next two. */
  p50Ms?: number
  p95Ms?: number
  p99Ms?: number
  /** Of the whole run so far. */
  errorShare?: number
}

/** What enters a drill's history: the verdict, the figures, and where the rest is. */
export interface LoadSummary extends Pick<LoadResult, 'runId' | 'scenario' | 'verdict' | 'why' | 'reasons' | 'startedAtMs' | 'durationMs' | 'users' | 'requestsPerSecond' | 'breaking'> {
  requests: number
  errors: number
  missed: number
  /** Of the response time, as the next two. */
  p50Ms?: number
  p95Ms?: number
  p99Ms?: number
  baseline?: BaselineResult['outcome']
  /** The first and the last second in which requests failed, epoch ms. Absent where none did. */
  failing?: { fromMs: number, toMs: number }
  /** False where the store did not take the result in time: it lies on the worker until it does. */
  stored: boolean
}

/** What of a result goes into a history or a list: no series, no examples. */
export function loadSummary (result: LoadResult, stored: boolean): LoadSummary {
  const { runId, scenario, verdict, why, reasons, startedAtMs, durationMs, users, requestsPerSecond, total, breaking, baseline, quality, points } = result
  const { p50, p95, p99 } = total.responseMs ?? {}
  const failing = failingSpan(points, startedAtMs)
  return {
    runId, scenario, verdict, why, reasons: reasons.slice(0, 10), startedAtMs, durationMs,
    users, requestsPerSecond, requests: total.requests, errors: total.errors, missed: quality.missed,
    ...(p50 === undefined ? {} : { p50Ms: p50, p95Ms: p95, p99Ms: p99 }),
    ...(breaking === undefined ? {} : { breaking }),
    ...(baseline === undefined ? {} : { baseline: baseline.outcome }),
    ...(failing === undefined ? {} : { failing }), stored,
  }
}

function failingSpan (points: readonly LoadPoint[], startedAtMs: number): LoadSummary['failing'] {
  const first = points.findIndex(({ errors }) => errors > 0)
  const last = points.findLast(({ errors }) => errors > 0)
  return last === undefined ? undefined : { fromMs: startedAtMs + (points[first - 1]?.atMs ?? 0), toMs: startedAtMs + last.atMs }
}

/** One line with the figures of a run that is over. */
export function loadText ({ requests, errors, requestsPerSecond, p99Ms, missed, users, durationMs }: LoadSummary): string {
  const p99 = p99Ms === undefined ? 'nothing answered' : `P99 ${durationText(p99Ms)}`
  return `${users} users for ${durationText(durationMs)}: ${requests} requests, ${requestsPerSecond} a second, ${errors} errors, ${p99}${missed > 0 ? `, ${missed} missed` : ''}`
}
