import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { findTools } from '../src/tools.js'
import { bodyOf, startTarget, step, tryLoad, type Try } from './fixtures/load.js'

/** Two users for a second and a half: what one answer is made of needs no crowd. */
const few = { users: 2, runTime: '1500ms', timeout: '600ms' }
const small = async (given: Try) => await tryLoad({ ...given, scenario: { ...few, ...given.scenario } })
const only = (result: Awaited<ReturnType<typeof tryLoad>>) => {
  assert.equal(result.failures.length, 1, JSON.stringify(result.failures))
  return result.failures[0]!
}

describe('answers that are none', { concurrency: 4 }, () => {
  test('a body without end, sent fast, is not read beyond the limit', async () => {
    let sent = 0
    const target = await startTarget((_request, response) => {
      const chunk = Buffer.alloc(65_536)
      const more = (): void => { while (!response.destroyed && response.write(chunk)) sent += chunk.length; response.once('drain', more) }
      more()
    })
    const result = await small({ url: target.url, scenario: { timeout: '20s' }, plan: { maxBodyBytes: 1_000_000 } })
    await target.close()
    assert.equal(only(result).failure, 'assertion')
    assert.equal(only(result).examples[0]!.message, 'the body is longer than 1000000 bytes')
    assert.ok(sent < result.total.requests * 20_000_000, `${sent} bytes for ${result.total.requests} requests`)
  })

  test('a body that trickles for ever ends at the deadline of the request', async () => {
    const target = await startTarget((_request, response) => {
      const timer = setInterval(() => response.write('x'), 50)
      response.on('close', () => { clearInterval(timer) })
    })
    const result = await small({ url: target.url })
    await target.close()
    assert.equal(only(result).failure, 'timeout')
    assert.equal(only(result).examples[0]!.message, 'no whole answer within 600 ms')
    assert.ok(result.total.responseMs!.p50 >= 600, 'a request that was given up took at least its deadline')
  })

  test('an address where nobody answers to the connection ends at the deadline too', async () => {
    // A listener whose queue is full: the connection is never made.
    const result = await small({ url: 'http://192.0.2.1:9' })
    assert.ok(['timeout', 'connect'].includes(only(result).failure), JSON.stringify(result.failures))
    assert.equal(result.total.errors, result.total.requests)
  })

  test('redirects are not followed, so a loop of them is one answer each', async () => {
    const target = await startTarget((_request, response) => { response.writeHead(302, { location: '/' }).end() })
    const result = await small({ url: target.url, steps: [step('page', '/', { expect: { status: 200 } })] })
    await target.close()
    assert.equal(result.total.requests, target.count)
    assert.equal(only(result).examples[0]!.message, 'status 302, expected 200')
    assert.equal(only(result).failure, 'assertion')
  })

  test('a JSONPath that matches nothing fails the request, and what needs it is not sent', async () => {
    const target = await startTarget((_request, response) => { response.end('{"other":1}') })
    const steps = [step('log in', '/log-in', { capture: { token: '$.token' } }), step('mine', '/mine', { request: { path: '/mine', token: '{{ token }}' }, always: true })]
    const result = await small({ url: target.url, steps })
    await target.close()
    const messages = new Set(only(result).examples.map(({ message }) => message))
    assert.deepEqual([...messages].sort(), ['not sent: there is no {{ token }}', 'token could not be captured: $.token matches nothing in the answer, which has other'])
    assert.equal(only(result).failure, 'assertion')
  })

  test('headers and cookies are judged and captured where a step asks for them, and of the final answer alone', async () => {
    const sent = new Set<string>()
    const target = await startTarget((request, response) => {
      if (request.url === '/log-in') {
        response.writeEarlyHints({ link: '</style.css>', 'x-shop': 'early' })
        response.writeHead(200, { 'X-Shop': 'one', 'set-cookie': ['other=1', 'sid=abc; HttpOnly'] }).end()
      } else {
        sent.add(`${String(request.headers['x-from'])} ${String(request.headers['x-sid'])}`)
        response.setHeader('x-shop', 'two').end()
      }
    })
    const steps = [
      step('log in', '/log-in', { expect: { headers: { 'x-shop': { is: 'one' } } }, capture: { shop: 'header:X-Shop', sid: 'cookie:sid' } }),
      step('mine', '/', { request: { path: '/', headers: { 'x-from': '{{ shop }}', 'x-sid': '{{ sid }}' } }, expect: { headers: { 'x-shop': { is: 'one' } } } }),
    ]
    const result = await small({ url: target.url, steps })
    await target.close()
    assert.deepEqual([...sent], ['one abc'])
    assert.equal(only(result).failure, 'assertion')
    assert.equal(only(result).examples[0]!.message, 'header x-shop is "two", expected "one"')
  })

  test('a token that expires midway is an error, and the user logs in again', async () => {
    let token = 0
    const target = await startTarget((request, response) => {
      if (request.url === '/log-in') response.end(JSON.stringify({ token: `secret-token-${++token}` }))
      else {
        // The first one is good for two requests.
        if (request.headers.authorization === 'Bearer secret-token-1' && target.count > 3) response.statusCode = 401
        response.end(JSON.stringify({ said: request.headers.authorization }))
      }
    })
    const behaviour = { name: 'b', userTypes: { Visitor: { start: [step('log in', '/log-in', { capture: { token: '$.token' } })], tasks: [{ name: 't', weight: 1, steps: [step('mine', '/', { request: { path: '/', token: '{{ token }}' }, expect: { status: 200, body: { contains: 'said' } } })] }] } } }
    const result = await small({ url: target.url, scenario: { users: 1, runTime: '4s' }, plan: { behaviour } })
    await target.close()
    assert.equal(token, 2)
    assert.deepEqual(result.failures.map(({ failure, count }) => ({ failure, count })), [{ failure: 'http4xx', count: 1 }])
    assert.equal(result.endpoints.find(({ endpoint }) => endpoint === 'log in')!.requests, 2)
    assert.ok(!JSON.stringify(result).includes('secret-token'), 'no token is in the result')
  })

  test('what an answer repeats of a secret is not told', async () => {
    const target = await startTarget((request, response) => { bodyOf(request).then(body => response.end(body), () => {}) })
    const steps = [step('log in', '/', { request: { method: 'POST', path: '/', json: { password: '{{ password }}' } }, expect: { body: { is: 'welcome' } } })]
    const result = await small({ url: target.url, steps, plan: { values: { password: 'correct horse' } } })
    await target.close()
    assert.match(only(result).examples[0]!.message, /^the body is .*•••.*, expected "welcome"$/)
    assert.ok(!JSON.stringify(result).includes('correct horse'))
  })

  test('a name that does not resolve, a port where nobody listens, an unknown authority: each is its own kind of failure', async () => {
    const closed = await startTarget()
    await closed.close()
    assert.equal(only(await small({ url: closed.url })).failure, 'connect')
    assert.equal(only(await small({ url: 'http://nowhere.invalid' })).failure, 'dns')
    const folder = mkdtempSync(join(tmpdir(), 'muster-load-tls-'))
    execFileSync(findTools('openssl').openssl.path, ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(folder, 'key'), '-out', join(folder, 'crt')], { stdio: 'ignore' })
    const [key, cert] = [readFileSync(join(folder, 'key'), 'utf8'), readFileSync(join(folder, 'crt'), 'utf8')]
    rmSync(folder, { recursive: true })
    const server = createServer({ key, cert }, (_request, response) => { response.end('ok') }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    assert.equal(only(await small({ url })).failure, 'tls')
    const trusted = await small({ url, plan: { target: { url, ca: cert } } })
    server.close()
    server.closeAllConnections()
    assert.deepEqual(trusted.failures, [])
    assert.ok(trusted.total.requests > 0, 'with its authority it answers')
  })

  test('every request says which drill it belongs to, and goes below the path of the address', async () => {
    const seen = new Set<string>()
    const target = await startTarget((request, response) => { seen.add(`${request.url} ${String(request.headers['x-muster-drill'])}`); response.end() })
    await small({ url: target.url, plan: { drillId: 'drill-9', target: { url: `${target.url}/shop/` } } })
    await target.close()
    assert.deepEqual([...seen], ['/shop/ drill-9'])
  })
})
