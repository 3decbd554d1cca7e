import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { roles } from '../src/drill/people.js'
import { ruleOf, type Right } from '../src/drill/rights.js'
import { codeOf, startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys) })
afterEach(async () => { await api.app.close() })

/** Every route with the right that it is meant to have: a new one, or another right, has to be written here too. */
const expected: Record<string, Right> = {
  'GET /livez': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'public',
  'GET /v1/me': 'self.read',
  'POST /v1/drills': 'drill.start',
  'GET /v1/drills': 'read',
  'GET /v1/drills/{id}': 'read',
  'GET /v1/drills/{id}/timeline': 'read',
  'GET /v1/drills/{id}/export': 'read',
  'GET /v1/drills/{id}/events': 'read',
  'GET /v1/drills/{id}/report': 'read',
  'GET /v1/drills/{id}/result': 'read',
  'POST /v1/drills/{id}/gates/{step}/decision': 'gate.decide',
  'POST /v1/drills/{id}/tasks/{step}/confirmation': 'task.confirm',
  'POST /v1/drills/{id}/notes': 'drill.note',
  'POST /v1/drills/{id}/declaration': 'drill.declare',
  'POST /v1/drills/{id}/abort': 'drill.abort',
  'GET /v1/owed': 'read',
  'POST /v1/drills/{id}/undo': 'drill.undo',
  'POST /v1/halts': 'halt.set',
  'GET /v1/halts': 'read',
  'POST /v1/halts/lifting': 'halt.lift',
  'POST /v1/plans': 'plan',
  'GET /v1/runbooks': 'read',
  'GET /v1/runbooks/{name}': 'read',
  'GET /v1/environments': 'read',
  'GET /v1/environments/{name}': 'read',
  'POST /v1/alerts': 'alert.send',
  'GET /v1/people': 'people.manage',
  'GET /v1/people/log': 'people.manage',
  'POST /v1/people': 'people.manage',
  'DELETE /v1/people/{id}': 'people.manage',
  'PUT /v1/people/{id}/roles': 'people.manage',
  'PUT /v1/people/{id}/subject': 'people.manage',
  'PUT /v1/people/{id}/slack': 'people.manage',
  'POST /v1/people/{id}/grants': 'people.manage',
  'POST /v1/people/{id}/entrusted/{entrusted}/confirmation': 'people.manage',
  'DELETE /v1/people/{id}/entrusted/{entrusted}': 'self.duty',
  'POST /v1/people/{id}/deputies': 'self.duty',
  'PUT /v1/people/{id}/absence': 'self.duty',
  'POST /v1/people/{id}/keys': 'self.keys',
  'DELETE /v1/people/{id}/keys': 'self.keys',
  'DELETE /v1/people/{id}/keys/{key}': 'self.keys',
}

interface Operation {
  operationId?: string, tags?: string[], summary?: string, security?: unknown[]
  parameters?: Array<{ name: string, in: string }>, responses: Record<string, unknown>
}
interface Document {
  openapi: string, tags: Array<{ name: string }>, components: { securitySchemes: object }, paths: Record<string, Record<string, Operation>>
}

async function operations (): Promise<Array<[string, Operation]>> {
  const { body } = await api.call('GET', '/docs/json')
  return Object.entries((body as unknown as Document).paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method.toUpperCase()} ${path}`, operation]))
}

test('the OpenAPI document has every route and no other', async () => {
  assert.deepEqual((await operations()).map(([name]) => name).sort(), Object.keys(expected).sort())
})

test('every operation of the document has an id of its own, a tag, a summary, and a schema for each failure', async () => {
  const { body } = await api.call('GET', '/docs/json')
  const document = body as unknown as Document
  assert.match(document.openapi, /^3\.1\./)
  assert.deepEqual(Object.keys(document.components.securitySchemes), ['key', 'token'])
  const all = await operations()
  assert.equal(new Set(all.map(([, { operationId }]) => operationId)).size, all.length)
  for (const [name, operation] of all) {
    assert.ok(operation.operationId && operation.summary, name)
    assert.ok(operation.tags?.every(tag => document.tags.some(known => known.name === tag)), name)
    const isPublic = expected[name] === 'public'
    if (isPublic) assert.deepEqual(operation.security, [], name)
    for (const status of isPublic ? [400, 429, 500, 503] : [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504]) assert.ok(operation.responses[status], `${name} ${status}`)
    assert.ok(Object.keys(operation.responses).some(status => status.startsWith('2')), name)
    for (const [, parameter] of name.matchAll(/\{(\w+)\}/g)) assert.ok(operation.parameters?.some(one => one.in === 'path' && one.name === parameter), name)
  }
  assert.ok(!JSON.stringify(document).includes('"$ref"'), 'nothing to resolve, so nothing that may dangle')
})

test('the page at /docs answers, and what it loads', async () => {
  assert.equal((await api.call('GET', '/docs/')).status, 200)
  assert.equal((await api.call('GET', '/docs/static/swagger-ui-bundle.js')).status, 200)
  assert.match(String((await api.call('GET', '/docs/')).headers['content-security-policy']), /default-src 'self'/)
})

for (const [route, right] of Object.entries(expected)) {
  test(`${route} opens for who holds ${right}, and for nobody else`, async () => {
    const [method, path] = route.split(' ') as ['GET' | 'POST' | 'PUT' | 'DELETE', string]
    // Nothing of that name is there: whoever gets past the right hears that, and never 401 or 403.
    const url = path.replace('{id}', 'nix').replace('{step}', 'nix').replace('{name}', 'nix').replace('{key}', '0'.repeat(36)).replace('{entrusted}', '0'.repeat(36))
    const ask = async (as?: string) => await api.call(method, url, { ...(as === undefined ? {} : { as }), ...(method === 'POST' || method === 'PUT' ? { body: {} } : {}) })
    const { who: holders } = ruleOf(right)
    const keyless = await ask()
    if (holders === 'everybody') return assert.notEqual(keyless.status, 401)
    assert.equal(codeOf(keyless), '401 auth.missing')
    assert.equal(codeOf(await api.call(method, url, { key: `mst_${'x'.repeat(43)}` })), '401 auth.invalid')
    for (const role of [...roles, 'nobody']) {
      const answer = await ask(role)
      if (holders === 'known' || (holders === 'self' ? ['admin'] : holders as readonly string[]).includes(role)) assert.ok(answer.status !== 401 && answer.status !== 403, `${role}: ${codeOf(answer)}`)
      else assert.equal(codeOf(answer), '403 auth.forbidden', role)
    }
  })
}

test('a route that states no right keeps the server from starting', async () => {
  const { guardRoutes } = await import('../src/http/auth.js')
  const { default: fastify } = await import('fastify')
  const { Identities } = await import('../src/http/identities.js')
  const app = fastify()
  guardRoutes(app, new Identities(async () => undefined))
  assert.throws(() => app.get('/open', async () => 'x'), { code: 'internal' })
})

for (const [what, authorization] of [['another scheme', 'Basic YTpi'], ['no key after the scheme', 'Bearer '], ['a key of somebody else’s system', 'Bearer ghp_123'], ['a key with a quote', "Bearer mst_x' or 1=1"]] as const) {
  test(`${what} is no key`, async () => {
    assert.equal(codeOf(await api.call('GET', '/v1/me', { headers: { authorization } })), '401 auth.invalid')
  })
}

test('an admin adds a person, whose key works and is shown only then', async () => {
  const added = await api.call('POST', '/v1/people', { as: 'admin', body: { id: 'dora', name: 'Dora', roles: ['observer', 'approver'] } })
  assert.equal(added.status, 201)
  const key = String(added.body['key'])
  assert.match(key, /^mst_/)
  assert.deepEqual((await api.call('GET', '/v1/me', { key })).body, { id: 'dora', name: 'Dora', roles: ['observer', 'approver'] })
  const listed = await api.call('GET', '/v1/people', { as: 'admin' })
  assert.ok(!listed.text.includes(key.slice(4)))
  assert.ok(!api.log().includes(key.slice(4)))
})

test('an id that is taken is refused, and so is a key for a person who is not there', async () => {
  assert.equal(codeOf(await api.call('POST', '/v1/people', { as: 'admin', body: { id: 'observer', name: 'X', roles: ['observer'] } })), '409 person.exists')
  assert.equal(codeOf(await api.call('POST', '/v1/people/nix/keys', { as: 'admin', body: {} })), '404 person.unknown')
  assert.equal(codeOf(await api.call('DELETE', '/v1/people/nix/keys', { as: 'admin' })), '404 person.unknown')
})

for (const [what, body] of [
  ['an unknown role', { id: 'x', name: 'X', roles: ['king'] }],
  ['no role', { id: 'x', name: 'X', roles: [] }],
  ['an id that climbs', { id: '../x', name: 'X', roles: ['observer'] }],
  ['a name of blanks', { id: 'x', name: '   ', roles: ['observer'] }],
  ['an expiry in the past', { id: 'x', name: 'X', roles: ['observer'], expiresAt: '2020-01-01T00:00:00Z' }],
  ['an expiry that is no time', { id: 'x', name: 'X', roles: ['observer'], expiresAt: 'tomorrow' }],
  ['an unknown key', { id: 'x', name: 'X', roles: ['observer'], admin: true }],
] as const) {
  test(`a person with ${what} is refused`, async () => {
    assert.equal(codeOf(await api.call('POST', '/v1/people', { as: 'admin', body })), '400 input.invalid')
  })
}

test('a revoked key opens nothing, at once where it was revoked', async () => {
  const { body: { key } } = await api.call('POST', '/v1/people', { as: 'admin', body: { id: 'eve', name: 'Eve', roles: ['observer'] } })
  const second = await api.call('POST', '/v1/people/eve/keys', { as: 'admin', body: { label: 'phone' } })
  assert.equal((await api.call('GET', '/v1/me', { key: String(key) })).status, 200)
  const revoked = await api.call('DELETE', `/v1/people/eve/keys/${String((await keysOf('eve')).find(({ label }) => label === 'first')!.id)}`, { as: 'admin' })
  assert.equal((revoked.body['revoked'] as string[]).length, 1)
  assert.equal(codeOf(await api.call('GET', '/v1/me', { key: String(key) })), '401 auth.invalid')
  assert.equal((await api.call('GET', '/v1/me', { key: String(second.body['key']) })).status, 200)
  assert.equal(((await api.call('DELETE', '/v1/people/eve/keys', { as: 'admin' })).body['revoked'] as string[]).length, 1)
  assert.equal(codeOf(await api.call('GET', '/v1/me', { key: String(second.body['key']) })), '401 auth.invalid')
})

async function keysOf (id: string): Promise<Array<{ id: string, label: string }>> {
  const { body } = await api.call('GET', '/v1/people', { as: 'admin' })
  return (body['people'] as Array<{ id: string, keys: Array<{ id: string, label: string }> }>).find(person => person.id === id)!.keys
}
