import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController, type FastifyError } from 'fastify'
import { createHash } from 'node:crypto'
import { standardOutput } from '../../log.js'
import { adminRoutes } from './admin.js'
import { createCache } from './cache.js'
import { catalogueRoutes } from './catalogue.js'
import { createPool, isDatabaseDown } from './database.js'
import { startFulfilment } from './fulfilment.js'
import { doorRoutes } from './door.js'
import { healthRoutes } from './health.js'
import { createMetrics } from './metrics.js'
import { orderRoutes } from './orders.js'
import { peopleRoutes } from './people.js'
import { tokenOf } from './sessions.js'
import { refusal, type Shop, type ShopApp } from './shop.js'
import { wishRoutes } from './wishes.js'
import { bodyLimitBytes, type StorefrontConfig } from './config.js'

// Probes and scrapes say nothing about how customers fare.
const unmeasured = new Set(['/livez', '/readyz', '/metrics'])

/** The shop with its connections and its background job; `app.close()` ends them all. */
export async function buildStorefront (config: StorefrontConfig): Promise<ShopApp> {
  const app = Fastify({
    // A shop sells on when its log cannot be written.
    logger: { stream: standardOutput(64 * 1024), level: 'info', base: { instance: config.name }, redact: ['req.headers.authorization', 'req.headers.cookie', 'res.headers["set-cookie"]'] },
    // One line a request would be most of the disk; what fails or writes is logged below.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: '127.0.0.1',
    bodyLimit: bodyLimitBytes,
    requestTimeout: 5_000,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  }).withTypeProvider<TypeBoxTypeProvider>() as ShopApp

  const calm = everySecond((error: Error, what: string) => { app.log.warn({ reason: error.message }, what) })
  const pool = createPool(config, (error) => { calm(error, 'a connection to the database was lost') })
  const cache = createCache(config, (error) => { calm(error, 'redis is away') })
  const metrics = createMetrics(pool)
  const shop: Shop = { config, pool, cache, metrics }

  // The front door speaks TLS and sends Strict-Transport-Security.
  await app.register(helmet, { strictTransportSecurity: false })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    if (unmeasured.has(route)) return
    metrics.requests.inc({ code: `${Math.floor(reply.statusCode / 100)}xx`, method: request.method, route })
    metrics.seconds.observe({ method: request.method, route }, reply.elapsedTime / 1_000)
    if (request.method !== 'GET' || reply.statusCode >= 500) {
      request.log.info({ method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'answered')
    }
  })
  app.setNotFoundHandler((request, reply) => reply.code(404).send(refusal(request, 'route.unknown', 'There is nothing here')))
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (isDatabaseDown(error)) {
      calm(error, 'the database is away')
      return reply.code(503).header('retry-after', '1').send(refusal(request, 'database.unavailable', 'The shop cannot reach its database; try again, with the same Idempotency-Key'))
    }
    const status = error.statusCode ?? 500
    if (status === 429) return reply.code(429).send(refusal(request, 'rate.limited', 'Too many requests; see Retry-After'))
    if (status < 500) return reply.code(status).send(refusal(request, 'input.invalid', error.message))
    request.log.error({ err: error }, 'a mistake of ours')
    return reply.code(500).send(refusal(request, 'internal', 'This went wrong on our side'))
  })

  healthRoutes(app, shop)
  await app.register(async (door) => { await doorRoutes(door as ShopApp, shop) })
  await app.register(async (inside) => {
    await inside.register(rateLimit, {
      max: config.requestsPerTenSeconds,
      timeWindow: 10_000,
      keyGenerator: (request) => {
        const token = tokenOf(request)
        return token === undefined ? request.ip : createHash('sha256').update(token).digest('base64url')
      },
    })
    for (const routes of [peopleRoutes, catalogueRoutes, orderRoutes, wishRoutes, adminRoutes]) routes(inside as ShopApp, shop)
  })

  let job: ReturnType<typeof startFulfilment> | undefined
  app.addHook('onListen', async () => { job = startFulfilment(shop, app.log) })
  app.addHook('onClose', async () => {
    await job?.stop()
    cache.redis.disconnect()
    await pool.end()
  })
  await app.ready()
  return app
}

/** A dead server gives an error a request: one line a second says enough. */
function everySecond<A extends unknown[]> (write: (...args: A) => void): (...args: A) => void {
  let next = 0
  return (...args) => {
    if (Date.now() < next) return
    next = Date.now() + 1_000
    write(...args)
  }
}
