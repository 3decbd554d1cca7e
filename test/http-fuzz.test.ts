import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { errorTable } from '../src/errors.js'
import { startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'

// The same requests each time: whatever a caller sends, the answer is one of the table's, and never a mistake of ours.
const seed = 20261128
const runs = 12

let db: HttpStore
let api: TestApi
let routes: Array<[string, string]>

before(async () => {
  db = await startHttpStore()
  api = await startHttp(db.store, db.keys)
  const { paths } = (await api.call('GET', '/docs/json')).body as unknown as { paths: Record<string, object> }
  routes = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path]))
  for (const path of ['/', '/sign-in', '/drills/{id}', '/drills/{id}/report', '/runbooks/{name}', '/assets/{key}']) routes.push(['GET', path])
  for (const path of ['/sign-in', '/sign-out', '/drills/{id}/gates/{step}', '/drills/{id}/tasks/{step}', '/drills/{id}/note', '/drills/{id}/declaration', '/drills/{id}/abort']) routes.push(['POST', path])
})
after(async () => {
  await api?.app.close()
  await db?.stop()
})

const odd = ['', '..', '../../etc/passwd', '%00', '\u0000', '__proto__', 'constructor', "' or 1=1 --", '{{ env.x }}', '<script>', '\u202e', '💥'.repeat(50), 'x'.repeat(600), '-1', '1e309', 'nix']
const word = fc.oneof(fc.constantFrom(...odd), fc.string({ maxLength: 40, unit: 'binary' }))
const names = ['runbook', 'environment', 'params', 'answer', 'reason', 'text', 'note', 'roles', 'role', 'in', 'id', 'name', 'deputy', 'until', 'expiresAt', 'user', 'email', 'key', 'form', 'alerts', 'version', '__proto__']
const value = fc.letrec(tie => ({
  any: fc.oneof({ maxDepth: 3 }, word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...names), tie('any'), { maxKeys: 5 })),
})).any
const body = fc.oneof(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }).map(given => JSON.stringify(given)), value.map(given => JSON.stringify(given) ?? ''), fc.string({ maxLength: 200, unit: 'binary' }))
const headerText = fc.string({ maxLength: 30 }).map(text => text.replace(/[^\x20-\x7e]/g, '?'))
const request = fc.record({
  ids: fc.array(word, { minLength: 4, maxLength: 4 }),
  query: fc.option(fc.dictionary(fc.constantFrom('after', 'limit', 'cursor', 'state', 'runbook', 'format', 'done', 'next', 'before', 'person', '__proto__'), word, { maxKeys: 3 }), { nil: {} }),
  type: fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-16', ''),
  as: fc.constantFrom('admin', 'commander', 'observer', undefined),
  idempotencyKey: fc.option(headerText), accept: fc.option(headerText), origin: fc.option(headerText),
  body,
})

test('no route has a 5xx for what a caller sends, and every refusal has a code of the table', { timeout: 120_000 }, async () => {
  const seen = new Set<number>()
  for (const [method, path] of routes) {
    await fc.assert(fc.asyncProperty(request, async given => {
      let at = 0
      const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(given.ids[at++ % 4]!.replace(/\p{Cs}/gu, '?')))
      const query = new URLSearchParams(given.query as Record<string, string>).toString()
      const { statusCode: status, payload, headers } = await api.app.inject({
        method: method as 'GET', url: query === '' ? filled : `${filled}?${query}`,
        headers: {
          ...given.as === undefined ? {} : { authorization: `Bearer ${db.keys[given.as]!}` },
          ...given.idempotencyKey === null ? {} : { 'idempotency-key': given.idempotencyKey }, ...given.accept === null ? {} : { accept: given.accept }, ...given.origin === null ? {} : { origin: given.origin },
          ...method === 'GET' || given.type === '' ? {} : { 'content-type': given.type },
        },
        ...method === 'GET' ? {} : { payload: given.body },
      })
      seen.add(status)
      // The machine under the tests may be busy; that is an answer of its own.
      assert.ok(status < 500 || /server\.busy/.test(payload), `${status} ${payload.slice(0, 300)}`)
      if (status < 400) return
      const code = String(headers['content-type']).includes('json') ? (JSON.parse(payload) as { error?: { code?: string } }).error?.code : /<code>([a-z]+\.\w+)<\/code>/.exec(payload)?.[1] ?? (/role="alert"/.test(payload) ? 'auth.invalid' : undefined)
      assert.ok(code !== undefined && code in errorTable, `${status} without a code: ${payload.slice(0, 300)}`)
    }), { seed, numRuns: runs, endOnFailure: true })
  }
  for (const status of [200, 400, 401, 403, 404]) assert.ok(seen.has(status), `nothing was answered ${status}: what was sent says little`)
})
