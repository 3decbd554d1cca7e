import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addKey, revokeKey } from '../src/store/keys.js'
import { startHttp } from './fixtures/http.js'
import { codeOf, serveWeb } from './fixtures/web.js'

const web = serveWeb()

test('who is not signed in is led to the sign-in and back to where they wanted', async () => {
  const browser = web.browser()
  const id = await web.api.drill()
  assert.equal((await browser.get(`/drills/${id}`)).headers['location'], `/sign-in?next=${encodeURIComponent(`/drills/${id}`)}`)
  const page = await browser.get(`/sign-in?next=/drills/${id}`)
  assert.match(page.text, new RegExp(`name="next" value="/drills/${id}"`))
  const answer = await browser.post('/sign-in', { key: ` ${web.db.keys['observer']} `, next: `/drills/${id}` })
  assert.deepEqual([answer.status, answer.headers['location']], [303, `/drills/${id}`])
  assert.match(String(answer.headers['set-cookie']), /^muster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  assert.equal((await browser.get(`/drills/${id}`)).status, 200)
})

for (const next of ['https://evil.test/', '//evil.test', '/\\evil.test', '/sign-out', 'javascript:alert(1)', '/a b', '']) {
  test(`nobody is led to ${JSON.stringify(next)} after signing in`, async () => {
    assert.equal((await web.browser().post('/sign-in', { key: web.db.keys['observer']!, next })).headers['location'], '/')
  })
}

test('over https the cookie is Secure and of this host alone; over plain http from elsewhere nobody signs in', async () => {
  const payload = new URLSearchParams({ key: web.db.keys['observer']! }).toString()
  // One after the other: the start of one is load to the other.
  const askOf = async (publicUrl: string) => {
    const { app } = await startHttp(web.db.store, web.db.keys, { publicUrl })
    try {
      return await app.inject({ method: 'POST', url: '/sign-in', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload })
    } finally {
      await app.close()
    }
  }
  assert.match(String((await askOf('https://muster.test')).headers['set-cookie']), /^__Host-muster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/)
  const refused = await askOf('http://muster.test')
  assert.deepEqual([refused.statusCode, refused.headers['set-cookie']], [403, undefined])
  assert.match(refused.payload, /in the clear.*MUSTER_PUBLIC_URL/)
})

for (const [what, key] of [['a wrong key', `mst_${'x'.repeat(43)}`], ['no key', ''], ['a key with markup', '"><script>alert(1)</script>']]) {
  test(`${what} signs nobody in, and is neither repeated nor logged`, async () => {
    const browser = web.browser()
    const answer = await browser.post('/sign-in', { key: key!, next: '/' })
    assert.deepEqual([answer.status, browser.cookie], [401, undefined])
    assert.match(answer.text, /That key is wrong, revoked or expired/)
    if (key !== '') assert.ok(!answer.text.includes(key!) && !web.api.log().includes(key!), 'the key is told again')
  })
}

test('a key in the address is refused, and signing in is limited', async () => {
  const browser = web.browser()
  assert.equal(codeOf(await browser.get(`/sign-in?key=${web.db.keys['observer']}`)), '400 auth.inAddress')
  assert.equal(codeOf(await (await web.signedIn('observer')).get(`/?key=${web.db.keys['observer']}`)), '400 auth.inAddress')
  const statuses: number[] = []
  for (let tries = 0; tries < 21; tries++) statuses.push((await browser.post('/sign-in', { key: 'guess', next: '/' })).status)
  assert.equal(statuses.at(-1), 429)
})

test('a session ends by signing out, with its key, and is nothing without the store having it', async () => {
  const { key, keyId } = await addKey(web.db.store.pool, 'observer')
  const browser = await web.signedIn('observer', key)
  const { cookie } = browser
  assert.equal((await browser.post('/sign-out', {})).headers['location'], '/sign-in')
  browser.cookie = cookie
  assert.equal((await browser.get('/')).status, 303, 'the cookie of a session that was signed out')
  const other = await web.signedIn('observer', key)
  await revokeKey(web.db.store.pool, keyId)
  // As another API would: this one has to hear of it.
  await web.api.call('DELETE', '/v1/people/observer/keys/00000000-0000-4000-8000-000000000000', { as: 'admin' })
  const fresh = await startHttp(web.db.store, web.db.keys)
  try {
    assert.equal((await fresh.app.inject({ url: '/', headers: { cookie: other.cookie! } })).statusCode, 303, 'the key was revoked')
  } finally {
    await fresh.app.close()
  }
  other.cookie = `muster=${'x'.repeat(43)}`
  assert.equal((await other.get('/')).status, 303)
  other.cookie = "muster=' or 1=1; muster"
  assert.equal((await other.get('/')).status, 303)
})

test('the API takes no cookie, and a page takes no key in a header', async () => {
  const browser = await web.signedIn('admin')
  assert.equal((await browser.get('/v1/me')).status, 401)
  assert.equal((await web.browser().get('/', { authorization: `Bearer ${web.db.keys['admin']}` })).status, 303)
})

test('a session outlives a restart of the API', async () => {
  const browser = await web.signedIn('observer')
  await web.restart()
  assert.equal((await browser.get('/')).status, 200)
})

/** Every page with its right. */
