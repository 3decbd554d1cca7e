import { request } from 'undici'
import type { Environment } from '../drill/environment.js'
import type { LoadResult, ResourceSeries } from '../drill/load.js'
import { messageOf } from '../errors.js'
import type { Measured } from './gathering.js'

const stepMs = 10_000
const deadlineMs = 10_000

/**
 * What Prometheus saw of the target meanwhile, one sample every 10 s (of short runs every second). A series that is not there is left
 * out: it was not measured, and nothing is judged by it.
 */
export async function resourcesOf ({ monitoring, load }: Pick<Environment, 'monitoring' | 'load'>, { startedAtMs, durationMs }: Pick<Measured, 'startedAtMs' | 'durationMs'>): Promise<LoadResult['resources']> {
  if (load?.watch === undefined || load.watch.length === 0) return { blind: 'the environment names nothing to watch (load.watch)' }
  if (monitoring === undefined) return { blind: 'the environment has no Prometheus (monitoring.prometheus)' }
  const every = durationMs < 60 * stepMs ? 1000 : stepMs
  try {
    const found = await Promise.all(load.watch.map(async ({ name, query, unit }) => {
      const samples = await rangeOf(monitoring.prometheus, query, startedAtMs, startedAtMs + durationMs, every)
      return samples.length === 0 ? [] : [seriesOf(name, unit, samples.map(([atMs, value]) => [atMs - startedAtMs, value]))]
    }))
    return found.flat()
  } catch (error) {
    return { blind: `Prometheus could not be asked: ${messageOf(error)}` }
  }
}

function seriesOf (name: string, unit: string, samples: ResourceSeries['samples']): ResourceSeries {
  const values = samples.map(([, value]) => value)
  return { name, unit, samples, min: Math.min(...values), mean: values.reduce((sum, value) => sum + value, 0) / values.length, max: Math.max(...values) }
}

/** @throws Error where it does not answer, or says that the query is wrong */
async function rangeOf (prometheus: string, query: string, fromMs: number, toMs: number, everyMs: number): Promise<Array<[atMs: number, value: number]>> {
  const url = new URL(`${prometheus.replace(/\/$/, '')}/api/v1/query_range`)
  url.search = new URLSearchParams({ query, start: String(fromMs / 1000), end: String(toMs / 1000), step: String(everyMs / 1000) }).toString()
  const { body } = await request(url, { signal: AbortSignal.timeout(deadlineMs) })
  const answer = await body.json() as { status?: string, error?: string, data?: { result?: Array<{ values?: Array<[number, string]> }> } }
  if (answer.status !== 'success') throw new Error(answer.error ?? `it answers ${answer.status ?? 'something else'}`)
  return (answer.data?.result?.[0]?.values ?? []).map(([at, value]): [number, number] => [Math.round(at * 1000), Number(value)]).filter(([, value]) => Number.isFinite(value))
}
