import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { durationMs } from '../drill/duration.js'
import type { Environment } from '../drill/environment.js'
import type { Behaviour, LoadOverrides, LoadScenario } from '../drill/load.js'
import { DrillError, messageOf } from '../errors.js'
import type { LoadPlan } from './plan.js'

/** A run as it is asked for: plain data without secrets, as a drill's history holds it. */
export interface LoadOrder {
  runId: string
  drillId?: string
  environment: Environment
  scenario: LoadScenario
  behaviour: Behaviour
  overrides?: LoadOverrides
  allowProduction?: boolean
  isHeld?: boolean
  /** The same for every shard: they deal the same users. */
  seed?: number
  shard?: LoadPlan['shard']
}

/**
 * The plan of an order: overrides applied, certificate and accounts read. Nothing is sent.
 * @param secret the value behind `env:NAME` or `file:PATH`
 * @throws DrillError `load.refused` (no service to load, a scale that is none), `secret.missing`
 */
export async function preparePlan ({ environment, scenario, overrides = {}, ...order }: LoadOrder, secret: (ref: string) => Promise<string>): Promise<LoadPlan> {
  const { api, name } = environment
  if (api === undefined) throw new DrillError('load.refused', `environment ${name} names no service that could be loaded: add api.url`)
  const url = /^env:/.test(api.url) ? await secret(api.url) : api.url
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new DrillError('load.refused', `the address of ${name}'s service is none: api.url takes http:// or https://`)
  const ca = api.caFile === undefined ? undefined : await readAuthority(api.caFile)
  const accounts: Record<string, { email: string, password: string }> = {}
  for (const [role, { email, password }] of Object.entries(api.accounts ?? {})) accounts[role] = { email, password: await secret(password) }
  const { scale } = overrides
  if (scale !== undefined && !(scale > 0 && scale < 1)) throw new DrillError('input.invalid', `a scale of ${scale} shortens nothing: it lies between 0 and 1`)
  return {
    ...order,
    environment: name,
    scenario: overridden(scenario, overrides),
    target: { url, ...(ca === undefined ? {} : { ca }) },
    values: { accounts },
    ...(scale === undefined ? {} : { scale }),
  }
}

async function readAuthority (file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new DrillError('load.refused', `the certificate authority ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** The scenario with what was asked for instead. A scale shortens ramp and levels with it, so that a try looks like the whole. */
export function overridden (scenario: LoadScenario, { users = scenario.users, spawnRate = scenario.spawnRate, runTime, scale = 1 }: LoadOverrides): LoadScenario {
  const shortened = (duration: string): string => scale === 1 ? duration : `${Math.max(1, Math.round(durationMs(duration) * scale))}ms`
  const { levels, thresholds } = scenario
  return {
    ...scenario,
    users,
    spawnRate: spawnRate / scale,
    runTime: runTime ?? shortened(scenario.runTime),
    ...(levels === undefined ? {} : { levels: { users: Math.min(levels.users, users), every: shortened(levels.every) } }),
    thresholds: thresholds.map(threshold => threshold.grace === undefined ? threshold : { ...threshold, grace: shortened(threshold.grace) }),
  }
}

/** `load-baseline-20261124-x7k2p9`: readable in a log, in the target's, and in the store. */
export function newRunId (scenario: string, now = new Date()): string {
  return `load-${scenario}-${now.toISOString().slice(0, 10).replaceAll('-', '')}-${randomBytes(4).toString('hex').slice(0, 6)}`
}
