import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { Type } from 'typebox'
import { countDrills } from '../store/counts.js'
import { openAnswers, Strict } from './schemas/answers.js'
import type { App, AppDeps } from './deps.js'

export interface Metrics { registry: Registry, streams: Gauge }

/** A registry of this app's own, and the duration of every request by route: never by address, which callers choose. */
export function countRequests (app: FastifyInstance): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'muster_' })
  const durations = new Histogram({
    name: 'muster_http_request_duration_seconds',
    help: 'Duration of HTTP requests; an event stream counts until it ends',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    // A HEAD or a made-up method has the same few labels.
    durations.observe({ method: request.method, route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) }, reply.elapsedTime / 1000)
  })
  return { registry, streams: new Gauge({ name: 'muster_event_streams', help: 'Live event streams that are open', registers: [registry] }) }
}

/** Prometheus' view. With the store down it says so, and nothing about drills. */
export function metricsRoutes (app: App, { store }: AppDeps, { registry }: Metrics): void {
  const drills = new Gauge({ name: 'muster_drills', help: 'Drills on record by verdict; those without one have not ended', labelNames: ['verdict'] as const, registers: [registry] })
  const up = new Gauge({ name: 'muster_store_up', help: '1 where the store answered this scrape', registers: [registry] })
  app.get('/metrics', {
    config: { right: 'public' },
    schema: { operationId: 'metrics', tags: ['operations'], security: [], summary: 'Figures for Prometheus', querystring: Strict({}), produces: ['text/plain'], response: openAnswers({ 200: Type.String() }) },
  }, async (_request, reply) => {
    drills.reset()
    try {
      for (const { verdict, count } of await countDrills(store.pool)) drills.set({ verdict }, count)
      up.set(1)
    } catch {
      up.set(0)
    }
    return await reply.type(registry.contentType).send(await registry.metrics())
  })
}
