import { Redis } from 'ioredis'
import { durationText } from '../../drill/duration.js'
import { messageOf } from '../../errors.js'
import { answerOf, type SmokeCheck } from '../check.js'

const ttlSeconds = 60

/** A key of its own, so that two runs do not meet, and nothing of anybody's is touched. */
export const cache: SmokeCheck<'cache'> = async (_, context) => {
  const expected = 'PING, and a key that is set, read back, expires, and is gone when deleted'
  const { endpoint, nodes } = context.environment.cache!
  const key = `muster:smoke:${String(context.values.nonce)}`
  const password = nodes[0]?.password === undefined ? undefined : await context.secret(nodes[0].password)
  const redis = new Redis({
    ...endpoint, password, lazyConnect: true, connectTimeout: 1_500, commandTimeout: 1_500,
    maxRetriesPerRequest: 0, retryStrategy: () => null, enableOfflineQueue: false,
  })
  redis.on('error', () => {})
  const stop = (): void => { redis.disconnect() }
  context.signal.addEventListener('abort', stop, { once: true })
  const from = performance.now()
  let step = 'connecting'
  try {
    await context.pace(context.signal)
    await redis.connect()
    step = 'PING'
    if (await redis.ping() !== 'PONG') return answerOf(['PING is not answered with PONG'], '', expected)
    step = 'SET'
    await redis.set(key, key, 'EX', ttlSeconds)
    step = 'GET'
    const found = await redis.get(key)
    const ttl = await redis.ttl(key)
    step = 'DEL'
    await redis.del(key)
    const after = await redis.get(key)
    return answerOf([
      ...(found === key ? [] : [`the key that was just set reads ${found === null ? 'as nothing' : 'as something else'}`]),
      ...(found !== key || (ttl > 0 && ttl <= ttlSeconds) ? [] : [`its time to live is ${ttl} s, not ${ttlSeconds}`]),
      ...(after === null ? [] : ['the deleted key is still there']),
    ], `set, read back, expiring and deleted in ${durationText(performance.now() - from)}`, expected)
  } catch (error) {
    context.signal.throwIfAborted()
    return answerOf([`the cache does not answer ${step}: ${messageOf(error)}`], '', expected, { transient: step === 'connecting' })
  } finally {
    context.signal.removeEventListener('abort', stop)
    redis.disconnect()
  }
}
