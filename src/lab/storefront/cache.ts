import { Redis } from 'ioredis'
import type { StorefrontConfig } from './config.js'

/** How long Redis is left alone after it did not answer: a frozen one must not cost every request its deadline. */
const restMs = 500

export interface Cache {
  redis: Redis
  /** The answer of a command, or undefined where Redis is away. */
  attempt: <T>(command: (redis: Redis) => Promise<T>) => Promise<{ value: T } | undefined>
}

/** Commands fail at once while there is no connection: the shop goes on without its cache. */
export function createCache (config: StorefrontConfig, onError: (error: Error) => void): Cache {
  const redis = new Redis({
    ...config.redis,
    connectTimeout: 500,
    commandTimeout: 250,
    enableOfflineQueue: false,
    // ioredis would send again what may have been done already.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 100,
    // A replica that was a primary answers READONLY until the link is moved: connect anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
  redis.on('error', onError)
  let restUntil = 0
  return {
    redis,
    attempt: async (command) => {
      if (redis.status !== 'ready' || Date.now() < restUntil) return undefined
      try {
        return { value: await command(redis) }
      } catch (error) {
        restUntil = Date.now() + restMs
        onError(error as Error)
        return undefined
      }
    },
  }
}
