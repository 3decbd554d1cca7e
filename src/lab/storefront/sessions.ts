import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { refusal, type Shop } from './shop.js'

export interface Session { customerId: string, role: 'customer' | 'admin' }

/** Redis holds a digest of the token: who reads Redis cannot log in with it. */
const keyOf = (token: string): string => `session:${createHash('sha256').update(token).digest('base64url')}`

/** Answers the token, or undefined where Redis is away. */
export async function openSession (shop: Shop, session: Session): Promise<string | undefined> {
  const token = randomBytes(32).toString('base64url')
  const stored = await shop.cache.attempt((redis) => redis.set(keyOf(token), JSON.stringify(session), 'EX', shop.config.sessionSeconds))
  return stored === undefined ? undefined : token
}

/** Whether it is closed: false where Redis is away, so that nobody believes in a log-out that did not happen. */
export async function closeSession (shop: Shop, request: FastifyRequest): Promise<boolean> {
  const token = tokenOf(request)
  return token !== undefined && await shop.cache.attempt((redis) => redis.del(keyOf(token))) !== undefined
}

/** The session of a request; without one the refusal is sent, and undefined answered. */
export async function demandSession (shop: Shop, request: FastifyRequest, reply: FastifyReply, role?: 'admin'): Promise<Session | undefined> {
  const token = tokenOf(request)
  const found = token === undefined ? { value: null } : await shop.cache.attempt((redis) => redis.get(keyOf(token)))
  if (found === undefined) {
    await reply.code(503).header('retry-after', '1').send(refusal(request, 'sessions.unavailable', 'Sessions cannot be read just now; try again'))
    return undefined
  }
  if (found.value === null) {
    await reply.code(401).header('www-authenticate', 'Bearer').send(refusal(request, 'session.missing', 'Log in first'))
    return undefined
  }
  const session = JSON.parse(found.value) as Session
  if (role === 'admin' && session.role !== 'admin') {
    await reply.code(403).send(refusal(request, 'role.missing', 'This is for admins'))
    return undefined
  }
  return session
}

/** From the header, or from the cookie that a browser got at log-in. */
export function tokenOf (request: FastifyRequest): string | undefined {
  const bearer = /^Bearer ([\w-]{43})$/.exec(request.headers.authorization ?? '')?.[1]
  return bearer ?? /(?:^|; )session=([\w-]{43})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1]
}
