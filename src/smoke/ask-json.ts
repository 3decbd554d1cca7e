import { findJson, shortly } from '../journey/capture.js'
import type { HttpRequest } from '../drill/journey.js'
import type { SmokeContext } from './check.js'
import type { Http } from '../journey/http.js'

export type Told<T> = { body: T, status: number } | { problem: string }

/** The JSON of an answer below 400, or in one line why there is none. */
export async function askJson<T> (http: Http, request: HttpRequest | string, { signal }: Pick<SmokeContext, 'signal'>): Promise<Told<T>> {
  const answer = await http.send(typeof request === 'string' ? { path: request, timeout: '3s' } : request, signal)
  if ('failure' in answer) return { problem: answer.message }
  if (answer.status >= 400) return { problem: `status ${answer.status}: ${shortly(answer.text)}` }
  const found = findJson('$', answer)
  return 'problem' in found ? { problem: found.problem } : { body: found.found[0] as T, status: answer.status }
}

/** The one value of a PromQL expression. No series is a problem, never 0. */
export async function askMetric (http: Http, query: string, context: Pick<SmokeContext, 'signal'>): Promise<{ value: number } | { problem: string }> {
  const told = await askJson<{ data?: { result?: Array<{ value?: [number, string] }> } }>(http, `/api/v1/query?query=${encodeURIComponent(query)}`, context)
  if ('problem' in told) return { problem: `Prometheus: ${told.problem}` }
  const results = told.body.data?.result ?? []
  if (results.length === 0) return { problem: `Prometheus has no series for ${query}` }
  if (results.length > 1) return { problem: `${query} has ${results.length} series; it must have one` }
  const value = Number(results[0]!.value?.[1])
  return Number.isFinite(value) ? { value } : { problem: `${query} is ${String(results[0]!.value?.[1])}, no figure` }
}
