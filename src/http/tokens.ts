import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { DrillError, messageOf } from '../errors.js'
import type { TokenFacts } from '../store/people.js'

/** Whose tokens are believed. */
export interface OidcConfig {
  /** As it stands in the tokens; its keys are found by OpenID Connect's discovery. */
  readonly issuer: string
  readonly audience: string
  /** Claim with the groups: its name, or a path with dots into it. */
  readonly groupsClaim: string
  /** What each group gives: `approver`, `approver@shop`. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** As what Muster's pages are registered with the issuer; absent: people sign in there by key. */
  readonly client?: { readonly id: string, readonly secret?: string, readonly scope: string }
}

export interface Tokens {
  /** @param asked of an ID token: whose it is, and for which sign-in */
  verify: (token: string, asked?: { audience: string, nonce: string }) => Promise<TokenFacts>
  /** @throws DrillError `auth.issuer` */
  endpoints: () => Promise<Endpoints>
}

interface Endpoints { jwksUri: string, authorizationEndpoint: string, tokenEndpoint: string }

interface Timing {
  /** Longest wait for the issuer, ms. */
  timeoutMs: number
  /** The keys are asked for again when this old: for so long a key that was withdrawn still counts. */
  keptMs: number
  /** A token of an unknown key makes them be asked for again, at most once in this time. */
  cooldownMs: number
}

const usual: Timing = { timeoutMs: 3000, keptMs: 300_000, cooldownMs: 2000 }

/** Only signatures by a key that nobody but the issuer has: an HMAC could be made with the public key, `none` by anybody. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** How far clocks may be apart, s. */
const clockToleranceS = 5

/** Tokens of an OpenID Connect issuer. It is asked when the first token comes, so that Muster starts without it. */
export function openTokens ({ issuer, audience, groupsClaim, roles }: OidcConfig, timing: Partial<Timing> = {}): Tokens {
  const { timeoutMs, keptMs, cooldownMs } = { ...usual, ...timing }
  let keys: JWTVerifyGetKey | undefined
  let found: Endpoints | undefined
  const endpoints = async (): Promise<Endpoints> => {
    found ??= await discover(issuer, timeoutMs)
    return found
  }
  const keysOf = async (): Promise<JWTVerifyGetKey> => {
    keys ??= createRemoteJWKSet(new URL((await endpoints()).jwksUri), { timeoutDuration: timeoutMs, cacheMaxAge: keptMs, cooldownDuration: cooldownMs })
    return keys
  }
  return {
    /** @throws DrillError `auth.expired`, `auth.invalid` (saying what is wrong), `auth.issuer` where the issuer gives no keys */
    async verify (token, asked) {
      const getKey = await keysOf()
      const wanted = asked?.audience ?? audience
      try {
        const { payload } = await jwtVerify(token, getKey, { issuer, audience: wanted, algorithms, clockTolerance: clockToleranceS, requiredClaims: ['sub', 'exp'] })
        if (asked) assertOfSignIn(payload, asked)
        return factsOf(payload, groupsClaim, roles)
      } catch (error) {
        throw refusalOf(error, { issuer, audience: wanted })
      }
    },
    endpoints,
  }
}

/** OpenID Connect Core, 3.1.3.7: an ID token answers one question of one client. */
function assertOfSignIn ({ nonce, azp, aud }: JWTPayload, asked: { audience: string, nonce: string }): void {
  if (nonce !== asked.nonce) throw new DrillError('auth.invalid', 'the token is refused: it is of another sign-in')
  if ((azp !== undefined || (Array.isArray(aud) && aud.length > 1)) && azp !== asked.audience) throw new DrillError('auth.invalid', 'the token is refused: it was made for another program')
}

async function discover (issuer: string, timeoutMs: number): Promise<Endpoints> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error', headers: { accept: 'application/json' } })
    if (!answer.ok) throw new Error(`${address} answers ${answer.status}`)
    const found = await answer.json() as { issuer?: unknown, jwks_uri?: unknown, authorization_endpoint?: unknown, token_endpoint?: unknown }
    if (found.issuer !== issuer) throw new Error(`${address} speaks for another issuer, ${String(found.issuer).slice(0, 200)}`)
    const text = (value: unknown): string => typeof value === 'string' && URL.canParse(value) ? value : ''
    if (text(found.jwks_uri) === '') throw new Error(`${address} names no jwks_uri`)
    return { jwksUri: text(found.jwks_uri), authorizationEndpoint: text(found.authorization_endpoint), tokenEndpoint: text(found.token_endpoint) }
  } catch (error) {
    throw noKeys(issuer, error)
  }
}

function factsOf (payload: JWTPayload, groupsClaim: string, roles: OidcConfig['roles']): TokenFacts {
  const { sub: subject = '', exp = 0, preferred_username: username, name, email } = payload
  if (subject === '' || subject.length > 255) throw new DrillError('auth.invalid', 'the token names no subject of at most 255 characters')
  const given = groupsOf(payload, groupsClaim).flatMap(group => Object.hasOwn(roles, group) ? roles[group]! : [])
  const text = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value.replaceAll('\0', '').slice(0, 200) : undefined
  return { subject, username: text(username) ?? text(email), name: text(name), roles: [...new Set(given)].sort(), untilMs: exp * 1000 }
}

/** Some issuers nest the claim (`realm_access.roles`), some give it a name with dots: the plain name is tried first. */
function groupsOf (payload: JWTPayload, claim: string): string[] {
  const plain = Object.hasOwn(payload, claim) ? payload[claim] : undefined
  const found = plain ?? claim.split('.').reduce<unknown>((value, key) => value !== null && typeof value === 'object' && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined, payload)
  return [found].flat().filter(group => typeof group === 'string').slice(0, 1000)
}

/** What is wrong with a token, in the same words each time; never the token itself. */
function refusalOf (error: unknown, { issuer, audience }: { issuer: string, audience: string }): DrillError {
  if (error instanceof DrillError) return error
  const refuse = (why: string): DrillError => new DrillError('auth.invalid', `the token is refused: ${why}`, { cause: error })
  if (error instanceof errors.JWTExpired) return new DrillError('auth.expired', 'the token is over its time: sign in again', { cause: error })
  if (error instanceof errors.JWTClaimValidationFailed) {
    switch (error.claim) {
      case 'aud': return refuse(`it is meant for another audience than ${audience}`)
      case 'iss': return refuse(`it comes from another issuer than ${issuer}`)
      case 'nbf': return refuse('it is not good yet')
      default: return refuse(`its claim "${error.claim}" is missing or wrong`)
    }
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return refuse('it is signed with an algorithm that is not taken here')
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('its signature is wrong')
  if (error instanceof errors.JWKSNoMatchingKey) return refuse('no key of its issuer fits')
  if (error instanceof errors.JWKSMultipleMatchingKeys) return refuse('it does not say which key signed it')
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid || error instanceof errors.JOSENotSupported) return refuse('it is malformed')
  return noKeys(issuer, error)
}

function noKeys (issuer: string, error: unknown): DrillError {
  return new DrillError('auth.issuer', `the keys of ${issuer} cannot be had: ${messageOf(error)}`, { cause: error })
}
