import { durationMs, durationText } from '../drill/duration.js'
import type { Environment } from '../drill/environment.js'
import { DrillError } from '../errors.js'
import { requestsPerSecondOf, type LoadPlan } from './plan.js'

/** Above any scenario that this engine is for, whatever an environment allows. */
export const ceilings = { requestsPerSecond: 5000, runTimeMs: 24 * 3_600_000, users: 5000 }
const usual = { requestsPerSecond: 500, runTimeMs: 2 * 3_600_000 }

/**
 * Whether a run may be made at all: its host is on the environment's list, its size within the limits, production was asked for by name.
 * Nothing has been sent yet.
 * @throws DrillError `load.refused` with every reason as details
 */
export function checkPlan (plan: LoadPlan, environment: Pick<Environment, 'name' | 'tier' | 'load'>, { allowProduction = false }: { allowProduction?: boolean } = {}): void {
  const { name, tier, load } = environment
  const { scenario, target } = plan
  const reasons: string[] = []
  const host = new URL(target.url).hostname
  if (load === undefined || load.hosts.length === 0) reasons.push(`environment ${name} allows no load: name the hosts that may be loaded in load.hosts`)
  else if (!load.hosts.includes(host)) reasons.push(`${host} is not on the list of hosts that ${name} lets be loaded: ${load.hosts.join(', ')}`)
  if (tier === 'production' && !allowProduction) reasons.push(`${name} is production: its load must be asked for by name (--allow-production)`)
  const rate = requestsPerSecondOf(scenario)
  const maxRate = Math.min(ceilings.requestsPerSecond, load?.requestsPerSecond ?? usual.requestsPerSecond)
  if (rate > maxRate) reasons.push(`${Math.round(rate)} requests a second are more than the ${maxRate} that ${name} allows`)
  const runMs = durationMs(scenario.runTime)
  const maxRunMs = Math.min(ceilings.runTimeMs, load?.runTime === undefined ? usual.runTimeMs : durationMs(load.runTime))
  if (runMs > maxRunMs) reasons.push(`${durationText(runMs)} are longer than the ${durationText(maxRunMs)} that ${name} allows`)
  if (scenario.users > ceilings.users) reasons.push(`${scenario.users} users are more than ${ceilings.users}, the most of one run`)
  if (reasons.length > 0) throw new DrillError('load.refused', reasons.length === 1 ? reasons[0]! : `The load is refused for ${reasons.length} reasons`, { details: reasons })
}
