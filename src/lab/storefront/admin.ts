import { demandSession } from './sessions.js'
import type { Shop, ShopApp } from './shop.js'

interface Totals { customers: number, orders: number, waiting: number, revenueCents: number }

/** For admins only: how the shop is doing, as data and as a page. */
export function adminRoutes (app: ShopApp, shop: Shop): void {
  app.get('/v1/admin/totals', async (request, reply) => {
    return await demandSession(shop, request, reply, 'admin') === undefined ? reply : totals(shop)
  })

  app.get('/admin', async (request, reply) => {
    if (await demandSession(shop, request, reply, 'admin') === undefined) return reply
    const { customers, orders, waiting, revenueCents } = await totals(shop)
    const rows: Array<[string, string | number]> = [
      ['Customers', customers], ['Orders', orders], ['Waiting', waiting], ['Revenue', (revenueCents / 100).toFixed(2)],
    ]
    return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en"><title>Storefront: admin</title><h1>Storefront</h1>
<table>${rows.map(([name, value]) => `<tr><th scope="row">${name}</th><td>${value}</td></tr>`).join('')}</table></html>
`)
  })
}

async function totals (shop: Shop): Promise<Totals> {
  return (await shop.pool.query<Totals>(`select
    (select count(*) from customers) as customers,
    (select count(*) from orders where status = 'placed') as waiting,
    sum(orders)::bigint as orders, sum(revenue_cents)::bigint as "revenueCents" from order_totals`)).rows[0] as Totals
}
