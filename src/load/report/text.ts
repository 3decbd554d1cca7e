import { durationText } from '../../drill/duration.js'
import { msText, valueText } from '../../drill/load-text.js'
import type { LoadFigures, LoadLive, LoadResult, Percentiles, ResourceSeries } from '../../drill/load.js'

/** What all drawings of a run say in the same words. */

export const verdictText: Record<LoadResult['verdict'], string> = {
  passed: 'PASSED', 'passed-with-findings': 'PASSED WITH FINDINGS', failed: 'FAILED', invalid: 'INVALID', aborted: 'ABORTED',
}

export const stats = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999', 'max'] as const
export const statNames: Record<typeof stats[number], string> = { p50: 'P50', p75: 'P75', p90: 'P90', p95: 'P95', p99: 'P99', p999: 'P99.9', max: 'max' }

export function shareText (part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round(part / whole * 10_000) / 100} %`
}

/** One row of figures: count, errors, the percentiles of the response time. */
export function rowOf ({ requests, errors, responseMs }: LoadFigures): string[] {
  return [String(requests), shareText(errors, requests), ...stats.map(stat => msText((responseMs as Percentiles | undefined)?.[stat]))]
}

export const rowTitles = ['requests', 'errors', ...stats.map(stat => statNames[stat])]

export function resourceRow ({ name, unit, min, mean, max }: ResourceSeries): string[] {
  return [name, valueText(min, unit), valueText(mean, unit), valueText(max, unit)]
}

/** What was done, in one line. */
export function aboutText (result: LoadResult): string {
  const { users, durationMs, plannedDurationMs, requestsPerSecond, expectedRequestsPerSecond, target } = result
  const length = durationMs < plannedDurationMs - 1000 ? `${durationText(durationMs)} of ${durationText(plannedDurationMs)}` : durationText(durationMs)
  return `${users} users against ${target} for ${length}: ${requestsPerSecond} requests a second, ~${Math.round(expectedRequestsPerSecond)} with all users there`
}

/** How well the load itself was made. */
export function qualityText ({ quality: { planned, missed, skipped, latenessP99Ms, busiestLoop, apartMs } }: LoadResult): string {
  return `${planned} due, ${missed} missed (the user still waited), ${skipped} left out by the generator; sent late by p99 ${msText(latenessP99Ms)}; generator busy ${Math.round(busiestLoop * 100)} %${apartMs === undefined ? '' : `; its shards began within ${msText(apartMs)}`}`
}

/** The figures of now, for a terminal and for Temporal's page. */
export function liveText ({ atMs, plannedMs, users, requests, errors, missed, requestsPerSecond, p50Ms, p95Ms, p99Ms }: LoadLive): string {
  return `${durationText(atMs)} of ${durationText(plannedMs)}  ${users} users  ${requestsPerSecond}/s  p50 ${msText(p50Ms)}  p95 ${msText(p95Ms)}  p99 ${msText(p99Ms)}  ${requests} requests, errors ${shareText(errors, requests)}${missed > 0 ? `, ${missed} missed` : ''}`
}
