import { Type } from 'typebox'
import type { FastifyReply } from 'fastify'
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

  const allProducts = async (reply: FastifyReply): Promise<Product[]> => {
    const { outcome, value } = await cached('catalogue', async () =>
      (await shop.pool.query<Product>(`select ${columns} from products order by id`)).rows)
    shop.metrics.catalogue.inc({ outcome })
    reply.header('x-cache', outcome)
    return value ?? []
  }

  app.get('/v1/products', {
    schema: { querystring: Type.Object({ search: Type.Optional(Type.String({ maxLength: 80 })) }, { additionalProperties: false }) },
  }, async (request, reply) => {
    const { search } = request.query
    if (search === undefined) return { products: await allProducts(reply) }
    const { rows } = await shop.pool.query<Product>(`select ${columns} from products where strpos(lower(name), lower($1)) > 0 order by id`, [search])
    return { products: rows }
  })

  app.get('/', async (_request, reply) => {
    // Names are ours, from the seed: nothing here was typed by a stranger.
    const rows = (await allProducts(reply)).map(({ name, priceCents }) => `<tr><td>${name}</td><td>${(priceCents / 100).toFixed(2)}</td></tr>`)
    return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en"><title>Storefront</title><h1>Ship's chandler</h1>
<table><tr><th>Goods</th><th>Price</th></tr>${rows.join('')}</table></html>
`)
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
