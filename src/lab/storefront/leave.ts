import { forgetProducts } from './catalogue.js'
import { transaction } from './database.js'
import type { Shop } from './shop.js'

/** Removes a customer with all that is theirs; what was ordered goes back into the stock, so that it still adds up. */
export async function leave (shop: Shop, customerId: string): Promise<void> {
  const { goods } = await transaction<{ goods: number[], undo?: boolean }>(shop.pool, async (client) => {
    // In the order in which a sale locks them: nobody waits in a circle.
    const { rows } = await client.query<{ id: number, quantity: number }>(
      `select p.id, sum(l.quantity)::int as quantity from products p join order_lines l on l.product_id = p.id join orders o on o.id = l.order_id
       where o.customer_id = $1 group by p.id order by p.id`, [customerId])
    await client.query('select from products where id = any($1) order by id for update', [rows.map(({ id }) => id)])
    await client.query('update products set stock = stock + line.quantity from unnest($1::int[], $2::int[]) as line (product, quantity) where id = line.product',
      [rows.map(({ id }) => id), rows.map(({ quantity }) => quantity)])
    await client.query('delete from order_lines where order_id in (select id from orders where customer_id = $1)', [customerId])
    await client.query(
      `with gone as (delete from orders where customer_id = $1 returning total_cents)
       update order_totals kept set orders = kept.orders - left_with.orders, revenue_cents = kept.revenue_cents - left_with.revenue_cents
       from (select count(*) as orders, coalesce(sum(total_cents), 0) as revenue_cents from gone) as left_with where slot = 0`, [customerId])
    await client.query('delete from customers where id = $1', [customerId])
    return { goods: rows.map(({ id }) => id) }
  })
  if (goods.length > 0) await forgetProducts(shop, goods)
}
