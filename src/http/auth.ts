import type { FastifyInstance, FastifyRequest } from 'fastify'
import { rolesAnywhere, type Person, type Place } from '../drill/people.js'
import { holdersText, may, mayIn, ruleOf, type Right } from '../drill/rights.js'
import { DrillError } from '../errors.js'
import type { Identities } from './identities.js'
import type { Sessions } from './sessions.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route whose right is not `public`. */
    person: Person | undefined
  }
  interface FastifyContextConfig {
    /** What a caller needs for this route; a route without one does not start. */
    right?: Right
    /** How the route knows who asks, where it is not the key in the header. */
    identify?: (request: FastifyRequest, options: { asked: boolean }) => Promise<Person>
  }
}

/** A key of ours, or a token of an OpenID Connect issuer. */
const credentialPattern = /^Bearer +(mst_[A-Za-z0-9_-]{1,200}|(?=[A-Za-z0-9_.-]{1,8000}$)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)$/i
/** In an address: names that stand for a key, and texts that are one. */
const keyInAddress = /[?&;](api[_-]?key|key|access[_-]?token|id[_-]?token|token|bearer|authorization)=|\bmst_[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/i
/** Where somebody's voice is counted, or rights are given, the store is asked anew: who lost the role a moment ago is refused. */
const askedAnew: readonly Right[] = ['drill.start', 'gate.decide', 'task.confirm', 'halt.lift', 'people.manage', 'self.keys', 'self.duty']

/** A key in an address ends in the logs of every proxy, and in histories: refused on every address, and written down nowhere here. */
export function refuseKeysInAddresses (app: FastifyInstance): void {
  app.addHook('onRequest', async request => {
    if (keyInAddress.test(unescaped(request.url))) {
      throw new DrillError('auth.inAddress', 'a key or token has no place in an address: send `Authorization: Bearer …`, and revoke that one, it may have been seen')
    }
  })
}

function unescaped (url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}

/** Makes every route that is added from now on ask for its right. To be called after the rate limit, which is to come first. */
export function guardRoutes (app: FastifyInstance, identities: Identities): void {
  app.decorateRequest('person', undefined)
  app.addHook('onRoute', route => {
    const right = route.config?.right
    if (right === undefined) throw new DrillError('internal', `route ${String(route.method)} ${route.url} states no right`)
    const { who } = ruleOf(right)
    if (who === 'everybody') return
    const asked = askedAnew.includes(right)
    const identify = route.config?.identify ?? (async (request, options) => await identities.personOf(credentialOf(request), options))
    const guard = async (request: FastifyRequest): Promise<void> => {
      const person = await identify(request, { asked })
      const ofAnother = who === 'self' && (request.params as { id?: string }).id !== person.id
      if (!may(person, right) || (ofAnother && !may(person, 'people.manage'))) throw forbidden(person, right)
      request.person = person
    }
    route.onRequest = [...[route.onRequest ?? []].flat(), guard]
  })
}

/** For a door without a key, where the person is found out otherwise. @throws DrillError `auth.forbidden`, naming the roles that it takes */
export function assertMay (person: Person, right: Right): void {
  if (!may(person, right)) throw forbidden(person, right)
}

/** For a route that has learned which environment it is about. @throws DrillError `auth.forbidden`, naming the roles that it takes there */
export function assertMayIn (person: Person, right: Right, place: Place): void {
  if (!mayIn(person, right, place)) throw forbidden(person, right, place)
}

function forbidden (person: Person, right: Right, place?: Place): DrillError {
  const { who, service, where }: ReturnType<typeof ruleOf> = ruleOf(right)
  const inPlace = place && where === 'environment' ? ` in ${place.name}` : ''
  const why = person.service && !service
    ? `${person.name} is a service account`
    : `it takes ${holdersText(right)}${inPlace}${place?.tier === 'production' && typeof who !== 'string' ? ', given there and confirmed by a second admin' : ''}`
  return new DrillError('auth.forbidden', `${person.name} may not do that (${right})${inPlace}: ${why}`, { details: { right, roles: rolesAnywhere(person) } })
}

/** The person who asks. Only for routes that are not public. */
export function personOf (request: FastifyRequest): Person {
  if (!request.person) throw new DrillError('internal', `${request.routeOptions.url ?? request.url} has no person`)
  return request.person
}

/** Whose bucket of the rate limit a request counts to. A key that nobody has proven yet counts to its address: keys cannot be guessed faster by changing them. */
export function bucketOf (request: FastifyRequest, identities: Identities, sessions: Pick<Sessions, 'peek'>): string {
  const credential = credentialPattern.exec(request.headers.authorization ?? '')?.[1]
  const person = credential === undefined ? sessions.peek(request) : identities.peek(credential)
  return person ? `person:${person.id}` : `address:${request.ip}`
}

function credentialOf (request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined) throw new DrillError('auth.missing', 'the request has no key: send `Authorization: Bearer mst_…`')
  const credential = credentialPattern.exec(header)?.[1]
  if (credential === undefined) throw new DrillError('auth.invalid', 'that is no key of Muster: send `Authorization: Bearer mst_…`')
  return credential
}
