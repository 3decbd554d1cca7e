import type { LeakResult, LoadResult } from '../drill/load.js'
import { durationText } from '../drill/duration.js'
import { trendOf } from '../drill/trend.js'
import type { Measured } from './gathering.js'
import type { LoadPlan } from './plan.js'

/** Caches fill and code warms up: what grows then is no leak. */
const warmUpMs = 10 * 60_000
const shortestMs = 20 * 60_000
const significance = 0.01

/**
 * Whether what may not grow does: a trend that is no chance, and more an hour than its rule allows. What was not measured, or not for
 * long enough, is "not judged", never "no leak".
 */
export function leaksOf ({ scenario, scale = 1 }: Pick<LoadPlan, 'scenario' | 'scale'>, { points, durationMs }: Pick<Measured, 'points' | 'durationMs'>, resources: LoadResult['resources']): LeakResult[] {
  const [warmUp, shortest] = [warmUpMs * scale, shortestMs * scale]
  return (scenario.leaks ?? []).map(({ series, perHourAtMost }): LeakResult => {
    const samples = series === 'p95'
      ? points.flatMap(({ atMs, p95Ms }): Array<[number, number]> => p95Ms === undefined ? [] : [[atMs, p95Ms]])
      : 'blind' in resources ? undefined : resources.find(one => one.name === series)?.samples
    if (samples === undefined || samples.length === 0) return { series, why: `${series} was not judged: ${'blind' in resources ? resources.blind : 'it was not measured'}` }
    if (durationMs < shortest) return { series, why: `${series} was not judged: ${durationText(durationMs)} are too short, at least ${durationText(shortest)}` }
    const trend = trendOf(samples.filter(([atMs]) => atMs >= warmUp))
    if (trend === undefined) return { series, why: `${series} was not judged: too few samples after the first ${durationText(warmUp)}` }
    const perHour = Math.round(trend.perHour * 100) / 100
    const kept = !(trend.p < significance && trend.perHour > perHourAtMost)
    if (kept && trend.perHour > perHourAtMost) return { series, perHour, kept, why: `${series} does not grow by more than chance: ${perHour} an hour, at most ${perHourAtMost}` }
    return { series, perHour, kept, why: kept ? `${series} does not grow: ${perHour} an hour, at most ${perHourAtMost}` : `${series} grows by ${perHour} an hour, at most ${perHourAtMost}: it ${series === 'p95' ? 'drifts' : 'leaks'}` }
  })
}
