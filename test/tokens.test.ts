import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { openTokens, type OidcConfig } from '../src/http/tokens.js'
import { codeOf, startHttp, startHttpStore, type HttpAnswer, type HttpStore, type TestApi } from './fixtures/http.js'

// A real issuer over HTTP, with real keys: discovery, key set, rotation, outage.

interface Signer { kid: string, privateKey: CryptoKey, publicKey: CryptoKey, jwk: JWK }
interface Claims { [name: string]: unknown, sub?: string, groups?: unknown, aud?: string, iss?: string, exp?: number, nbf?: number }

const audience = 'muster'
const cooldownMs = 300
const keptMs = 4000
let db: HttpStore
let api: TestApi
let server: Server
let issuer: string
let first: Signer
/** What the issuer publishes, and whether it answers. */
let published: JWK[] = []
let answers = true
let fetched = 0

before(async () => {
  server = createServer((request, reply) => {
    if (!answers) { reply.writeHead(503).end(); return }
    reply.setHeader('content-type', 'application/json')
    if (request.url === '/.well-known/openid-configuration') { reply.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` })); return }
    fetched++
    reply.end(JSON.stringify({ keys: published }))
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  first = await signer('one')
  published = [first.jwk]
  db = await startHttpStore()
  api = await startHttp(db.store, db.keys, {}, { tokens: openTokens(oidc(), { cooldownMs, keptMs }) })
})
after(async () => {
  await api?.app.close()
  await db?.stop()
  server?.closeAllConnections()
  await new Promise(resolve => server?.close(resolve))
})

function oidc (more: Partial<OidcConfig> = {}): OidcConfig {
  return { issuer, audience, groupsClaim: 'groups', roles: { leads: ['commander'], approvers: ['approver@tier:lab', 'observer'], watchers: ['observer'] }, ...more }
}

async function signer (kid: string, alg = 'ES256'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, privateKey, publicKey, jwk: { ...await exportJWK(publicKey), kid, alg, use: 'sig' } }
}

const nowS = (): number => Math.floor(Date.now() / 1000)
const pause = async (ms: number): Promise<void> => { await new Promise(resolve => setTimeout(resolve, ms)) }
const standard = (claims: Claims): Claims => ({ iss: issuer, aud: audience, sub: 'subject-ana', iat: nowS(), exp: nowS() + 300, groups: ['leads'], ...claims })

async function token (claims: Claims = {}, by: Signer = first, header: Record<string, unknown> = {}): Promise<string> {
  return await new SignJWT(standard(claims)).setProtectedHeader({ alg: 'ES256', kid: by.kid, ...header }).sign(by.privateKey)
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const me = async (key: string): Promise<HttpAnswer> => await api.call('GET', '/v1/me', { key })

test('a token comes in as the person that its subject names; its groups give the roles', async () => {
  const answer = await me(await token({ preferred_username: 'Ana.Lima@example.com', name: 'Ana Lima' }))
  assert.deepEqual([answer.status, answer.body], [200, { id: 'ana.lima', name: 'Ana Lima', roles: ['commander'] }])
  const again = await me(await token({ preferred_username: 'renamed', groups: ['approvers', 'unknown', 7] }))
  assert.deepEqual(again.body, { id: 'ana.lima', name: 'Ana Lima', roles: ['observer'], grants: [{ role: 'approver', in: 'tier:lab', fourEyes: false }] }, 'the subject counts, not the name; groups are those of this token')
})

test('a name that is somebody’s id gives another id, never theirs', async () => {
  const answer = await me(await token({ sub: 'subject-mallory', preferred_username: 'commander', name: 'COMMANDER' }))
  assert.match(String(answer.body['id']), /^commander-[0-9a-f]{8}$/)
})

test('somebody without a group of ours is known and may do nothing', async () => {
  const stranger = await token({ sub: 'stranger', groups: ['sales'] })
  assert.deepEqual((await me(stranger)).body['roles'], [])
  assert.equal(codeOf(await api.call('GET', '/v1/drills', { key: stranger })), '403 auth.forbidden')
})

test('a token starts a drill, and another one approves it', async () => {
  const started = await api.call('POST', '/v1/drills', { key: await token(), body: { runbook: 'failover', environment: 'lab' } })
  assert.equal(started.status, 201, started.text)
  const decision = async (key: string): Promise<HttpAnswer> => await api.call('POST', `/v1/drills/${String(started.body['drillId'])}/gates/approve/decision`, { key, body: { answer: 'approve' } })
  assert.equal(codeOf(await decision(await token({ groups: ['leads', 'approvers'] }))), '403 decision.requester')
  assert.equal((await decision(await token({ sub: 'subject-ben', groups: ['approvers'] }))).status, 200)
})

const hostile: Array<[string, () => Promise<string> | string, string, string]> = [
  ['an expired token', async () => await token({ exp: nowS() - 60 }), '401 auth.expired', 'the token is over its time: sign in again'],
  ['a token that is not good yet', async () => await token({ nbf: nowS() + 600 }), '401 auth.invalid', 'the token is refused: it is not good yet'],
  ['a token for another audience', async () => await token({ aud: 'billing' }), '401 auth.invalid', 'the token is refused: it is meant for another audience than muster'],
  ['a token of another issuer', async () => await token({ iss: 'https://evil.example' }), '401 auth.invalid', 'the token is refused: it comes from another issuer than ISSUER'],
  ['a token without an end', async () => await token({ exp: undefined }), '401 auth.invalid', 'the token is refused: its claim "exp" is missing or wrong'],
  ['a token without a subject', async () => await token({ sub: undefined }), '401 auth.invalid', 'the token is refused: its claim "sub" is missing or wrong'],
  ['alg none', () => `${part({ alg: 'none' })}.${part(standard({}))}.`, '401 auth.invalid', 'the token is refused: it is signed with an algorithm that is not taken here'],
  ['alg none with a signature', async () => `${part({ alg: 'none', kid: 'one' })}.${part(standard({}))}.${(await token()).split('.')[2]}`, '401 auth.invalid', 'the token is refused: it is signed with an algorithm that is not taken here'],
  ['an HMAC made with the public key', async () => hmac(await exportSPKI(first.publicKey)), '401 auth.invalid', 'the token is refused: it is signed with an algorithm that is not taken here'],
  ['an HMAC made with the published key', () => hmac(JSON.stringify(first.jwk)), '401 auth.invalid', 'the token is refused: it is signed with an algorithm that is not taken here'],
  ['a key that the token brings along', async () => { const mine = await signer('mine'); return await token({}, mine, { kid: 'one', jwk: mine.jwk }) }, '401 auth.invalid', 'the token is refused: its signature is wrong'],
  ['a key of nobody', async () => await token({}, await signer('mine')), '401 auth.invalid', 'the token is refused: no key of its issuer fits'],
  ['changed claims', async () => { const [head, , tail] = (await token()).split('.'); return `${head}.${part(standard({ groups: ['leads', 'approvers'] }))}.${tail}` }, '401 auth.invalid', 'the token is refused: its signature is wrong'],
  ['an extension that nobody knows', async () => { const [, body, tail] = (await token()).split('.'); return `${part({ alg: 'ES256', kid: 'one', crit: ['x'], x: 1 })}.${body}.${tail}` }, '401 auth.invalid', 'the token is refused: it is malformed'],
  ['what only looks like one', () => `${part({ alg: 'none' })}.${part(standard({}))}`, '401 auth.invalid', 'that is no key of Muster: send `Authorization: Bearer mst_…`'],
  ['9,000 characters', () => `${part({ alg: 'ES256' })}.${'A'.repeat(9000)}.AA`, '401 auth.invalid', 'that is no key of Muster: send `Authorization: Bearer mst_…`'],
]

function hmac (secret: string): string {
  const text = `${part({ alg: 'HS256', kid: 'one' })}.${part(standard({}))}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

for (const [what, make, code, message] of hostile) {
  test(`${what} is refused`, async () => {
    const forged = await make()
    const answer = await me(forged)
    assert.deepEqual([codeOf(answer), answer.body.error.message], [code, message.replace('ISSUER', issuer)])
    assert.equal(answer.headers['www-authenticate'], 'Bearer realm="muster"')
    assert.ok(!api.log().includes(forged.split('.')[1]!.slice(0, 60)), 'the log has the token')
  })
}

test('a good token in an address is refused there too, and logged nowhere', async () => {
  const good = await token()
  assert.equal(codeOf(await api.call('GET', `/v1/me?x=${good}`)), '400 auth.inAddress')
  assert.ok(!api.log().includes(good.split('.')[2]!), 'the log has the token')
})

test('a token is believed no longer than it is good, however lately it was seen', async () => {
  const short = await token({ exp: nowS() + 2 })
  const found = await me(short)
  assert.equal(found.status, 200)
  const deadline = Date.now() + 20_000
  let answer = found
  // Clocks may be 5 s apart, as far as the signature is concerned; what is remembered ends on the second.
  while (answer.status === 200 && Date.now() < deadline) { await pause(200); answer = await me(short) }
  assert.equal(codeOf(answer), '401 auth.expired')
})

test('a new key of the issuer counts as soon as it is published, and the issuer is not asked for every stranger', async () => {
  const second = await signer('two', 'ES256')
  const early = await token({}, second)
  assert.equal(codeOf(await me(early)), '401 auth.invalid')
  published = [first.jwk, second.jwk]
  await pause(cooldownMs + 50)
  assert.equal((await me(await token({}, second))).status, 200)
  const burst = fetched
  await Promise.all(Array.from({ length: 10 }, async (_, i) => await me(await token({}, { ...first, kid: `burst-${i}` }))))
  assert.ok(fetched - burst <= 3, `${fetched - burst} requests for 10 strangers at once`)
})

test('a key that is withdrawn counts no longer, once the set is asked for again', async () => {
  const third = await signer('three')
  published = [third.jwk]
  const deadline = Date.now() + keptMs + 20_000
  let answer = await me(await token({ jti: 'x' }))
  while (answer.status === 200 && Date.now() < deadline) { await pause(300); answer = await me(await token({ jti: String(Math.random()) })) }
  assert.deepEqual([codeOf(answer), answer.body.error.message], ['401 auth.invalid', 'the token is refused: no key of its issuer fits'])
  assert.equal((await me(await token({}, third))).status, 200)
  first = third
})

test('who was removed does not come back by a token', async () => {
  const { id } = (await me(await token({ sub: 'subject-kay', preferred_username: 'kay' }))).body
  assert.equal(id, 'kay')
  assert.equal((await api.call('DELETE', '/v1/people/kay', { as: 'admin' })).status, 200)
  const answer = await me(await token({ sub: 'subject-kay', preferred_username: 'kay2' }))
  assert.deepEqual([codeOf(answer), answer.body.error.message], ['401 auth.invalid', 'kay was removed and may not come in'])
})

test('the issuer is away: tokens are answered 503, who was seen a moment ago stays, keys go on', async () => {
  const seen = await token({ sub: 'subject-seen' })
  assert.equal((await me(seen)).status, 200)
  answers = false
  try {
    // As long as the key set is fresh nobody needs the issuer.
    const deadline = Date.now() + keptMs + 20_000
    let answer = await me(await token())
    while (answer.status === 200 && Date.now() < deadline) { await pause(300); answer = await me(await token({ jti: String(Math.random()) })) }
    assert.equal(codeOf(answer), '503 auth.issuer')
    assert.ok(Number(answer.headers['retry-after']) > 0, 'no word when to try again')
    assert.equal((await me(seen)).status, 200)
    assert.equal((await api.call('GET', '/v1/me', { as: 'observer' })).status, 200)
  } finally {
    answers = true
  }
})

test('an issuer that speaks for another one gives no keys', async () => {
  await assert.rejects(openTokens(oidc({ issuer: `${issuer}/` })).verify(await token()), { code: 'auth.issuer', message: /speaks for another issuer/ })
})

test('groups are found in a claim with dots in its name, and on a path', async () => {
  const rolesBy = async (groupsClaim: string, claims: Claims): Promise<string[]> => {
    const tokens = openTokens(oidc({ groupsClaim }))
    return (await tokens.verify(await token({ groups: undefined, ...claims }))).roles
  }
  assert.deepEqual(await rolesBy('https://x.example/groups', { 'https://x.example/groups': 'leads' }), ['commander'])
  assert.deepEqual(await rolesBy('realm_access.roles', { realm_access: { roles: ['watchers', '__proto__', 'constructor'] } }), ['observer'])
  assert.deepEqual(await rolesBy('constructor.name', {}), [])
})

test('without an issuer a token is refused, and says what is missing', async () => {
  const plain = await startHttp(db.store, db.keys)
  try {
    let answer = await plain.call('GET', '/v1/me', { key: await token() })
    for (const deadline = Date.now() + 20_000; answer.status === 503 && Date.now() < deadline;) { await pause(100); answer = await plain.call('GET', '/v1/me', { key: await token() }) }
    assert.deepEqual([codeOf(answer), /MUSTER_OIDC_ISSUER/.test(answer.body.error.message)], ['401 auth.invalid', true])
  } finally {
    await plain.app.close()
  }
})
