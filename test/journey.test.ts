import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from 'node:test'
import type { HttpStep } from '../src/drill/journey.js'
import { createHttp, type HttpAnswer, type HttpOptions } from '../src/journey/http.js'
import { runJourney, type JourneyRecord } from '../src/journey/journey.js'
import { cookiesOf } from '../src/journey/capture.js'
import { unmet } from '../src/journey/expect.js'
import { fill, masked } from '../src/journey/fill.js'
import { pacer } from '../src/journey/pace.js'
import { checkJourney } from '../src/runbook/rules/journey.js'
import { HttpStepSchema } from '../src/runbook/journey-schema.js'
import { validator } from '../src/runbook/validator.js'
import { makeCertificate, serving } from './fixtures/loopback.js'

const answer = (given: Partial<HttpAnswer> = {}): HttpAnswer => ({ status: 200, headers: {}, text: '{"items":[{"id":1,"name":"a"}],"next":null}', cut: false, ms: 12, ...given })

interface Options { http?: Partial<HttpOptions>, values?: Record<string, unknown>, signal?: AbortSignal, secrets?: string[] }

/** Runs steps against a server of its own. */
async function journey (listener: RequestListener, steps: HttpStep[], options: Options = {}): Promise<JourneyRecord> {
  return await serving(listener, async url => {
    const http = createHttp({ baseUrl: url, deadlineMs: 10_000, ...options.http })
    try {
      return await runJourney(steps, { http, values: options.values ?? {}, secrets: new Set(options.secrets), signal: options.signal ?? new AbortController().signal })
    } finally {
      http.close()
    }
  })
}

const said = (record: JourneyRecord): string[] => record.steps.map(step => `${step.name}: ${step.outcome}: ${step.observed.replace(/ after .*/, '')}`)

test('what an answer must be: each rule is seen unmet, with what was found and what was expected', () => {
  assert.deepEqual(unmet({}, answer({ status: 404 })), ['status 404, expected below 400'])
  assert.deepEqual(unmet({ status: [200, 204] }, answer({ status: 201 })), ['status 201, expected 200 or 204'])
  assert.deepEqual(unmet({ headers: { 'X-Cache': { is: 'hit' } } }, answer({ headers: { 'x-cache': 'miss' } })), ['header X-Cache is "miss", expected "hit"'])
  assert.deepEqual(unmet({ headers: { 'X-Cache': { is: 'hit' } } }, answer()), ['header X-Cache is not there'])
  assert.deepEqual(unmet({ headers: { server: { absent: true } } }, answer({ headers: { server: 'nginx' } })), ['header server is there, expected none'])
  assert.deepEqual(unmet({ json: [{ path: '$.items[*].id', atLeast: 2 }] }, answer()), ['$.items[*].id finds 1, expected at least 2'])
  assert.deepEqual(unmet({ json: [{ path: '$.items[0].name', is: 'b' }] }, answer()), ['$.items[0].name is "\\"a\\"", expected "\\"b\\""'])
  assert.deepEqual(unmet({ json: [{ path: '$.gone' }] }, answer()), ['$.gone matches nothing'])
  assert.deepEqual(unmet({ json: [{ path: '$.items', absent: true }] }, answer()), ['$.items is there, expected nothing'])
  assert.deepEqual(unmet({ json: [{ path: '$.items' }] }, answer({ text: '<html>Bad gateway</html>' })), ['the body is no JSON: "<html>Bad gateway</html>"'])
  assert.deepEqual(unmet({ schema: { type: 'object', required: ['total'] } }, answer()), ["the body does not fit its schema: it must have required property 'total'"])
  assert.deepEqual(unmet({ body: { lacks: 'items' } }, answer()), ['the body contains "items"'])
  assert.deepEqual(unmet({ body: { matches: '^\\[' } }, answer({ text: '{}' })), ['the body is "{}", expected to match /^\\[/'])
  assert.deepEqual(unmet({ within: '10ms' }, answer()), ['took 12 ms, expected within 10ms'])
  assert.deepEqual(unmet({ certificate: { days: 21 } }, answer()), ['there is no certificate: the connection is not encrypted'])
  assert.deepEqual(unmet({ certificate: { days: 21 } }, answer({ certificateUntilMs: 10.5 * 86_400_000 }), 0), ['the certificate is good for 10 days, expected 21 or more'])
  assert.deepEqual(unmet({ status: 200, json: [{ path: '$.items[0].id', is: 1 }, { path: '$.next', is: null }], body: { contains: 'items' }, within: '1s' }, answer()), [])
})

test('values are put in with their type, what stands for nothing is named, and secrets are masked', () => {
  assert.deepEqual(fill({ id: '{{ id }}', text: 'no. {{ id }} of {{ account.email }}' }, { id: 7, account: { email: 'a@b' } }), { value: { id: 7, text: 'no. 7 of a@b' }, missing: [] })
  assert.deepEqual(fill('{{ a.b }}', { a: {} }).missing, ['a.b'])
  assert.deepEqual(fill('{{ toString }}', {}).missing, ['toString'])
  assert.equal(fill('/v1/{{ id }}', { id: '../admin?x=1' }, encodeURIComponent).value, '/v1/..%2Fadmin%3Fx%3D1')
  assert.equal(masked('bearer abcdefgh', ['abcdefgh']), 'bearer •••')
})

test('a journey carries what it captured, and cleans up whatever failed before', async () => {
  const asked: string[] = []
  const record = await journey((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim())
    response.setHeader('content-type', 'application/json')
    if (request.url === '/login') response.setHeader('set-cookie', 'session=cookie-value-1; HttpOnly').end('{"token":"token-value-1"}')
    else if (request.method === 'POST') response.writeHead(500).end('{"id":"a/b"}')
    else response.end('{}')
  }, [
    { name: 'log in', request: { method: 'POST', path: '/login', json: { user: '{{ user }}' } }, capture: { token: '$.token', cookie: 'cookie:session' } },
    { name: 'create', request: { method: 'POST', path: '/things', token: '{{ token }}' }, expect: { status: 201 }, capture: { id: '$.id' } },
    { name: 'read', request: { path: '/things/{{ id }}', token: '{{ token }}' } },
    { name: 'delete', request: { method: 'DELETE', path: '/things/{{ id }}', token: '{{ token }}' }, always: true },
    { name: 'delete another', request: { method: 'DELETE', path: '/things/{{ other }}' }, always: true },
  ], { values: { user: 'u' } })
  assert.deepEqual(said(record), [
    'log in: pass: status 200', 'create: fail: status 500, expected 201', 'read: skipped: an earlier step failed', 'delete: pass: status 200', 'delete another: skipped: not asked: there is no {{ other }}',
  ])
  assert.deepEqual(asked, ['POST /login', 'POST /things Bearer token-value-1', 'DELETE /things/a%2Fb Bearer token-value-1'])
  assert.equal(record.passed, false)
  assert.equal(record.captures.cookie, 'cookie-value-1')
})

test('a JSONPath that matches nothing fails the step and names what is there', async () => {
  const record = await journey((_, response) => response.end('{"access":"x"}'), [{ name: 'log in', request: { path: '/' }, capture: { token: '$.token' } }])
  assert.deepEqual(said(record), ['log in: fail: token could not be captured: $.token matches nothing in the answer, which has access'])
})

test('a token that expires midway is told from one that was never good, and is in no message', async () => {
  let asked = 0
  const listener: RequestListener = (request, response) => {
    const good = asked++ < 1
    response.writeHead(good ? 200 : 401).end(JSON.stringify({ message: `bad ${request.headers.authorization}` }))
  }
  const step = (name: string): HttpStep => ({ name, request: { path: '/', token: '{{ secret }}' }, expect: { status: 200, json: [{ path: '$.message', matches: name === 'second' ? '^good' : '.' }] } })
  const record = await journey(listener, [step('first'), step('second')], { values: { secret: 'very-secret-token' }, secrets: ['very-secret-token'] })
  const [, second] = record.steps
  assert.match(second!.observed, /^status 401, expected 200;.*the token was taken before: it expired or was revoked midway$/)
  assert.ok(!JSON.stringify(record.steps).includes('very-secret-token'), JSON.stringify(record.steps))
  asked = 1
  const never = await journey(listener, [step('first')], { values: { secret: 'very-secret-token' } })
  assert.equal(never.steps[0]!.observed, 'status 401, expected 200')
})

test('polling ends with the answer that is as expected, or at its deadline', async () => {
  let asked = 0
  const until = { every: '10ms', within: '5s' }
  const expect = { json: [{ path: '$.status', is: 'done' }] }
  const listener: RequestListener = (_, response) => response.end(JSON.stringify({ status: ++asked > 3 ? 'done' : 'waiting' }))
  const good = await journey(listener, [{ name: 'job', request: { path: '/' }, expect, until }])
  assert.equal(good.passed, true)
  assert.equal(good.steps[0]!.tries, 4)
  asked = -1_000_000
  const late = await journey(listener, [{ name: 'job', request: { path: '/' }, expect, until: { every: '10ms', within: '60ms' } }])
  assert.match(late.steps[0]!.observed, /^\$\.status is .*waiting.*, expected .*done.*, not within 60ms$/)
})

test('bodies of 2 GB and without an end are not read on, and never a pass', async () => {
  const piece = Buffer.alloc(65_536, 'x')
  let sent = 0
  const endless: RequestListener = (request, response) => {
    if (request.url === '/huge') response.setHeader('content-length', 2 * 1024 ** 3)
    const more = (): void => { while (!response.destroyed && response.write(piece)) sent += piece.length }
    response.on('drain', more)
    more()
  }
  for (const path of ['/huge', '/endless']) {
    sent = 0
    const record = await journey(endless, [{ name: 'body', request: { path } }], { http: { deadlineMs: 20_000 } })
    assert.deepEqual(said(record), ['body: fail: the body is longer than the limit and was not read to its end'])
    assert.ok(sent < 64 * 1024 ** 2, `${sent} bytes were sent`)
  }
})

test('an answer that drips for ever ends at the deadline, and a redirect loop at once', async () => {
  const dripping = await journey((_, response) => {
    const timer = setInterval(() => response.write('.'), 20)
    response.on('close', () => { clearInterval(timer) })
  }, [{ name: 'drip', request: { path: '/', timeout: '200ms' } }])
  assert.deepEqual(said(dripping), ['drip: fail: no whole answer within 200 ms'])
  assert.equal(dripping.steps[0]!.failure, 'timeout')
  const looping = await journey((request, response) => { response.writeHead(302, { location: request.url === '/a' ? '/b?key=secret' : '/a' }).end() }, [{ name: 'loop', request: { path: '/a', follow: true } }])
  assert.match(looping.steps[0]!.observed, /^a redirect loop: http\S+\/a → http\S+\/b → http\S+\/a$/)
  const many = await journey((request, response) => { response.writeHead(302, { location: `${request.url}x` }).end() }, [{ name: 'many', request: { path: '/a', follow: true } }])
  assert.match(many.steps[0]!.observed, /^more than 5 redirects: /)
})

test('a redirect to another service takes no token along', async () => {
  const seen: Array<string | undefined> = []
  await serving((request, response) => { seen.push(request.headers.authorization); response.end('{}') }, async other => {
    const record = await journey((_, response) => { response.writeHead(302, { location: `${other}/` }).end() }, [{ name: 'away', request: { path: '/', follow: true, token: 'secret-token' } }])
    assert.equal(record.passed, true)
  })
  assert.deepEqual(seen, [undefined])
})

test('each way of not answering has its class', async () => {
  const classes = async (url: string, ca?: string): Promise<[string | undefined, string]> => {
    const http = createHttp({ baseUrl: url, ca, deadlineMs: 10_000 })
    const sent = await http.send({ path: '/' })
    http.close()
    return 'failure' in sent ? [sent.failure, sent.message] : [undefined, String(sent.status)]
  }
  assert.equal((await classes('http://no-such-host.invalid'))[0], 'dns')
  const gone = await serving((_, response) => response.end(), async url => url)
  assert.equal((await classes(gone))[0], 'connect')
  assert.equal(await serving(request => { request.socket.destroy() }, async url => (await classes(url))[0]), 'reset')
  const mine = makeCertificate()
  const [unknown, good] = await serving((_, response) => response.end('{}'), async url => [await classes(url), await classes(url, mine.ca)] as const, { cert: mine.cert, key: mine.key })
  assert.equal(unknown[0], 'tls')
  assert.match(unknown[1], /UNABLE_TO_\w+; an authority of your own belongs into the environment’s api\.caFile/)
  assert.deepEqual(good, [undefined, '200'])
})

test('an abort ends the steps, and cleaning up still runs', async () => {
  const controller = new AbortController()
  const asked: string[] = []
  const record = await journey((request, response) => {
    asked.push(request.url!)
    if (request.url === '/hangs') controller.abort()
    else response.end('{}')
  }, [{ name: 'hangs', request: { path: '/hangs' } }, { name: 'clean', request: { path: '/clean' }, always: true }], { signal: controller.signal })
  assert.deepEqual(record.steps.map(step => [step.outcome, step.failure]), [['fail', 'aborted'], ['pass', undefined]])
  assert.deepEqual(asked, ['/hangs', '/clean'])
})

test('cookies are read with their flags', () => {
  assert.deepEqual(cookiesOf(answer({ headers: { 'set-cookie': ['a=1=2; Secure; SameSite=Strict', 'b='] } })), [
    { name: 'a', value: '1=2', flags: { secure: true, samesite: 'Strict' } }, { name: 'b', value: '', flags: {} },
  ])
})

test('a pacer lets requests through evenly and not before their time', async () => {
  const pace = pacer(50)
  const from = performance.now()
  await Promise.all([pace(), pace(), pace()])
  assert.ok(performance.now() - from >= 38, `three at 50 a second took ${performance.now() - from} ms`)
})

test('a wrong step is told with its place before anything is asked', () => {
  const told: string[] = []
  const steps: HttpStep[] = [
    { name: 'a', request: { path: '/', json: {}, body: '' }, expect: { json: [{ path: '$..[' }], schema: { type: 'nothing' }, body: { matches: '(' } }, capture: { id: '$[' } },
    { name: 'a', request: { path: '/' }, until: { every: '0s', within: '1s' } },
  ]
  checkJourney(steps, '/steps', (pointer, message) => told.push(`${pointer} ${message}`))
  assert.deepEqual(told, [
    '/steps/0/request/body a request has one body, "json" or "body"',
    '/steps/0/capture/id "$[" is no JSONPath',
    '/steps/0/expect/json/0/path "$..[" is no JSONPath',
    '/steps/0/expect/body/matches "(" is no regular expression',
    '/steps/0/expect/schema no JSON Schema',
    '/steps/1/name there are two steps named "a"',
    '/steps/1/until/every asks without a pause',
  ])
  const flaws = validator(HttpStepSchema)({ name: 'x', request: { path: 'nowhere', metod: 'GET' }, capture: { 'a-b': 'token' } }).map(flaw => `${flaw.pointer} ${flaw.message}`).sort()
  assert.deepEqual(flaws, [
    '/capture/a-b "a-b" is no name here', '/capture/a-b must be a JSONPath ($.token), header:NAME or cookie:NAME, not "token"',
    '/request/metod unknown key "metod"', '/request/path must be a path that starts with /, not "nowhere"',
  ])
})
