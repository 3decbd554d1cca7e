import rateLimit from '@fastify/rate-limit'
import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import type { FastifyRequest } from 'fastify'
import { hashPassword, isPassword } from './passwords.js'
import { openSession, type Session } from './sessions.js'
import { refusal, type Shop, type ShopApp } from './shop.js'

const email = Type.String({ minLength: 3, maxLength: 200, pattern: '^[^@\\s]+@[^@\\s]+$' })
const password = Type.String({ minLength: 10, maxLength: 200 })

/** The ways in: sign-up, log-in, and a new password. */
export async function doorRoutes (app: ShopApp, shop: Shop): Promise<void> {
  // In Redis, so that instances count together. While it is away nobody is refused; nobody gets a session either.
  await app.register(rateLimit, { global: false, redis: shop.cache.redis, nameSpace: 'limit:', skipOnError: true })
  // After the body is read: the limit is for each mail, so that guessing one password is slow and others are not locked out.
  const attempts = {
    rateLimit: {
      max: shop.config.attemptsPerMinute,
      timeWindow: 60_000,
      hook: 'preHandler' as const,
      keyGenerator: (request: FastifyRequest) => `${request.ip} ${String((request.body as { email?: unknown } | undefined)?.email).toLowerCase()}`,
    },
  }

  app.post('/v1/sign-up', {
    config: attempts,
    schema: { body: Type.Object({ email, password, name: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false }) },
  }, async (request, reply) => {
    const id = randomUUID()
    const hash = await hashPassword(request.body.password)
    const { rowCount } = await shop.pool.query(
      'insert into customers (id, email, name, password_hash) values ($1, $2, $3, $4) on conflict (email) do nothing',
      [id, request.body.email.toLowerCase(), request.body.name, hash])
    if (rowCount === 0) return reply.code(409).send(refusal(request, 'email.taken', 'There is an account for this mail; log in'))
    return reply.code(201).send({ customerId: id })
  })

  app.post('/v1/log-in', {
    config: attempts,
    schema: { body: Type.Object({ email, password: Type.String({ maxLength: 200 }) }, { additionalProperties: false }) },
  }, async (request, reply) => {
    const { rows: [person] } = await shop.pool.query<{ id: string, role: Session['role'], password_hash: string }>(
      'select id, role, password_hash from customers where email = $1', [request.body.email.toLowerCase()])
    if (!await isPassword(request.body.password, person?.password_hash) || person === undefined) {
      return reply.code(401).send(refusal(request, 'login.wrong', 'Mail or password is wrong'))
    }
    const token = await openSession(shop, { customerId: person.id, role: person.role })
    if (token === undefined) return reply.code(503).header('retry-after', '1').send(refusal(request, 'sessions.unavailable', 'Nobody can log in just now; try again'))
    reply.header('set-cookie', `session=${token}; HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=${shop.config.sessionSeconds}`)
    return { token, expiresInSeconds: shop.config.sessionSeconds }
  })

  // Nobody learns here whether there is such an account, and nobody is mailed often.
  app.post('/v1/password-reset', {
    config: { rateLimit: { ...attempts.rateLimit, max: shop.config.resetsPerHour, timeWindow: 3_600_000 } },
    schema: { body: Type.Object({ email }, { additionalProperties: false }) },
  }, async (_request, reply) => reply.code(202).send({ status: 'if there is such an account, a mail is on its way' }))
}
