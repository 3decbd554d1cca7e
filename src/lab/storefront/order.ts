import type pg from 'pg'
import { transaction } from './database.js'

export interface NewOrder {
  id: string
  customerId: string
  /** The same key from the same customer is the same order, however often it is sent. */
  key: string
  /** Of what is ordered: the same key for something else is a mistake of the client's. */
  hash: string
  /** Sorted by product, each once: all take their row locks in the same order, so nobody waits in a circle. */
  lines: Array<{ productId: number, quantity: number }>
}

export type Placed =
  | { outcome: 'placed' | 'repeated', id: string, undo?: boolean }
  | { outcome: 'other', undo: true }
  | { outcome: 'unknown' | 'short', productId: number, undo: true }

/** Rows that the totals are spread over, as migration 003 makes them. */
const totalSlots = 16

/** Takes the goods from the stock and writes the order, all or nothing. */
export function placeOrder (pool: pg.Pool, order: NewOrder): Promise<Placed> {
  return transaction<Placed>(pool, async (client) => {
    // A second request with the same key waits here until the first one has ended.
    const made = await client.query(
      `insert into orders (id, customer_id, idempotency_key, request_hash, total_cents) values ($1, $2, $3, $4, 0)
       on conflict (customer_id, idempotency_key) do nothing`,
      [order.id, order.customerId, order.key, order.hash])
    if (made.rowCount === 0) {
      const { rows: [earlier] } = await client.query<{ id: string, request_hash: string }>(
        'select id, request_hash from orders where customer_id = $1 and idempotency_key = $2', [order.customerId, order.key])
      return earlier?.request_hash === order.hash ? { outcome: 'repeated', id: earlier.id, undo: true } : { outcome: 'other', undo: true }
    }
    const { rows } = await client.query<{ id: number, stock: number, price: number }>(
      'select id, stock, price_cents as price from products where id = any($1) order by id for update', [order.lines.map(({ productId }) => productId)])
    const products = new Map(rows.map((product) => [product.id, product]))
    let total = 0
    for (const { productId, quantity } of order.lines) {
      const product = products.get(productId)
      if (product === undefined) return { outcome: 'unknown', productId, undo: true }
      if (product.stock < quantity) return { outcome: 'short', productId, undo: true }
      total += product.price * quantity
    }
    const goods = [order.lines.map(({ productId }) => productId), order.lines.map(({ quantity }) => quantity)]
    await client.query(
      'update products set stock = stock - line.quantity from unnest($1::int[], $2::int[]) as line (product, quantity) where id = line.product', goods)
    await client.query(
      `insert into order_lines (order_id, product_id, quantity, price_cents)
       select $3, line.product, line.quantity, price_cents from unnest($1::int[], $2::int[]) as line (product, quantity) join products on id = line.product`,
      [...goods, order.id])
    await client.query('update orders set total_cents = $2 where id = $1', [order.id, total])
    // After the products, as whoever leaves does it: nobody waits in a circle.
    await client.query('update order_totals set orders = orders + 1, revenue_cents = revenue_cents + $2 where slot = $1', [Math.floor(Math.random() * totalSlots), total])
    return { outcome: 'placed', id: order.id }
  })
}

const orderColumns = `o.id, o.status, o.total_cents as "totalCents", o.placed_at as "placedAt",
  (select json_agg(json_build_object('productId', l.product_id, 'quantity', l.quantity, 'priceCents', l.price_cents) order by l.product_id)
   from order_lines l where l.order_id = o.id) as lines`

export async function readOrder (pool: pg.Pool, id: string, customerId: string): Promise<object | undefined> {
  return (await pool.query<object>(`select ${orderColumns} from orders o where o.id = $1 and o.customer_id = $2`, [id, customerId])).rows[0]
}

/** Newest first; `before`: the ones after that order. */
export async function readOrders (pool: pg.Pool, customerId: string, { limit, before }: { limit: number, before?: string }): Promise<object[]> {
  return (await pool.query<object>(`select ${orderColumns} from orders o
    where o.customer_id = $1 and ($2::uuid is null or (o.placed_at, o.id) < (select placed_at, id from orders where id = $2 and customer_id = $1))
    order by o.placed_at desc, o.id desc limit $3`, [customerId, before ?? null, limit])).rows
}
