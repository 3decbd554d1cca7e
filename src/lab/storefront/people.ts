import { leave } from './leave.js'
import { closeSession, demandSession } from './sessions.js'
import { refusal, type Shop, type ShopApp } from './shop.js'

/** Log-out, and who one is. */
export function peopleRoutes (app: ShopApp, shop: Shop): void {
  app.post('/v1/log-out', async (request, reply) => {
    if (await demandSession(shop, request, reply) === undefined) return reply
    if (!await closeSession(shop, request)) return reply.code(503).header('retry-after', '1').send(refusal(request, 'sessions.unavailable', 'You are still logged in; try again'))
    return reply.code(204).header('set-cookie', 'session=; HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=0').send()
  })

  app.delete('/v1/me', async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    if (session.role === 'admin') return reply.code(403).send(refusal(request, 'role.needed', 'The shop needs its admin'))
    await leave(shop, session.customerId)
    await closeSession(shop, request)
    return reply.code(204).send()
  })

  app.get('/v1/me', async (request, reply) => {
    const session = await demandSession(shop, request, reply)
    if (session === undefined) return reply
    const { rows: [person] } = await shop.pool.query('select id, email, name, role from customers where id = $1', [session.customerId])
    return person ?? reply.code(401).send(refusal(request, 'session.missing', 'The account is gone'))
  })
}
