import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs, durationText } from '../../drill/duration.js'
import { askJson } from '../ask-json.js'
import { answerOf, blind, type SmokeCheck } from '../check.js'

const everyMs = 250

/** A line of its own goes in and must be found: a store that takes lines and indexes none looks healthy from every other side. */
export const logs: SmokeCheck<'logs'> = async ({ within = '15s' }, context) => {
  const expected = `a line that is written is found within ${within}`
  const { url, index, token: ref } = context.environment.monitoring!.logs!
  const token = ref === undefined ? undefined : await context.secret(ref)
  const http = context.other(url)
  const nonce = String(context.values.nonce)
  const written = await askJson<{ _id?: string, result?: string }>(http, { method: 'POST', path: `/${index}/_doc`, token, timeout: '5s', json: { '@timestamp': new Date().toISOString(), message: `muster smoke ${nonce}`, level: 'info' } }, context)
  if ('problem' in written) return answerOf([`the log store takes no line: ${written.problem}`], '', expected)
  const id = written.body._id
  if (id === undefined) return blind('the log store does not say what it wrote', expected)
  const from = performance.now()
  const remove = async (): Promise<boolean> => !('problem' in await askJson(http, { method: 'DELETE', path: `/${index}/_doc/${encodeURIComponent(id)}`, token, timeout: '5s' }, { signal: AbortSignal.timeout(6_000) }))
  let problem = 'it was not found'
  let foundMs: number | undefined
  while (foundMs === undefined && performance.now() - from <= durationMs(within) && !context.signal.aborted) {
    const found = await askJson<{ hits?: { hits?: Array<{ _id?: string }> } }>(http, { method: 'POST', path: `/${index}/_search`, token, timeout: '5s', json: { query: { match_phrase: { message: nonce } } } }, context)
    if ('problem' in found) problem = found.problem
    else if (found.body.hits?.hits?.some(hit => hit._id === id)) foundMs = performance.now() - from
    if (foundMs === undefined) await sleep(everyMs, undefined, { signal: context.signal }).catch(() => {})
  }
  const cleaned = await remove()
  const rest = { cleanUp: { cleaned, observed: cleaned ? 'the line was removed' : `the line ${id} could not be removed` } }
  return foundMs === undefined
    ? answerOf([`the line was taken, but not found within ${within}: ${problem}`], '', expected, rest)
    : answerOf([], `found after ${durationText(foundMs)}`, expected, { ...rest, values: { foundMs } })
}
