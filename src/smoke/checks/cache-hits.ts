import { Redis } from 'ioredis'
import { durationText } from '../../drill/duration.js'
import { messageOf } from '../../errors.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'
import { percentile } from '../percentile.js'

/**
 * The same pages in several rounds: the first may miss, the others must hit. Only answers of this check are counted: the hit ratio
 * since the cache's start hides an outage of now. By the header that says so, else by what the cache itself counts meanwhile.
 */
export const cacheHits: SmokeCheck<'cache-hits'> = async ({ paths, rounds = 5, header }, context) => {
  const expected = `after the first of ${rounds} rounds answers come out of the cache`
  const before = header === undefined ? await counts(context) : undefined
  if (before && 'problem' in before) return blind(before.problem, expected)
  const hits: boolean[] = []
  const said = new Map<string, number>()
  const cold: number[] = []
  const warm: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const path of paths) {
      const answer = await context.service().http.send({ path }, context.signal)
      if ('failure' in answer) return answerOf([`${path}: ${answer.message}`], '', expected, { transient: true })
      if (answer.status >= 400) return answerOf([`${path}: status ${answer.status}`], '', expected, { transient: answer.status >= 502 && answer.status <= 504 })
      const word = header === undefined ? '' : String(answer.headers[header.toLowerCase()] ?? 'nothing').toLowerCase()
      said.set(word, (said.get(word) ?? 0) + 1)
      const hit = /\bhit\b/.test(word)
      hits.push(hit)
      if (round === 0 && !hit) cold.push(answer.ms)
      if (round > 0) warm.push(answer.ms)
    }
  }
  const after = before === undefined ? undefined : await counts(context)
  if (after && 'problem' in after) return blind(after.problem, expected)
  const share = after && before && !('problem' in before)
    ? (after.hits - before.hits) / Math.max(1, after.hits - before.hits + after.misses - before.misses)
    : hits.filter(Boolean).length / hits.length
  const values = { hitPercent: share * 100, ...(cold.length > 0 ? { coldMs: percentile(cold, 50) } : {}), ...(warm.length > 0 ? { warmMs: percentile(warm, 50) } : {}) }
  const told = [...said].map(([word, times]) => `${times} × ${word}`).join(', ')
  const observed = `${Math.round(share * 100)} % of ${hits.length} answers out of the cache${header === undefined ? '' : ` (${header}: ${told})`}; cold ${durationText(values.coldMs ?? 0)}, warm ${durationText(values.warmMs ?? 0)}`
  return answerOf(share > 0 ? [] : [`no answer came out of the cache${header === undefined ? '' : ` (${header}: ${told})`}`], observed, expected, { values })
}

async function counts (context: SmokeContext): Promise<{ hits: number, misses: number } | { problem: string }> {
  const { cache } = context.environment
  if (!cache) return { problem: 'neither a header that tells hits, nor a cache that counts them' }
  const password = cache.nodes[0]?.password === undefined ? undefined : await context.secret(cache.nodes[0].password)
  const redis = new Redis({ ...cache.endpoint, password, lazyConnect: true, connectTimeout: 1_500, commandTimeout: 1_500, maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = await redis.info('stats')
    const of = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
    return { hits: of('keyspace_hits'), misses: of('keyspace_misses') }
  } catch (error) {
    return { problem: `the cache does not say what it counts: ${messageOf(error)}` }
  } finally {
    redis.disconnect()
  }
}
