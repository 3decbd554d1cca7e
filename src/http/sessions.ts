import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import type { Store } from '../store/pool.js'
import { personByToken, type TokenFacts } from '../store/people.js'
import { closeSession, openSession, openSessionOf, personBySession } from '../store/sessions.js'
import { Identities } from './identities.js'

/** How long a browser stays signed in, ms: a full test of eight hours and some. */
export const sessionMs = 12 * 3_600_000

/** How long whoever an issuer vouched for stays in, ms: an issuer tells nobody that somebody left, so it is asked again. */
const vouchedMs = 3_600_000

/** How long a sign-in at the issuer may take, s. */
const awayS = 600

/** Browsers that are signed in to the pages. The API itself takes no cookie, so no other site can make a browser call it. */
export interface Sessions {
  /** Who the browser is signed in as. @throws DrillError `auth.missing`, `auth.invalid`, `store.down` */
  personOf: (request: FastifyRequest, options?: { asked: boolean }) => Promise<Person>
  /** The same, where that was asked lately; asks nobody. */
  peek: (request: FastifyRequest) => Person | undefined
  /** @throws DrillError `auth.invalid`, `auth.insecure` */
  signIn: (reply: FastifyReply, key: string) => Promise<Person>
  /** As whom the issuer vouches for. What their groups give counts as long. @throws DrillError `auth.forbidden`, `auth.invalid` */
  signInAs: (reply: FastifyReply, facts: TokenFacts) => Promise<Person>
  /** Keeps something in the browser while it is at the issuer; undefined: no longer. */
  keep: (reply: FastifyReply, kept: string | undefined) => void
  kept: (request: FastifyRequest) => string | undefined
  signOut: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** What each form of this session carries: only pages of the same session know it. */
  formTokenOf: (request: FastifyRequest) => string
  /** Something of people has changed here: nobody is believed without asking. */
  forgetAll: () => void
}

/** @param publicUrl where people reach the pages: the cookie is `Secure` unless that is this machine itself */
export function openSessions (store: Store, publicUrl: string): Sessions {
  const identities = new Identities(async token => await personBySession(store.pool, token))
  const { protocol, hostname } = new URL(publicUrl)
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  const secure = protocol === 'https:' || !loopback
  // The prefix makes browsers refuse a cookie of that name from another host or without Secure.
  const name = secure ? '__Host-muster' : 'muster'
  const cookie = (value: string, maxAgeS: number): string => `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${secure ? '; Secure' : ''}`

  const cookieOf = (request: FastifyRequest, name: string): string | undefined => {
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const [key, value] = pair.trim().split('=')
      if (key === name && value) return value
    }
    return undefined
  }
  const tokenOf = (request: FastifyRequest): string | undefined => cookieOf(request, name)
  const assertSecure = (): void => {
    if (protocol === 'http:' && !loopback) throw new DrillError('auth.insecure', `a key would cross the network in the clear: ${publicUrl} is plain HTTP`)
  }
  const given = (request: FastifyRequest): string => {
    const token = tokenOf(request)
    if (token === undefined) throw new DrillError('auth.missing', 'sign in first')
    return token
  }

  return {
    personOf: async (request, options) => await identities.personOf(given(request), options),
    peek: request => {
      const token = tokenOf(request)
      return token === undefined ? undefined : identities.peek(token)
    },
    signIn: async (reply, key) => {
      assertSecure()
      const opened = await openSession(store.pool, key, sessionMs)
      if (!opened) throw new DrillError('auth.invalid', 'the key is wrong, revoked or expired')
      reply.header('set-cookie', cookie(opened.token, sessionMs / 1000))
      return opened.person
    },
    signInAs: async (reply, facts) => {
      assertSecure()
      const person = await personByToken(store.pool, { ...facts, untilMs: Date.now() + vouchedMs })
      const opened = await openSessionOf(store.pool, person, vouchedMs)
      if (!opened) throw new DrillError('auth.forbidden', `${person.name} has no role in Muster: none of their groups gives one (MUSTER_OIDC_ROLES), and no admin has added them`)
      reply.header('set-cookie', cookie(opened.token, vouchedMs / 1000))
      return opened.person
    },
    // Lax, not strict: it is the issuer's page that leads the browser back.
    keep: (reply, kept) => { reply.header('set-cookie', `${name}-away=${kept ?? ''}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${kept === undefined ? 0 : awayS}${secure ? '; Secure' : ''}`) },
    kept: request => cookieOf(request, `${name}-away`),
    signOut: async (request, reply) => {
      const token = tokenOf(request)
      reply.header('set-cookie', cookie('', 0))
      if (token === undefined) return
      await closeSession(store.pool, token)
      identities.forgetAll()
    },
    formTokenOf: request => createHmac('sha256', given(request)).update('form').digest('base64url'),
    forgetAll: () => { identities.forgetAll() },
  }
}

/** @throws DrillError `form.foreign` where the token is not that of the session */
export function assertOwnForm (sessions: Sessions, request: FastifyRequest, token: string): void {
  const [own, other] = [Buffer.from(sessions.formTokenOf(request)), Buffer.from(token)]
  if (own.length !== other.length || !timingSafeEqual(own, other)) throw new DrillError('form.foreign', 'the form is of another session: load the page anew and send it again')
}

/** What the browser itself says about where a form comes from: this also guards signing in, where there is no session yet. @throws DrillError `form.foreign` */
export function assertOwnSite (request: FastifyRequest, publicUrl: string): void {
  const { 'sec-fetch-site': site, origin } = request.headers
  if (site !== undefined ? site === 'same-origin' || site === 'none' : origin === undefined || isOwn(origin)) return
  throw new DrillError('form.foreign', 'the form was sent from another site')

  function isOwn (origin: string): boolean {
    return URL.canParse(origin) && [request.host, new URL(publicUrl).host].includes(new URL(origin).host)
  }
}
