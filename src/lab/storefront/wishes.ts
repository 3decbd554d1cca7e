import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { demandSession } from './sessions.js'
import { refusal, type Shop, type ShopApp } from './shop.js'

const params = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' }) })
const note = Type.String({ minLength: 1, maxLength: 200 })
const columns = 'id, product_id as "productId", note'

/** A customer's wishes: made, read, changed and removed by their owner alone; to others there are none. */
export function wishRoutes (app: ShopApp, shop: Shop): void {
  app.post('/v1/wishes', {
    schema: { body: Type.Object({ productId: Type.Integer({ minimum: 1, maximum: 1_000_000 }), note }, { additionalProperties: false }) },
  }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const { productId, note } = request.body
    const { rows: [wish] } = await shop.pool.query(
      `insert into wishes (id, customer_id, product_id, note) select $1, $2, id, $4 from products where id = $3 returning ${columns}`, [randomUUID(), session.customerId, productId, note])
    return wish === undefined ? reply.code(422).send(refusal(request, 'product.unknown', `There is no product ${productId}`)) : reply.code(201).send(wish)
  })

  app.get('/v1/wishes/:id', { schema: { params } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const { rows: [wish] } = await shop.pool.query(`select ${columns} from wishes where id = $1 and customer_id = $2`, [request.params.id, session.customerId])
    return wish ?? reply.code(404).send(refusal(request, 'wish.unknown', 'You have no such wish'))
  })

  app.put('/v1/wishes/:id', { schema: { params, body: Type.Object({ note }, { additionalProperties: false }) } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const { rows: [wish] } = await shop.pool.query(
      `update wishes set note = $3, changed_at = now() where id = $1 and customer_id = $2 returning ${columns}`, [request.params.id, session.customerId, request.body.note])
    return wish ?? reply.code(404).send(refusal(request, 'wish.unknown', 'You have no such wish'))
  })

  app.delete('/v1/wishes', { schema: { querystring: Type.Object({ holding: Type.String({ minLength: 8, maxLength: 200 }) }) } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    await shop.pool.query('delete from wishes where customer_id = $1 and position($2 in note) > 0', [session.customerId, request.query.holding])
    return reply.code(204).send()
  })

  app.delete('/v1/wishes/:id', { schema: { params } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const { rowCount } = await shop.pool.query('delete from wishes where id = $1 and customer_id = $2', [request.params.id, session.customerId])
    return rowCount === 0 ? reply.code(404).send(refusal(request, 'wish.unknown', 'You have no such wish')) : reply.code(204).send()
  })
}
