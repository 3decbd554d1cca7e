import type { Behaviour, LoadScenario } from '../drill/load.js'
import { durationMs } from '../drill/duration.js'

/** One run: what, how much, against whom. */
export interface LoadPlan {
  runId: string
  /** Of the drill that it belongs to, if it belongs to one: the target finds it in `X-Muster-Drill`. */
  drillId?: string
  environment: string
  /** With its overrides and its scale applied. */
  scenario: LoadScenario
  behaviour: Behaviour
  target: { url: string, ca?: string, headers?: Record<string, string> }
  /** What `{{ name }}` stands for in the steps, beside `run`, `user`, `nonce` and what was captured. May hold secrets: it lives in memory only. */
  values?: Record<string, unknown>
  /** Share of the scenario's time, where it was shortened. */
  scale?: number
  seed?: number
  /** It goes on until it is ended, while other steps of a drill run: then its end is no abort. */
  isHeld?: boolean
  /** Of a scenario that several workers share: which users are ours. */
  shard?: { index: number, of: number }
  maxBodyBytes?: number
}

/** What the users send together once all are there, if none has to wait. */
export function requestsPerSecondOf ({ users, every }: Pick<LoadScenario, 'users' | 'every'>): number {
  return users * 1000 / durationMs(every)
}

/** What one generator is told: plain data, which goes to its thread. Times are ms since the begin of the run. */
export interface GeneratorPlan {
  generator: number
  runId: string
  /** Scheme, host and port; nothing else is ever asked. */
  origin: string
  /** What stands before every path: that of the service's address. */
  basePath: string
  /** Certificate authority, PEM. */
  ca?: string
  /** Of every request. */
  headers: Record<string, string>
  behaviour: Behaviour
  values: Record<string, unknown>
  users: UserPlan[]
  runMs: number
  everyMs: number
  jitter: number
  timeoutMs: number
  /** Slower answers are counted, and the slowest kept. */
  slowMs: number
  maxBodyBytes: number
  seed: number
}

export interface UserPlan { number: number, type: string, startMs: number }
