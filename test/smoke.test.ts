import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import type { Environment } from '../src/drill/environment.js'
import type { CheckRun, Suite, SuiteCheck, SuiteRun } from '../src/drill/suite.js'
import { renderSuiteJunit, renderSuitePrometheus } from '../src/report/suite.js'
import { runSuite } from '../src/smoke/run.js'
import { makeCertificate, serving } from './fixtures/loopback.js'

interface Target { tls?: TlsOptions, ca?: string, environment?: (url: string) => Partial<Environment>, thresholds?: Suite['thresholds'], attempt?: number }

/** One check against a server of its own. */
async function suiteOf (check: Omit<SuiteCheck, 'id'>, listener: RequestListener, { tls, ca, environment, thresholds, attempt }: Target = {}): Promise<SuiteRun> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-smoke-'))
  try {
    return await serving(listener, async url => {
      if (ca !== undefined) writeFileSync(join(dir, 'ca'), ca)
      return await runSuite({
        suite: { name: 's', title: 'S', checks: [{ id: 'one', ...check }], thresholds },
        environment: { name: 'e', tier: 'lab', api: { url, instances: [], ...(ca === undefined ? {} : { caFile: join(dir, 'ca') }) }, ...environment?.(url) },
        runId: 'r', attempt, signal: new AbortController().signal, secret: async () => 'very-secret-value',
      })
    }, tls)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const one = async (...args: Parameters<typeof suiteOf>): Promise<CheckRun> => (await suiteOf(...args)).checks[0]!
const safe = { 'strict-transport-security': 'max-age=31536000', 'x-content-type-options': 'nosniff', 'content-security-policy': "frame-ancestors 'none'" }
const answering: RequestListener = (_, response) => { response.writeHead(200, safe).end('{"status":"ok"}') }
const get = (name: string, path: string, more = {}) => ({ name, request: { path, ...more } })

test('TLS is seen red for each reason: expired, ending soon, another name, unknown authority, an old version taken, no HSTS', async () => {
  const ask = async (certificate: ReturnType<typeof makeCertificate>, listener = answering, tls: TlsOptions = {}, ca = certificate.ca): Promise<CheckRun> =>
    await one({ category: 'security', check: 'tls', with: {} }, listener, { tls: { cert: certificate.cert, key: certificate.key, ...tls }, ca })
  const good = makeCertificate()
  const whole = await ask(good)
  assert.equal(whole.outcome, 'pass', whole.observed)
  assert.match((await ask(makeCertificate({ fromDays: -9, toDays: -1 }))).observed, /^the certificate has expired$/)
  assert.match((await ask(makeCertificate({ toDays: 10 }))).observed, /^the certificate is good for \d+ days, expected 21 or more$/)
  assert.match((await ask(makeCertificate({ names: 'DNS:elsewhere.example' }))).observed, /^the certificate is for another name/)
  assert.match((await ask(good, answering, {}, makeCertificate().ca)).observed, /^TLS: .*api\.caFile/)
  const old = await ask(good, answering, { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' })
  assert.equal(old.outcome, 'fail')
  assert.match(old.observed, /TLS 1\.0 is accepted; TLS 1\.1 is accepted/)
  assert.match((await ask(good, (_, response) => response.end('{}'))).observed, /^no Strict-Transport-Security$/)
})

test('security headers that are missing on a refusal alone are seen, with the status', async () => {
  const check = { category: 'security', check: 'security-headers', with: { pages: [{ path: '/', status: 200 }, { path: '/nothing', status: 404 }] } } as const
  const lost = await one(check, (request, response) => { response.writeHead(request.url === '/' ? 200 : 404, request.url === '/' ? safe : {}).end() })
  assert.equal(lost.outcome, 'fail')
  assert.match(lost.observed, /no x-content-type-options \(on 404\); no content-security-policy \(on 404\)/)
  const blind = await one(check, (_, response) => { response.writeHead(200, safe).end() })
  assert.deepEqual([blind.outcome, blind.observed], ['blind', '/nothing answers 200, not the 404 whose headers are asked about'])
})

test('access: data for anybody, a tampered token taken, another’s order readable, no 429', async () => {
  const input = { path: '/me', token: 'good-token-0123', foreign: '/orders/7', private: 'secret note', limit: { path: '/reset', burst: 4 } }
  const open = await one({ category: 'security', check: 'access', perSecond: 50, with: input }, (_, response) => response.end('{"note":"secret note"}'))
  assert.equal(open.outcome, 'fail')
  for (const words of [/no token: answered with status 200/, /a tampered token: answered with status 200/, /another person’s data: answered with status 200/, /4 requests in a row to \/reset and no 429/]) assert.match(open.observed, words)
  let asked = 0
  const shut = await one({ category: 'security', check: 'access', perSecond: 50, with: input }, (request, response) => {
    if (request.url === '/reset') response.writeHead(++asked > 2 ? 429 : 202, asked > 2 ? { 'retry-after': '60' } : {}).end()
    else if (request.url === '/me' && request.headers.authorization === 'Bearer good-token-0123') response.end('{}')
    else response.writeHead(request.url === '/me' ? 401 : 404).end('{}')
  })
  assert.equal(shut.outcome, 'pass', shut.observed)
})

test('injection: a 500, SQL text, a parameter that reaches SQL, and a foreign origin let in', async () => {
  const check = { category: 'security', check: 'injection', perSecond: 50, with: { paths: ['/s?q={{ payload }}'] } } as const
  const ask = async (answer: (text: string) => [number, string], headers = {}): Promise<CheckRun> => await one(check, (request, response) => {
    const [status, text] = answer(new URL(request.url!, 'http://x').searchParams.get('q') ?? '')
    response.writeHead(status, headers).end(text)
  })
  const raw = await ask(text => /^[^']*'$/.test(text) ? [500, '{"error":"syntax error at or near"}'] : [200, '[]'])
  assert.equal(raw.outcome, 'fail')
  assert.match(raw.observed, /a quote in \/s\?q=… ends in status 500; .*brings out SQL text: "syntax error at or near"; .*answered differently: the parameter reaches SQL/)
  assert.match((await ask(() => [200, '[]'], { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' })).observed, /lets every origin in \(\*\), with credentials/)
  assert.equal((await ask(() => [200, '[]'])).outcome, 'pass')
})

test('a log-out that revokes nothing, a proxy’s error page, and a slow page are seen red', async () => {
  const steps = [get('log out', '/log-out'), { ...get('the token is worth nothing now', '/me', { token: 't-123456' }), expect: { status: 401 } }]
  assert.match((await one({ category: 'journeys', check: 'journey', with: { steps } }, answering)).observed, /^the token is worth nothing now: status 200, expected 401$/)
  const page = await one({ category: 'health', check: 'journey', with: { steps: [{ ...get('live', '/'), expect: { json: [{ path: '$.status' }] } }] } }, (_, response) => response.end('<html>nginx</html>'))
  assert.match(page.observed, /^live: the body is no JSON: "<html>nginx<\/html>"$/)
  const slow = await one({ category: 'performance', check: 'latency', with: { pages: [{ name: 'page', path: '/', p95: '10ms' }] } }, (_, response) => { setTimeout(() => response.end('{}'), 30) })
  assert.match(slow.observed, /^page: p95 is \d+ ms, expected within 10ms$/)
})

test('monitoring: a target down, nothing watched, no watchdog, an alert that never arrives, a figure that is not there', async () => {
  const monitored = (answers: Record<string, unknown>, more = {}): [RequestListener, Target] => [
    (request, response) => { response.end(JSON.stringify(answers[request.url!.split('?')[0]!] ?? {})) },
    { environment: url => ({ monitoring: { prometheus: url, alertmanager: url, alertReceiver: '127.0.0.1:0', grafana: { url }, ...more } }) },
  ]
  const now = new Date().toISOString()
  const ask = async (check: SuiteCheck['check'], answers: Record<string, unknown>, input = {}): Promise<CheckRun> => await one({ category: 'monitoring', check, with: input, retries: 0 }, ...monitored(answers))
  assert.match((await ask('prometheus', { '/api/v1/targets': { data: { activeTargets: [{ labels: { job: 'api', node: 'api1' }, health: 'down', lastScrape: now, lastError: 'refused' }] } } })).observed, /^api\/api1 is down: refused$/)
  assert.match((await ask('prometheus', {})).observed, /^it watches nothing/)
  assert.match((await ask('alertmanager', { '/api/v2/alerts': [] })).observed, /^Watchdog, which always fires, has not reached Alertmanager/)
  const lost = await ask('alert-arrives', {}, { within: '200ms' })
  assert.deepEqual([lost.outcome, /took the alert, but it did not arrive/.test(lost.observed)], ['fail', true])
  const none = await suiteOf({ category: 'monitoring', check: 'figures', with: { queries: { x: 'up' }, within: '100ms' } }, monitored({})[0], { ...monitored({})[1], thresholds: [{ metric: 'x', target: 1, alert: 2, from: { check: 'one', value: 'x' } }] })
  assert.equal(none.verdict, 'invalid')
  assert.deepEqual(none.thresholds.map(row => row.outcome), ['blind'])
  assert.match((await ask('grafana', { '/api/health': { database: 'failing' } })).observed, /^Grafana’s database is failing$/)
  const absent = await suiteOf({ category: 'monitoring', check: 'logs', with: {} }, answering)
  assert.deepEqual([absent.checks[0]!.outcome, absent.verdict], ['not-configured', 'invalid'])
})

test('a dead database, a dead cache are failures in their own words', async () => {
  const gone = Number(new URL(await serving(answering, async url => url)).port)
  const environment = (): Partial<Environment> => ({ cache: { nodes: [], endpoint: { host: '127.0.0.1', port: gone } }, database: { endpoint: { host: '127.0.0.1', port: gone, user: 'u', database: 'd' } } as unknown as Environment['database'] })
  assert.match((await one({ category: 'health', check: 'cache', retries: 0 }, answering, { environment })).observed, /^the cache does not answer connecting: /)
  assert.match((await one({ category: 'health', check: 'database', retries: 0 }, answering, { environment })).observed, /^the database does not answer: .*ECONNREFUSED/)
})

test('only what the service did not decide is asked again, security never; a mended critical check is flaky and a finding', async () => {
  const steps = [get('page', '/')]
  const failingFirst = (status: number): RequestListener => {
    let asked = 0
    return (_, response) => { response.writeHead(asked++ === 0 ? status : 200).end('{}') }
  }
  const mended = await suiteOf({ category: 'health', check: 'journey', with: { steps } }, failingFirst(503))
  assert.deepEqual([mended.checks[0]!.flaky, mended.checks[0]!.tries.map(one => one.outcome), mended.verdict], [true, ['fail', 'pass'], 'passed-with-findings'])
  for (const [category, status] of [['health', 500], ['security', 503], ['data', 503]] as const) {
    assert.equal((await suiteOf({ category, check: 'journey', with: { steps } }, failingFirst(status))).verdict, 'failed', `${category} ${status}`)
  }
  assert.match(renderSuiteJunit(mended), /failures="0" errors="0".*flakyFailure message="page: status 503/s)
  assert.match(renderSuitePrometheus(mended), /drill_check_flaky\{suite="s",environment="e",check="one"\} 1/)
})

test('what a worker left that died is removed by the next try; what could not be is a finding, and nothing there is no word', async () => {
  const leftovers = [get('find', '/left/{{ nonce }}'), { name: 'remove', request: { method: 'DELETE' as const, path: '/left/{{ nonce }}' } }]
  const left = async (attempt: number, find: number, remove = 204) => {
    const asked: string[] = []
    const run = await suiteOf({ category: 'health', check: 'journey', retries: 0, leftovers, with: { steps: [get('page', '/page/{{ nonce }}')] } }, ({ method, url }, response) => {
      asked.push(`${method!} ${url!.split('/')[1]!}`)
      response.writeHead(method === 'DELETE' ? remove : url!.startsWith('/left') ? find : 200).end()
    }, { attempt })
    return [run.verdict, run.checks[0]!.cleanUp, asked] as const
  }
  assert.deepEqual(await left(1, 200), ['passed', undefined, ['GET page']], 'nobody died')
  assert.deepEqual(await left(2, 404), ['passed', undefined, ['GET left', 'GET page']])
  assert.deepEqual(await left(2, 200), ['passed', { cleaned: true, observed: 'nothing of a worker that died is left' }, ['GET left', 'DELETE left', 'GET page']])
  const [verdict, cleanUp] = await left(2, 200, 500)
  assert.deepEqual([verdict, cleanUp?.cleaned], ['passed-with-findings', false])
  assert.match(cleanUp!.observed, /^of a worker that died: remove: status 500/)
})

test('a worker that is dead is seen, however empty its queue is', async () => {
  // The queue is empty since nobody puts anything in: only a job of the check's own, never done, tells.
  const steps = [{ ...get('put a job in', '/jobs', { method: 'POST' }), expect: { status: 202 } }, { ...get('it is done', '/jobs/1'), expect: { json: [{ path: '$.state', is: 'done' }] }, until: { every: '20ms', within: '150ms' } }]
  const queue = (state: string, waiting: string): RequestListener => (request, response) => {
    if (request.url!.startsWith('/api/v1/query')) response.end(JSON.stringify({ status: 'success', data: { result: [{ value: [0, waiting] }] } }))
    else response.writeHead(request.method === 'POST' ? 202 : 200).end(JSON.stringify({ state }))
  }
  const ask = async (state: string, waiting = '0'): Promise<CheckRun> => await one({ category: 'health', check: 'worker', perSecond: 100, retries: 0, with: { steps, depth: { query: 'queue', max: 10 } } }, queue(state, waiting), { environment: url => ({ monitoring: { prometheus: url } }) })
  const dead = await ask('waiting')
  assert.equal(dead.outcome, 'fail')
  assert.match(dead.observed, /^it is done: .*\$\.state/)
  assert.equal(dead.values['waiting'], 0, 'and its queue is empty')
  assert.match((await ask('done', '11')).observed, /^the queue: waiting is 11, at most 10 is allowed$/)
  assert.equal((await ask('done')).outcome, 'pass')
})

test('a log store that takes lines and finds none, or takes none, is seen; what the check wrote is removed', async () => {
  const store = (more: (request: { method?: string, url?: string }) => [number, string] | undefined): [RequestListener, string[]] => {
    const removed: string[] = []
    return [(request, response) => {
      const [status, body] = more(request) ?? (request.method === 'DELETE' ? (removed.push(request.url!), [200, '{}']) : request.url!.endsWith('/_search') ? [200, '{"hits":{"hits":[{"_id":"7"}]}}'] : [201, '{"_id":"7"}'])
      response.writeHead(status as number, { 'content-type': 'application/json' }).end(body)
    }, removed]
  }
  const ask = async (listener: RequestListener): Promise<CheckRun> => await one({ category: 'monitoring', check: 'logs', perSecond: 100, retries: 0, with: { within: '300ms' } }, listener, { environment: url => ({ monitoring: { prometheus: url, logs: { url, index: 'muster' } } }) })
  const [whole, removed] = store(() => undefined)
  assert.equal((await ask(whole)).outcome, 'pass')
  assert.deepEqual(removed, ['/muster/_doc/7'])
  const [deaf, alsoRemoved] = store(({ url }) => url!.endsWith('/_search') ? [200, '{"hits":{"hits":[]}}'] : undefined)
  const lost = await ask(deaf)
  assert.match(`${lost.outcome}: ${lost.observed}`, /^fail: the line was taken, but not found within 300ms/)
  assert.deepEqual(alsoRemoved, ['/muster/_doc/7'])
  const full = await ask(store(({ method, url }) => method === 'POST' && !url!.endsWith('/_search') ? [429, '{}'] : undefined)[0])
  assert.match(`${full.outcome}: ${full.observed}`, /^fail: the log store takes no line: .*429/)
  const stays = await ask(store(({ method }) => method === 'DELETE' ? [403, '{}'] : undefined)[0])
  assert.deepEqual([stays.outcome, stays.cleanUp?.cleaned], ['pass', false])
})

test('a cache that nothing comes out of is seen, by its header or by what it counts', async () => {
  const ask = async (word: (asked: number) => string): Promise<CheckRun> => {
    let asked = 0
    return await one({ category: 'performance', check: 'cache-hits', perSecond: 100, with: { paths: ['/'], rounds: 3, header: 'x-cache' } }, (_, response) => { response.writeHead(200, { 'x-cache': word(asked++) }).end('{}') })
  }
  assert.equal((await ask(asked => asked === 0 ? 'miss' : 'hit')).outcome, 'pass')
  const cold = await ask(() => 'miss')
  assert.match(`${cold.outcome}: ${cold.observed}`, /^fail: no answer came out of the cache \(x-cache: 3 × miss\)$/)
  assert.equal((await ask(() => 'bypass')).outcome, 'fail', 'a cache that is dead answers from the database')
  const silent = await one({ category: 'performance', check: 'cache-hits', perSecond: 100, retries: 0, with: { paths: ['/'], rounds: 2 } }, answering, { environment: () => ({ cache: { nodes: [], endpoint: { host: '127.0.0.1', port: 1 } } as unknown as Environment['cache'] }) })
  assert.match(`${silent.outcome}: ${silent.observed}`, /^blind: the cache does not say what it counts: /)
})
