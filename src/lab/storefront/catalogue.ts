import { Type } from 'typebox'
import { refusal, type Shop, type ShopApp } from './shop.js'

export interface Product { id: number, name: string, priceCents: number, stock: number }

const columns = 'id, name, price_cents as "priceCents", stock'

/** What is for sale, out of the cache where that answers: `X-Cache` says hit, miss, or bypass (the cache is away). */
export function catalogueRoutes (app: ShopApp, shop: Shop): void {
  const cached = async <T>(key: string, read: () => Promise<T | undefined>): Promise<{ outcome: string, value: T | undefined }> => {
    const found = await shop.cache.attempt((redis) => redis.get(key))
    if (typeof found?.value === 'string') return { outcome: 'hit', value: JSON.parse(found.value) as T }
    const value = await read()
    if (found !== undefined && value !== undefined) {
      await shop.cache.attempt((redis) => redis.set(key, JSON.stringify(value), 'EX', shop.config.catalogueSeconds))
    }
    return { outcome: found === undefined ? 'bypass' : 'miss', value }
  }

  app.get('/v1/products', async (_request, reply) => {
    const { outcome, value } = await cached('catalogue', async () =>
      (await shop.pool.query<Product>(`select ${columns} from products order by id`)).rows)
    shop.metrics.catalogue.inc({ outcome })
    return reply.header('x-cache', outcome).send({ products: value })
  })

  app.get('/v1/products/:id', {
    schema: { params: Type.Object({ id: Type.String({ pattern: '^[0-9]{1,9}$' }) }) },
  }, async (request, reply) => {
    const id = Number(request.params.id)
    const { outcome, value } = await cached(`catalogue:${id}`, async () =>
      (await shop.pool.query<Product>(`select ${columns} from products where id = $1`, [id])).rows[0])
    shop.metrics.catalogue.inc({ outcome })
    reply.header('x-cache', outcome)
    return value ?? reply.code(404).send(refusal(request, 'product.unknown', 'There is no such product'))
  })
}

/** After a sale: the next reader asks the database. Where the cache is away, its entries run out by themselves. */
export async function forgetProducts (shop: Shop, ids: number[]): Promise<void> {
  await shop.cache.attempt((redis) => redis.del('catalogue', ...ids.map((id) => `catalogue:${id}`)))
}
