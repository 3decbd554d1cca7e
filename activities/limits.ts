import { controlOf } from '../src/control/control.js'
import type { DrillInput } from '../src/drill/input.js'
import { breachesOf, type Hit } from '../src/drill/limits.js'
import type { Refusal } from '../src/drill/timeline.js'
import { orBlind } from './or-blind.js'

/** What the environment allows, with what is away already counted in: a component that cannot be asked might be. */
export async function limits ({ runbook, runbooks, environment }: DrillInput): Promise<Refusal[]> {
  if (runbook.readOnly === true) return []
  const parts = [
    ...(environment.database?.nodes ?? []).map(part => ({ kind: 'database' as const, ...part })),
    ...(environment.cache?.nodes ?? []).map(part => ({ kind: 'cache' as const, ...part })),
    ...(environment.api?.instances ?? []).map(part => ({ kind: 'api' as const, ...part })),
    // Where nothing is limited, nobody need be asked.
  ].filter(({ kind }) => environment.limits?.down?.[kind] !== undefined || environment.tier === 'production')
  const away: Hit[] = []
  const blind = await Promise.all(parts.map(async ({ kind, name, control }) => await orBlind(`whether ${name} is away already`, async () => {
    if (await controlOf(control).state() !== 'running') away.push({ kind, name })
    return []
  })))
  return [...blind.flat(), ...breachesOf({ runbook, runbooks, environment }, away).map(({ code, message }) => ({ code, message }))]
}
