import type { Shop, ShopApp } from './shop.js'

/** `/livez`: the process runs. `/readyz`: it can sell, which takes a primary database; without Redis it is only degraded. */
export function healthRoutes (app: ShopApp, shop: Shop): void {
  app.get('/livez', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const [database, redis] = await Promise.all([
      shop.pool.query<{ primary: boolean }>('select not pg_is_in_recovery() as primary')
        .then(({ rows }) => rows[0]?.primary === true ? 'up' : 'read-only', () => 'down'),
      shop.cache.attempt((client) => client.ping()).then((answer) => answer === undefined ? 'down' : 'up'),
    ])
    const status = database !== 'up' ? 'down' : redis === 'up' ? 'ok' : 'degraded'
    return reply.code(status === 'down' ? 503 : 200).header('cache-control', 'no-store').send({ status, instance: shop.config.name, database, redis })
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(shop.metrics.registry.contentType).send(await shop.metrics.registry.metrics()))
}
