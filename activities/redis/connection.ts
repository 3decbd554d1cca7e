import { Redis } from 'ioredis'
import { controlOf, type Controller } from '../../src/control/control.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { CacheCluster, CacheNode } from '../../src/drill/environment.js'
import type { StepContext } from '../action.js'

/** What asking a node takes of a step's context. */
export type Reach = Pick<StepContext, 'signal' | 'secret'>

type Address = Pick<CacheNode, 'host' | 'port' | 'password'> & { name?: string }

const answerMs = 2_000

/**
 * One connection to one server, closed whatever happens; every wait ends at `deadlineMs`. Throws `component.unreachable` where it does
 * not answer, and Redis' own error where it does.
 */
export async function withRedis<T> (node: Address, reach: Reach, use: (redis: Redis) => Promise<T>, deadlineMs = answerMs): Promise<T> {
  reach.signal.throwIfAborted()
  const password = node.password === undefined ? undefined : await reach.secret(node.password)
  const redis = new Redis({
    host: node.host, port: node.port, password,
    lazyConnect: true, connectTimeout: deadlineMs, commandTimeout: deadlineMs,
    // One try: what does not answer now is the answer.
    retryStrategy: () => null, maxRetriesPerRequest: 0, enableOfflineQueue: false, enableReadyCheck: false, autoResendUnfulfilledCommands: false,
  })
  let last: Error | undefined
  redis.on('error', error => { last = error })
  const abort = (): void => { redis.disconnect() }
  reach.signal.addEventListener('abort', abort, { once: true })
  try {
    await redis.connect()
    return await use(redis)
  } catch (cause) {
    reach.signal.throwIfAborted()
    if (cause instanceof DrillError || isAnswer(cause)) throw cause
    throw new DrillError('component.unreachable', `Redis ${node.name ?? 'endpoint'} (${node.host}:${node.port}) does not answer: ${messageOf(last ?? cause)}`, { cause })
  } finally {
    reach.signal.removeEventListener('abort', abort)
    redis.disconnect()
  }
}

function isAnswer (error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

export function controlOfCache (node: CacheNode): Controller {
  return controlOf(node.control)
}

/** Throws `input.invalid` where the cache has no such node. */
export function cacheNodeOf (cache: CacheCluster, name: string): CacheNode {
  const node = cache.nodes.find(node => node.name === name)
  if (!node) throw new DrillError('input.invalid', `The cache has no node "${name}", only ${cache.nodes.map(node => node.name).join(', ')}`)
  return node
}

/** Where a node reaches the other one, to follow it. */
export function upstreamOf (node: CacheNode, primary: CacheNode): { host: string, port: number } {
  return node.follows ?? { host: primary.host, port: primary.port }
}
