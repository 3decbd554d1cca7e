import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { codeOf, startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys) })
afterEach(async () => { await api.app.close() })

/** Bytes as they are: clients tidy addresses up before they send them. */
async function raw (text: string): Promise<string> {
  if (!api.app.server.listening) await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = api.app.server.address() as AddressInfo
  return await new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => { socket.write(text) })
    let answer = ''
    socket.on('data', data => { answer += data.toString() })
    socket.on('close', () => { resolve(answer) })
    socket.on('error', reject)
  })
}
const get = async (path: string): Promise<string> => await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${db.keys['observer']!}\r\n\r\n`)

for (const [what, path, expected] of [
  ['dots', '/v1/drills/..', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['escaped dots', '/v1/drills/%2e%2e', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['an escaped slash', '/v1/drills/%2e%2e%2fetc', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['a twice escaped slash', '/v1/drills/%252e%252e', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['NUL', '/v1/drills/a%00b', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['a line break', '/v1/drills/a%0d%0aSet-Cookie:x', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['a broken escape', '/v1/drills/%zz', /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['300 characters', `/v1/drills/${'a'.repeat(300)}`, /^HTTP\/1\.1 400 .*"code":"input\.invalid"/s],
  ['600 characters', `/v1/drills/${'a'.repeat(600)}`, /^HTTP\/1\.1 4\d\d .*"code":"(input\.invalid|route\.unknown)"/s],
  ['a path upwards', '/v1/drills/../../etc/passwd', /^HTTP\/1\.1 404 .*"code":"route\.unknown"/s],
] as const) {
  test(`an id with ${what} is refused`, async () => {
    assert.match(await get(path), expected)
  })
}

test('what is no HTTP is answered in the same shape', async () => {
  assert.match(await raw('MUSTER\r\n\r\n'), /^HTTP\/1\.1 400 .*\{"error":\{"code":"input\.invalid"/s)
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 413 .*"input\.tooLarge"/s)
})

for (const [what, body, headers, expected] of [
  ['malformed JSON', '{"answer":', {}, '400 input.invalid'],
  ['an empty body', '', {}, '400 input.invalid'],
  ['a list for an object', '[]', {}, '400 input.invalid'],
  ['null', 'null', {}, '400 input.invalid'],
  ['a poisoned prototype', '{"__proto__":{"x":1},"answer":"approve"}', {}, '400 input.invalid'],
  ['another content type', 'answer=approve', { 'content-type': 'application/x-www-form-urlencoded' }, '415 input.mediaType'],
  ['a body of 300 KiB', JSON.stringify({ answer: 'approve', reason: 'x'.repeat(300 * 1024) }), {}, '413 input.tooLarge'],
] as const) {
  test(`${what} is refused with a reference that the log has`, async () => {
    const answer = await api.call('POST', '/v1/drills/x/gates/y/decision', { as: 'approver', body, headers })
    assert.equal(codeOf(answer), expected)
    assert.match(answer.body.error.reference, /^[0-9a-f-]{36}$/)
    assert.ok(api.log().includes(answer.body.error.reference))
    assert.deepEqual(api.temporal.calls, [])
  })
}

test('a wrong value is named by its pointer and not repeated', async () => {
  const answer = await api.call('POST', '/v1/drills/x/gates/y/decision', { as: 'approver', body: { answer: 'my-secret-value', key: 'a b', more: 1 } })
  assert.equal(codeOf(answer), '400 input.invalid')
  const problems = answer.body.error.details as Array<{ in: string, pointer: string, expected: string }>
  assert.deepEqual(problems.map(({ in: part, pointer }) => part + pointer).sort(), ['body/answer', 'body/key', 'body/more'])
  assert.ok(!answer.text.includes('my-secret-value'))
})

test('a rejection without a reason is refused', async () => {
  const answer = await api.call('POST', '/v1/drills/x/gates/y/decision', { as: 'approver', body: { answer: 'reject' } })
  assert.equal(codeOf(answer), '400 input.invalid')
  assert.match(answer.body.error.message, /body\/reason must be there/)
})

for (const [method, url, body] of [
  ['GET', '/v1/drills/nix', undefined],
  ['GET', '/v1/drills/nix/timeline', undefined],
  ['GET', '/v1/drills/nix/events', undefined],
  ['GET', '/v1/drills/nix/report', undefined],
  ['GET', '/v1/drills/nix/export', undefined],
  ['POST', '/v1/drills/nix/gates/approve/decision', { answer: 'approve' }],
  ['POST', '/v1/drills/nix/tasks/look/confirmation', {}],
  ['POST', '/v1/drills/nix/notes', { text: 'x' }],
  ['POST', '/v1/drills/nix/declaration', {}],
  ['POST', '/v1/drills/nix/abort', { reason: 'x' }],
] as const) {
  test(`${method} ${url} says that there is no such drill`, async () => {
    assert.equal(codeOf(await api.call(method, url, { as: 'engineer', body })), '404 drill.unknown')
  })
}

test('an unknown address is answered with where the addresses are', async () => {
  for (const url of ['/v1', '/v2/drills', '/v1/drills/a/b/c']) {
    const answer = await api.call('GET', url, { as: 'observer' })
    assert.equal(codeOf(answer), '404 route.unknown')
    assert.match(answer.body.error.message, /\/docs/)
  }
})

test('a mistake of our own hides its message and keeps it in the log, without the password', async () => {
  const id = await api.drill()
  api.temporal.away = 'boom'
  const answer = await api.call('POST', `/v1/drills/${id}/abort`, { as: 'observer', body: { reason: 'x' } })
  assert.equal(codeOf(answer), '500 internal')
  assert.ok(!/detail nobody|hunter2/.test(answer.text))
  assert.ok(api.log().includes('a detail nobody may see'))
  assert.ok(!api.log().includes('hunter2'))
})

test('keys, addresses with passwords and headers never reach the log', async () => {
  api.app.log.info({ req: { headers: { authorization: 'Bearer mst_topsecret' } }, password: 'topsecret', nested: { token: 'topsecret', apiKey: 'topsecret' } }, 'at postgres://a:topsecret@h/d with mst_topsecret')
  assert.ok(!api.log().includes('topsecret'), api.log())
})

test('more requests than the limit are refused with the seconds to wait; an abort still gets through', async () => {
  const limited = await startHttp(db.store, db.keys, { rateLimit: 5 })
  try {
    const id = await limited.drill()
    for (let i = 0; i < 6; i++) await limited.call('GET', '/v1/me', { as: 'commander' })
    const answer = await limited.call('GET', '/v1/me', { as: 'commander' })
    assert.equal(codeOf(answer), '429 rate.limited')
    assert.ok(Number(answer.headers['retry-after']) > 0)
    assert.equal((await limited.call('POST', `/v1/drills/${id}/abort`, { as: 'commander', body: { reason: 'enough' } })).status, 202)
    assert.equal((await limited.call('GET', '/v1/me', { as: 'observer' })).status, 200, 'another person has a bucket of their own')
  } finally {
    await limited.app.close()
  }
})

test('guessing keys and searching addresses is limited by address, however often the guess changes', async () => {
  const limited = await startHttp(db.store, db.keys, { rateLimit: 5 })
  try {
    const answers = []
    for (let i = 0; i < 7; i++) answers.push(await limited.call('GET', '/v1/me', { key: `mst_${String(i).repeat(43)}` }))
    assert.deepEqual(answers.map(({ status }) => status), [401, 401, 401, 401, 401, 429, 429])
    const searched = []
    for (let i = 0; i < 7; i++) searched.push((await limited.call('GET', `/search/${i}`)).status)
    assert.equal(searched.at(-1), 429)
  } finally {
    await limited.app.close()
  }
})

test('every answer is guarded by headers', async () => {
  const { headers } = await api.call('GET', '/v1/me', { as: 'observer' })
  assert.match(String(headers['content-security-policy']), /default-src 'none'/)
  assert.equal(headers['x-content-type-options'], 'nosniff')
})
