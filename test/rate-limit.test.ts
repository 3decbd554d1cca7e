import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { limitAccount, limitSpent } from '../activities/checks/rate-limit.js'
import { steadyNow } from '../src/control/steady-clock.js'
import type { CheckInputs, CheckResult } from '../src/drill/checks.js'
import type { SpentLimit } from '../src/drill/checks/services.js'
import { stepContext } from './fixtures/database-lab.js'

// A service that takes three calls for one address, as long as it remembers them.
let calls: Map<string, number>
let answer: (reply: ServerResponse, call: number) => void
let server: Server
let url: string

const limited = (retryAfter: () => string) => (reply: ServerResponse, call: number): void => {
  if (call <= 3) reply.writeHead(202).end('{}')
  else reply.writeHead(429, { 'retry-after': retryAfter() }).end('{}')
}
const always = (status: number) => (reply: ServerResponse): void => { reply.writeHead(status).end('{}') }

async function take (request: IncomingMessage, reply: ServerResponse): Promise<void> {
  let body = ''
  for await (const part of request) body += String(part)
  const { email } = JSON.parse(body) as { email: string }
  calls.set(email, (calls.get(email) ?? 0) + 1)
  answer(reply, calls.get(email)!)
}

const api = (): CheckInputs['limit.spent']['api'] => ({ url, instances: [], limit: { path: '/v1/password-reset', field: 'email' } })
const context = stepContext({ drillId: 'muster-1' })
const spend = async (): Promise<CheckResult> => await limitSpent({ api: api() }, context)
const spentFor = (ms: number): SpentLimit => ({ calls: 4, endsAtMs: steadyNow() + ms })
const account = async (expect: CheckInputs['limit.account']['expect'], spent = spentFor(60_000)): Promise<CheckResult> => await limitAccount({ api: api(), spent, expect }, context)
const is = (result: CheckResult, outcome: CheckResult['outcome'], words: RegExp): void => {
  assert.equal(result.outcome, outcome, result.observed)
  assert.match(result.observed, words)
}

describe('rate limits before and after a fault', () => {
  before(async () => {
    server = createServer((request, reply) => { take(request, reply).catch(() => { reply.destroy() }) }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => { server.close() })
  beforeEach(() => {
    calls = new Map()
    answer = limited(() => '60')
  })

  it('one that was spent, twice too, is refused for as long as the service says, by seconds or by a date', async () => {
    for (const call of [4, 1]) {
      const result = await spend()
      is(result, 'pass', new RegExp(`^refused at call ${call}, for 60 s more$`))
      assert.ok(Math.abs((result.output as unknown as SpentLimit).endsAtMs - steadyNow() - 60_000) < 5_000)
    }
    assert.deepEqual([...calls.keys()], ['muster-1@drill.example'])
    await limitSpent({ api: api() }, stepContext({ drillId: `${'long-'.repeat(20)}7` }))
    assert.match([...calls.keys()].at(-1)!, /^.{63}7@drill\.example$/)
    answer = limited(() => new Date(Date.now() + 120_000).toUTCString())
    is(await spend(), 'pass', /^refused at call 1, for 1(19|20) s more$/)
  })

  it('is kept while its calls are refused, and lost once one is taken before the window is over', async () => {
    await spend()
    is(await account('kept'), 'pass', /^the rate limit was kept: still refused$/)
    is(await account('lost'), 'fail', /was kept/)
    is(await account('counted'), 'pass', /was kept/)
    calls.clear()
    is(await account('kept'), 'fail', /^the rate limit was lost: taken again, 59 s early$/)
    is(await account('lost'), 'pass', /was lost/)
    is(await account('counted'), 'pass', /was lost/)
  })

  it('is not told where it cannot be: no limit, none that a drill may spend, no end, an end that is over, no answer', async () => {
    is(await account('kept', spentFor(900)), 'blind', /window is over/)
    assert.equal(calls.size, 0)
    answer = always(202)
    is(await spend(), 'blind', /^30 calls in a row were taken/)
    answer = always(429)
    is(await spend(), 'blind', /without Retry-After/)
    for (const status of [404, 503]) {
      answer = always(status)
      is(await spend(), 'blind', new RegExp(`status ${status}`))
      is(await account('kept'), 'blind', new RegExp(`status ${status}`))
    }
    is(await limitSpent({ api: { url, instances: [] } }, context), 'blind', /names no limited call \(api\.limit\)/)
    is(await limitSpent({ api: { ...api(), url: 'http://127.0.0.1:1' } }, context), 'blind', /ECONNREFUSED/)
  })
})
