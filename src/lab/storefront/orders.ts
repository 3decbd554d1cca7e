import { createHash, randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { forgetProducts } from './catalogue.js'
import { placeOrder, readOrder, readOrders } from './order.js'
import { demandSession } from './sessions.js'
import { refusal, type Shop, type ShopApp } from './shop.js'

const uuid = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

const orderBody = Type.Object({
  lines: Type.Array(Type.Object({
    productId: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    quantity: Type.Integer({ minimum: 1, maximum: 100 }),
  }, { additionalProperties: false }), { minItems: 1, maxItems: 20 }),
}, { additionalProperties: false })

/** Ordering, and one's own orders. Somebody else's order is "not found": whether it exists is nobody's business. */
export function orderRoutes (app: ShopApp, shop: Shop): void {
  app.post('/v1/orders', {
    schema: { body: orderBody, headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ pattern: '^[\\w.:-]{8,100}$' })) }) },
  }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const lines = [...request.body.lines].sort((a, b) => a.productId - b.productId)
    if (new Set(lines.map(({ productId }) => productId)).size !== lines.length) {
      return reply.code(400).send(refusal(request, 'order.invalid', 'Name each product once'))
    }
    const placed = await placeOrder(shop.pool, {
      id: randomUUID(),
      customerId: session.customerId,
      key: request.headers['idempotency-key'] ?? randomUUID(),
      hash: createHash('sha256').update(JSON.stringify(lines)).digest('base64url'),
      lines,
    })
    switch (placed.outcome) {
      case 'placed':
        shop.metrics.orders.inc()
        await forgetProducts(shop, lines.map(({ productId }) => productId))
        return reply.code(201).send(await readOrder(shop.pool, placed.id, session.customerId))
      case 'repeated':
        return reply.code(201).header('idempotent-replayed', 'true').send(await readOrder(shop.pool, placed.id, session.customerId))
      case 'other': return reply.code(422).send(refusal(request, 'order.keyReused', 'The idempotency key was used for another order'))
      case 'unknown': return reply.code(422).send(refusal(request, 'product.unknown', `There is no product ${placed.productId}`))
      case 'short': return reply.code(409).send(refusal(request, 'stock.short', `There is not enough of product ${placed.productId}`))
    }
  })

  const page = Type.Object({ limit: Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$', default: '50' }), before: Type.Optional(Type.String({ pattern: uuid })) }, { additionalProperties: false })
  app.get('/v1/orders', { schema: { querystring: page } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    return session === undefined ? reply : { orders: await readOrders(shop.pool, session.customerId, { limit: Number(request.query.limit), before: request.query.before }) }
  })

  app.get('/v1/orders/:id', { schema: { params: Type.Object({ id: Type.String({ pattern: uuid }) }) } }, async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    return await readOrder(shop.pool, request.params.id, session.customerId) ?? reply.code(404).send(refusal(request, 'order.unknown', 'You have no such order'))
  })
}
