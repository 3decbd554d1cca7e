import type { LoadScenario } from '../drill/load.js'
import { durationMs } from '../drill/duration.js'
import type { UserPlan } from './plan.js'
import { seeded } from './random.js'

/**
 * How many users are of each type, by largest remainder: 10 users of 70/20/10 are 7, 2 and 1.
 * @param mix shares, which need not add up to 100; at least one is above 0
 */
export function countsOf (users: number, mix: Record<string, number>): Record<string, number> {
  const total = Object.values(mix).reduce((sum, share) => sum + share, 0)
  const exact = Object.entries(mix).map(([type, share]) => ({ type, exact: users * share / total }))
  const counts = exact.map(({ type, exact }) => ({ type, count: Math.floor(exact), rest: exact % 1 }))
  const left = users - counts.reduce((sum, { count }) => sum + count, 0)
  for (const one of [...counts].sort((a, b) => b.rest - a.rest).slice(0, left)) one.count++
  return Object.fromEntries(counts.map(({ type, count }) => [type, count]))
}

/** The users of a scenario with the time at which each begins, spread evenly over types, and over the pace: no two are in step. */
export function dealUsers (scenario: LoadScenario, seed: number): UserPlan[] {
  const types = inTurn(countsOf(scenario.users, scenario.mix))
  const everyMs = durationMs(scenario.every)
  const random = seeded(seed)
  const { levels, spawnRate } = scenario
  return types.map((type, number) => {
    const level = levels === undefined ? 0 : Math.floor(number / levels.users)
    const inLevel = levels === undefined ? number : number % levels.users
    const levelMs = levels === undefined ? 0 : level * durationMs(levels.every)
    return { number, type, startMs: levelMs + inLevel / spawnRate * 1000 + random() * everyMs }
  })
}

/** Each type as often as its count, as evenly as can be. */
function inTurn (counts: Record<string, number>): string[] {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const dealt = Object.entries(counts).map(([type, count]) => ({ type, count, dealt: 0 }))
  return Array.from({ length: total }, (_, index) => {
    const behind = dealt.filter(one => one.dealt < one.count).sort((a, b) => (b.count * (index + 1) / total - b.dealt) - (a.count * (index + 1) / total - a.dealt))[0]!
    behind.dealt++
    return behind.type
  })
}
