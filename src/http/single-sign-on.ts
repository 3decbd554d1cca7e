import { createHash, randomBytes } from 'node:crypto'
import { DrillError, messageOf } from '../errors.js'
import type { TokenFacts } from '../store/people.js'
import type { OidcConfig, Tokens } from './tokens.js'

/** Signing in at the issuer: OpenID Connect's code flow with PKCE (RFC 7636), state and nonce. */
export interface SingleSignOn {
  /** Where the browser goes, and what it keeps meanwhile. @throws DrillError `auth.issuer` */
  begin: (next: string) => Promise<{ url: string, kept: string }>
  /** Who came back, and where they wanted to go. @param kept of this very browser @throws DrillError `auth.*`, `form.foreign` */
  finish: (kept: string | undefined, answer: Answer) => Promise<{ facts: TokenFacts, next: string }>
}

/** What the issuer sends a browser back with. */
export interface Answer { code?: string, state?: string, error?: string, iss?: string }

interface Kept { state: string, nonce: string, verifier: string, next: string }

/** Longest wait for the issuer, ms. */
const patienceMs = 5000
const random = (): string => randomBytes(32).toString('base64url')

/** @param redirectUri as it is registered with the issuer */
export function openSingleSignOn ({ issuer, client }: Pick<OidcConfig, 'issuer'> & { client: NonNullable<OidcConfig['client']> }, tokens: Tokens, redirectUri: string): SingleSignOn {
  return {
    async begin (next) {
      const { authorizationEndpoint, tokenEndpoint } = await tokens.endpoints()
      if (authorizationEndpoint === '' || tokenEndpoint === '') throw new DrillError('auth.issuer', `${issuer} signs nobody in: its discovery names no authorization_endpoint or token_endpoint`)
      const kept: Kept = { state: random(), nonce: random(), verifier: random(), next }
      const url = new URL(authorizationEndpoint)
      const query = {
        response_type: 'code', client_id: client.id, redirect_uri: redirectUri, scope: client.scope, state: kept.state, nonce: kept.nonce,
        code_challenge: createHash('sha256').update(kept.verifier).digest('base64url'), code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      return { url: url.href, kept: Buffer.from(JSON.stringify(kept)).toString('base64url') }
    },

    async finish (cookie, { code, state, error, iss }) {
      const kept = read(cookie)
      // A browser that never set out here is being led into somebody else's session.
      if (!kept || state !== kept.state || (iss !== undefined && iss !== issuer)) throw new DrillError('form.foreign', 'that sign-in was not begun in this browser, or too long ago: begin it again')
      if (error !== undefined) throw new DrillError('auth.invalid', `${new URL(issuer).host} did not sign you in: ${/^[\w.-]{1,60}$/.test(error) ? error : 'for a reason that cannot be shown'}`)
      if (code === undefined) throw new DrillError('auth.invalid', `${new URL(issuer).host} sent no code`)
      const idToken = await exchange(code, kept.verifier)
      return { facts: await tokens.verify(idToken, { audience: client.id, nonce: kept.nonce }), next: kept.next }
    },
  }

  async function exchange (code: string, verifier: string): Promise<string> {
    const { tokenEndpoint } = await tokens.endpoints()
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, ...client.secret === undefined ? { client_id: client.id } : {} })
    // RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
    const encoded = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)
    const authorization: Record<string, string> = client.secret === undefined ? {} : { authorization: `Basic ${Buffer.from(`${encoded(client.id)}:${encoded(client.secret)}`).toString('base64')}` }
    let status: number
    let answer: { id_token?: unknown }
    try {
      const response = await fetch(tokenEndpoint, { method: 'POST', body, headers: { accept: 'application/json', ...authorization }, redirect: 'error', signal: AbortSignal.timeout(patienceMs) })
      status = response.status
      answer = await response.json() as typeof answer
    } catch (error) {
      throw new DrillError('auth.issuer', `${issuer} gives no token: ${messageOf(error)}`, { cause: error })
    }
    if (status === 400) throw new DrillError('auth.invalid', `${new URL(issuer).host} does not take its own code (any more): begin the sign-in again`)
    if (status !== 200 || typeof answer?.id_token !== 'string') throw new DrillError('auth.issuer', `${issuer} gives no token: it answers ${status}${status === 401 ? ', MUSTER_OIDC_CLIENT_ID or MUSTER_OIDC_CLIENT_SECRET is wrong' : ''}`)
    return answer.id_token
  }
}

function read (cookie: string | undefined): Kept | undefined {
  try {
    const kept = JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString()) as Partial<Kept>
    return ['state', 'nonce', 'verifier', 'next'].every(name => typeof kept[name as keyof Kept] === 'string') ? kept as Kept : undefined
  } catch {
    return undefined
  }
}
