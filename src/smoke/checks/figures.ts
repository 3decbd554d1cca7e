import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs } from '../../drill/duration.js'
import { askMetric } from '../ask-json.js'
import { answerOf, blind, type SmokeCheck } from '../check.js'

const everyMs = 250

/** Each figure by its PromQL; the thresholds of the suite judge them. What was never counted yet gets its first scrapes while we wait. */
export const figures: SmokeCheck<'figures'> = async ({ queries, within = '5s' }, context) => {
  const expected = 'a figure for every query'
  const http = context.other(context.environment.monitoring!.prometheus)
  const end = performance.now() + durationMs(within)
  const values: Record<string, number> = {}
  for (;;) {
    const missing: string[] = []
    for (const [name, query] of Object.entries(queries)) {
      if (Object.hasOwn(values, name)) continue
      const answer = await askMetric(http, query, context)
      if ('value' in answer) values[name] = answer.value
      else missing.push(`${name}: ${answer.problem}`)
    }
    if (missing.length === 0) return answerOf([], Object.keys(queries).map(name => `${name} ${Math.round(values[name]! * 100) / 100}`).join(', '), expected, { values })
    if (performance.now() >= end || context.signal.aborted) return blind(missing.join('; '), expected, { values })
    await sleep(everyMs, undefined, { signal: context.signal }).catch(() => {})
  }
}
