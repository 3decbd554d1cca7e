import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { removePerson } from '../src/store/people.js'
import { startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'
import { startIssuer, type Issuer, type IssuerMood } from './fixtures/issuer.js'

const publicUrl = 'https://muster.test'

let db: HttpStore
let issuer: Issuer
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => {
  issuer = await startIssuer(() => `${publicUrl}/sign-in/callback`)
  api = await startHttp(db.store, db.keys, { publicUrl, oidc: { issuer: issuer.url, audience: 'api', groupsClaim: 'groups', roles: { watchers: ['observer'], leads: ['commander', 'approver@tier:lab'] }, client: issuer.client } })
})
afterEach(async () => {
  await api.app.close()
  await issuer.stop()
})

interface Seen { status: number, text: string, location: string, cookies: string[] }

async function get (url: string, cookie?: string): Promise<Seen> {
  const { statusCode, payload, headers } = await api.app.inject({ url, headers: { ...cookie === undefined ? {} : { cookie }, 'sec-fetch-site': 'cross-site' } })
  return { status: statusCode, text: payload, location: String(headers['location']), cookies: [headers['set-cookie'] ?? []].flat().map(String) }
}
const valueOf = (seen: Seen, name: string): string => seen.cookies.map(line => line.split(';')[0]!).find(pair => pair.startsWith(`${name}=`)) ?? ''

/** A browser that goes to the issuer, and is led back: with what, and what it has kept. */
async function sentBack (next = '/'): Promise<{ callback: string, kept: string }> {
  const begun = await get(`/sign-in/issuer?next=${encodeURIComponent(next)}`)
  assert.equal(begun.status, 303, begun.text)
  const led = await fetch(begun.location, { redirect: 'manual' })
  assert.equal(led.status, 302, await led.text())
  return { callback: led.headers.get('location')!.replace(publicUrl, ''), kept: valueOf(begun, '__Host-muster-away') }
}

const refusal = ({ status, text, cookies }: Seen): string => {
  assert.ok(!cookies.some(line => line.startsWith('__Host-muster=')), 'nobody is signed in')
  return `${status} ${/role="alert">([^<]*)</.exec(text)?.[1]}`
}

test('whom the issuer vouches for is signed in for an hour, with what their groups give, and led to where they wanted', async () => {
  issuer.mood.claims = { sub: 'sub-ana', preferred_username: 'ana', name: 'Ana Lima', groups: ['leads'] }
  assert.match((await get('/sign-in?next=/drills/x')).text, new RegExp(`href="/sign-in/issuer\\?next=%2Fdrills%2Fx">Sign in with ${new URL(issuer.url).host}<`))
  const { callback, kept } = await sentBack('/?runbook=failover')
  assert.match(callback, /^\/sign-in\/callback\?code=/)
  const back = await get(callback, kept)
  assert.deepEqual([back.status, back.location], [303, '/?runbook=failover'])
  assert.match(back.cookies.join('\n'), /__Host-muster-away=; .*Max-Age=0/, 'what was kept is gone')
  assert.match(back.cookies.join('\n'), /__Host-muster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600; Secure/)
  const home = await api.app.inject({ url: '/', headers: { cookie: valueOf(back, '__Host-muster') } })
  assert.match(home.payload, /<bdi>Ana Lima<\/bdi> <span class="dim">commander, approver<\/span>/)
  assert.doesNotMatch(api.log(), /code=|eyJ|secret:of/, 'nothing secret is logged')
})

test('a sign-in at the issuer takes the sessions along that are over', async () => {
  const over = async (): Promise<number> => (await db.store.pool.query('select from sessions where expires_at < now()')).rowCount!
  await db.store.pool.query("insert into sessions (digest, person_id, expires_at) select '\\x00', id, now() - interval '1 minute' from people limit 1")
  assert.equal(await over(), 1)
  issuer.mood.claims = { sub: 'sub-ana', preferred_username: 'ana', name: 'Ana Lima', groups: ['leads'] }
  const { callback, kept } = await sentBack()
  assert.equal((await get(callback, kept)).status, 303)
  assert.equal(await over(), 0)
})

test('what the browser keeps meanwhile is of this host, of no script, and short', async () => {
  const { cookies } = await get('/sign-in/issuer')
  assert.match(cookies.join(), /^__Host-muster-away=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/)
})

for (const next of ['https://evil.test/', '//evil.test', '/\\evil.test']) {
  test(`nobody is led to ${next} by way of the issuer`, async () => {
    issuer.mood.claims = { groups: ['watchers'] }
    const { callback, kept } = await sentBack(next)
    assert.equal((await get(callback, kept)).location, '/')
  })
}

test('an answer that this browser did not ask for signs nobody in', async () => {
  issuer.mood.claims = { groups: ['watchers'] }
  const [mine, other] = [await sentBack(), await sentBack()]
  const foreign = '403 that sign-in was not begun in this browser, or too long ago: begin it again.'
  assert.equal(refusal(await get(mine.callback)), foreign, 'without what was kept')
  assert.equal(refusal(await get(mine.callback, other.kept)), foreign, 'with that of another sign-in')
  assert.equal(refusal(await get(mine.callback.replace(/state=[^&]+/, 'state='), mine.kept)), foreign)
  assert.equal(refusal(await get(mine.callback.replace(/iss=[^&]+/, 'iss=https://evil.test'), mine.kept)), foreign, 'from another issuer')
  for (const kept of ['', 'e30', '%%%', Buffer.from('null').toString('base64url')]) assert.equal(refusal(await get(mine.callback, `__Host-muster-away=${kept}`)), foreign, kept)
})

test('a code counts once, and only with the secret of the sign-in that it was given to', async () => {
  issuer.mood.claims = { groups: ['watchers'] }
  const used = await sentBack()
  assert.equal((await get(used.callback, used.kept)).status, 303)
  assert.match(refusal(await get(used.callback, used.kept)), /^401 127\.0\.0\.1:\d+ does not take its own code \(any more\): begin the sign-in again\.$/)
  const stolen = await sentBack()
  const state = /state=([^&]+)/.exec(stolen.callback)![1]!
  const thief = Buffer.from(JSON.stringify({ state, nonce: 'n', verifier: 'v'.repeat(43), next: '/' })).toString('base64url')
  assert.match(refusal(await get(stolen.callback, `__Host-muster-away=${thief}`)), /^401 .*does not take its own code/)
})

const hostile: Array<[string, Partial<IssuerMood>, RegExp]> = [
  ['a token without a signature', { signs: 'none' }, /^401 the token is refused: it is signed with an algorithm that is not taken here\.$/],
  ['a token signed with the public key as a password', { signs: 'hmac-of-public-key' }, /^401 the token is refused: it is signed with an algorithm that is not taken here\.$/],
  ['a token of another sign-in', { claims: { nonce: 'another' } }, /^401 the token is refused: it is of another sign-in\.$/],
  ['a token for the API instead of the pages', { claims: { aud: 'api' } }, /^401 the token is refused: it is meant for another audience than muster pages\.$/],
  ['a token that another program asked for', { claims: { aud: ['muster pages', 'other'], azp: 'other' } }, /^401 the token is refused: it was made for another program\.$/],
  ['a token for two programs that does not say whose it is', { claims: { aud: ['muster pages', 'other'] } }, /^401 the token is refused: it was made for another program\.$/],
  ['a token of another issuer', { claims: { iss: 'https://evil.test' } }, /^401 the token is refused: it comes from another issuer than /],
  ['a token that is over', { claims: { exp: 1_000_000 } }, /^401 the token is over its time: sign in again\.$/],
  ['a person who said no', { refuses: 'access_denied' }, /^401 127\.0\.0\.1:\d+ did not sign you in: access_denied\.$/],
  ['a refusal with mark-up', { refuses: '<script>alert(1)</script>' }, /^401 .*for a reason that cannot be shown\.$/],
  ['a person whose groups give nothing', { claims: { sub: 'stranger', name: 'Sam', groups: ['sales'] } }, /^403 Sam has no role in Muster: none of their groups gives one \(MUSTER_OIDC_ROLES\), and no admin has added them\.$/],
]
for (const [what, mood, expected] of hostile) {
  test(`${what} signs nobody in`, async () => {
    Object.assign(issuer.mood, { claims: { groups: ['watchers'] } }, mood.claims ? { ...mood, claims: { groups: ['watchers'], ...mood.claims } } : mood)
    const { callback, kept } = await sentBack()
    assert.match(refusal(await get(callback, kept)), expected)
  })
}

test('who was removed is signed in by no issuer, and their session is over', async () => {
  issuer.mood.claims = { sub: 'sub-gone', preferred_username: 'gone', groups: ['watchers'] }
  const first = await sentBack()
  const cookie = valueOf(await get(first.callback, first.kept), '__Host-muster')
  await removePerson(db.store.pool, 'gone', 'admin')
  const again = await sentBack()
  assert.equal(refusal(await get(again.callback, again.kept)), '401 gone was removed and may not come in.')
  assert.equal((await get('/', cookie)).text.includes('Sign out'), false)
})

test('an issuer that is away is said to be, and keys go on', async () => {
  issuer.mood.isDown = true
  const answer = await get('/sign-in/issuer')
  assert.deepEqual([answer.status, /<code>(auth\.\w+)<\/code>/.exec(answer.text)?.[1]], [503, 'auth.issuer'])
  issuer.mood.isDown = false
  const { callback, kept } = await sentBack()
  issuer.mood.isDown = true
  assert.match(refusal(await get(callback, kept)), /^503 http:\/\/127\.0\.0\.1:\d+ gives no token: it answers 503\.$/)
  assert.equal((await api.call('GET', '/v1/me', { as: 'observer' })).status, 200)
})

test('where no client is registered, the pages offer no issuer', async () => {
  const plain = await startHttp(db.store, db.keys, { publicUrl })
  try {
    assert.doesNotMatch((await plain.app.inject('/sign-in')).payload, /sign-in\/issuer/)
    assert.equal((await plain.app.inject('/sign-in/issuer')).statusCode, 404)
  } finally {
    await plain.app.close()
  }
})
