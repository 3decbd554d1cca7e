import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type pg from 'pg'
import type { Cache } from './cache.js'
import type { StorefrontConfig } from './config.js'
import type { ShopMetrics } from './metrics.js'

/** What every route of the shop works with. */
export interface Shop {
  config: StorefrontConfig
  pool: pg.Pool
  cache: Cache
  metrics: ShopMetrics
}

export type ShopApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** The body of every refusal. `code` is stable, `message` is for people. */
export interface Refusal { code: string, message: string, requestId: string }

export function refusal (request: { id: string }, code: string, message: string): Refusal {
  return { code, message, requestId: request.id }
}
