import { setTimeout as sleep } from 'node:timers/promises'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { pageReader } from './cached-page.js'

const longestMs = 60_000
const roundEveryMs = 500
const asksARound = 10

/** Rounds of asks over the cached pages, until one round has enough hits: the hit ratio over time is its answer. */
export const cacheWarm: Check<CheckInputs['cache.warm']> = async ({ cache, api, hitRatio, within }, context) => {
  const expected = `at least ${hitRatio} % hits within ${within}`
  const pages = cache.pages ?? []
  const blind = (observed: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })
  if (pages.length === 0) return blind('the environment names no cached page (cache.pages)')
  const startedAt = performance.now()
  const endAt = startedAt + Math.min(longestMs, durationMs(within))
  const series: number[] = []
  let errors = 0
  let last = ''
  const reader = pageReader(api, context.drillId, context.signal)
  try {
    for (;;) {
      let hits = 0
      for (let ask = 0; ask < asksARound; ask++) {
        try {
          if ((await reader.read(pages[ask % pages.length]!.path)).hit) hits++
        } catch (error) {
          context.signal.throwIfAborted()
          errors++
          last = messageOf(error)
        }
      }
      series.push(Math.round(100 * hits / asksARound))
      context.heartbeat()
      const tookMs = Math.round(performance.now() - startedAt)
      const observed = `hit ratio ${series.join(', ')} % in ${series.length} rounds over ${durationText(tookMs)}${errors > 0 ? `; ${errors} asks failed: ${last}` : ''}`
      if (series.at(-1)! >= hitRatio) return { outcome: 'pass', observed, expected, output: { series, warmAfterMs: tookMs } }
      if (performance.now() + roundEveryMs > endAt) {
        return errors === series.length * asksARound ? blind(`the pages gave no answer: ${last}`) : { outcome: 'fail', observed, expected, output: { series } }
      }
      await sleep(roundEveryMs, undefined, { signal: context.signal })
    }
  } finally {
    reader.close()
  }
}
