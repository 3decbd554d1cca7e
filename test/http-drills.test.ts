import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { LoadResult } from '../src/drill/load.js'
import type { SuiteRun } from '../src/drill/suite.js'
import { DrillError } from '../src/errors.js'
import { saveResult } from '../src/store/results.js'
import { verifyChain, type TimelineExport } from '../src/store/chain.js'
import { codeOf, startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys) })
afterEach(async () => { await api.app.close() })

const say = async (id: string, what: string, as: string, body: object) => await api.call('POST', `/v1/drills/${id}/${what}`, { as, body })

test('an approver decides a gate; the same click again counts once, a second vote is refused', async () => {
  const id = await api.drill()
  const click = { answer: 'approve', key: 'click-1' }
  const first = await say(id, 'gates/approve/decision', 'approver', click)
  assert.deepEqual([first.status, first.body], [200, { outcome: 'approved', missing: 0 }])
  assert.equal((await say(id, 'gates/approve/decision', 'approver', click)).status, 200)
  assert.equal(codeOf(await say(id, 'gates/approve/decision', 'approver', { answer: 'approve' })), '409 gate.closed')
  assert.equal(api.temporal.drills.get(id)!.gate.votes.length, 1)
})

test('who started a drill may not approve its gate, and who has another role may not either', async () => {
  const id = await api.drill()
  assert.equal(codeOf(await say(id, 'gates/approve/decision', 'commander', { answer: 'approve' })), '403 decision.requester')
  assert.equal(codeOf(await say(id, 'gates/approve/decision', 'management', { answer: 'approve' })), '403 decision.role')
  assert.equal(codeOf(await say(id, 'gates/nix/decision', 'approver', { answer: 'approve' })), '404 gate.unknown')
})

test('a note, a confirmation and a declaration are in the timeline under the name of whoever sent them', async () => {
  const id = await api.drill()
  assert.equal((await say(id, 'notes', 'observer', { text: 'lights are out 💡' })).status, 201)
  assert.equal((await say(id, 'tasks/look/confirmation', 'observer', { note: 'looked' })).status, 200)
  assert.equal((await say(id, 'declaration', 'management', {})).status, 200)
  const { body } = await api.call('GET', `/v1/drills/${id}/timeline?after=4`, { as: 'observer' })
  const events = body['events'] as Array<{ type: string, person: { id: string }, door: string, text?: string }>
  assert.deepEqual(events.map(({ type, person, door }) => [type, person.id, door]), [['note.added', 'observer', 'api'], ['task.confirmed', 'observer', 'api'], ['outage.declared', 'management', 'api']])
  assert.equal(events[0]!.text, 'lights are out 💡')
})

test('anybody with a role aborts; a second abort changes nothing; a drill that is over says so', async () => {
  const id = await api.drill()
  const first = await say(id, 'abort', 'observer', { reason: 'customers are affected' })
  assert.deepEqual([first.status, first.body], [202, { outcome: 'aborting' }])
  assert.deepEqual((await say(id, 'abort', 'approver', { reason: 'me too' })).body, { outcome: 'already' })
  await api.temporal.end(id)
  assert.equal(codeOf(await say(id, 'abort', 'observer', { reason: 'late' })), '409 drill.over')
})

for (const [what, body] of [['notes', { text: '' }], ['notes', { text: 'a\u0000b' }], ['notes', { text: 'x'.repeat(4001) }], ['notes', {}], ['abort', {}], ['abort', { reason: ' ' }], ['declaration', { note: 7 }]] as const) {
  test(`${what} with ${JSON.stringify(body).slice(0, 30)} is refused`, async () => {
    assert.equal(codeOf(await say('x', what, 'observer', body)), '400 input.invalid')
    assert.deepEqual(api.temporal.calls, [])
  })
}

test('a status of this moment comes from the store', async () => {
  const id = await api.drill()
  api.temporal.calls.length = 0
  const { status, body } = await api.call('GET', `/v1/drills/${id}`, { as: 'observer' })
  assert.deepEqual([status, body['source'], body['url']], [200, 'store', `http://muster.test/v1/drills/${id}`])
  const drill = body['status'] as { phase: string, waitingFor: Array<{ step: string, command: string }> }
  assert.deepEqual(drill.waitingFor.map(({ step, command }) => [step, command]), [['approve', `muster approve ${id} approve`]])
  assert.deepEqual(api.temporal.calls, [])
})

test('where the store is behind the workflow is believed, and where the workflow is away the store', async () => {
  const id = await api.drill()
  api.temporal.records = false
  // As if the record had stopped some time ago.
  for (const event of api.temporal.drills.get(id)!.events) event.atMs -= 60_000
  await api.temporal.emit(id, { type: 'phase.changed', phase: 'unwinding' })
  const later = await startHttp(db.store, db.keys, {}, { temporal: api.temporal })
  try {
    const realNow = Date.now
    Date.now = () => realNow() + 10_000
    try {
      const behind = await later.call('GET', `/v1/drills/${id}`, { as: 'observer' })
      assert.deepEqual([behind.body['source'], (behind.body['status'] as { phase: string }).phase], ['temporal', 'unwinding'])
      api.temporal.away = 'temporal.timeout'
      const away = await later.call('GET', `/v1/drills/${id}`, { as: 'observer' })
      assert.deepEqual([away.body['source'], (away.body['status'] as { phase: string }).phase], ['store', 'running'])
    } finally {
      Date.now = realNow
    }
  } finally {
    await later.app.close()
  }
})

test('a timeline comes in pages', async () => {
  const id = await api.drill()
  const first = await api.call('GET', `/v1/drills/${id}/timeline?limit=3`, { as: 'observer' })
  assert.deepEqual([(first.body['events'] as unknown[]).length, first.body['next'], first.body['source']], [3, 3, 'store'])
  const rest = await api.call('GET', `/v1/drills/${id}/timeline?after=3`, { as: 'observer' })
  assert.deepEqual((rest.body['events'] as Array<{ seq: number }>).map(({ seq }) => seq), [4])
  assert.equal(rest.body['next'], undefined)
})

test('an export proves itself', async () => {
  const id = await api.drill()
  await api.temporal.end(id)
  const { body, headers } = await api.call('GET', `/v1/drills/${id}/export`, { as: 'observer' })
  const exported = body as unknown as TimelineExport
  assert.deepEqual({ ok: true, events: 5 }, (({ ok, ...rest }) => ({ ok, events: 'events' in rest ? rest.events : 0 }))(verifyChain(exported)))
  assert.match(String(headers['content-disposition']), /attachment; filename=/)
  exported.events[1]!.event.atMs++
  assert.equal(verifyChain(exported).ok, false)
})

test('a report comes in the format that is asked for, once the drill has ended', async () => {
  const id = await api.drill()
  const ask = async (query = '', headers: Record<string, string> = {}) => await api.call('GET', `/v1/drills/${id}/report${query}`, { as: 'observer', headers })
  assert.equal(codeOf(await ask()), '404 report.unavailable')
  await api.temporal.end(id)
  for (const [query, accept, type] of [
    ['', '*/*', 'application/json'], ['?format=md', '*/*', 'text/markdown'], ['?format=html', 'application/json', 'text/html'], ['?format=csv', '*/*', 'text/csv'],
    ['', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', 'text/html'], ['', 'text/csv;q=0.1, text/markdown', 'text/markdown'], ['', 'image/png, text/*;q=0.5', 'text/markdown'],
  ] as const) {
    const answer = await ask(query, { accept })
    assert.equal(answer.status, 200)
    assert.ok(String(answer.headers['content-type']).startsWith(type), `${query} ${accept}: ${String(answer.headers['content-type'])}`)
  }
  assert.match(String((await ask('?format=html')).headers['content-security-policy']), /default-src 'none'; style-src 'unsafe-inline'/)
  assert.equal(codeOf(await ask('', { accept: 'image/png' })), '406 input.notAcceptable')
  assert.equal(codeOf(await ask('?format=pdf')), '400 input.invalid')
})

test('a report that is asked for while the workflow ends is there: who answers no more has recorded everything', async () => {
  const id = await api.drill()
  api.temporal.timeline = async () => {
    // What a query of a workflow that ends in this moment hears.
    await api.temporal.end(id)
    throw new DrillError('temporal.timeout', 'no worker answered')
  }
  assert.equal((await api.call('GET', `/v1/drills/${id}/report`, { as: 'observer' })).status, 200)
})

test('a report is there too once what was left behind has been undone, behind the end', async () => {
  const id = await api.drill()
  await api.temporal.end(id)
  await api.temporal.emit(id, { type: 'undo.asked', reason: 'the link can be reached again' })
  assert.equal((await api.call('GET', `/v1/drills/${id}/report`, { as: 'observer' })).status, 200)
})

test('the whole result of a load or a suite comes as it is asked for, by its step where there are several', async () => {
  const id = await api.drill()
  const ask = async (query: string) => await api.call('GET', `/v1/drills/${id}/result?${query}`, { as: 'observer' })
  assert.equal(codeOf(await ask('format=json')), '404 result.unavailable')
  const suite = { runId: `smoke-${id}`, suite: 'production', environment: 'lab', startedAtMs: 1, verdict: 'passed' } as SuiteRun
  await saveResult(db.store.pool, id, { step: 'smoke', kind: 'suite', result: suite })
  assert.deepEqual((await ask('format=json')).body['suite'], 'production')
  const junit = await ask('format=junit')
  assert.deepEqual([junit.status, junit.text, String(junit.headers['content-type']).split(';')[0]], [200, '<testsuites name="production"/>', 'application/xml'])
  const none = await ask('format=markdown')
  assert.match(`${codeOf(none)} ${none.body.error.message}`, /400 input.invalid a suite is not drawn as markdown: ask for json, junit/)
  await saveResult(db.store.pool, id, { step: 'load', kind: 'load', result: { runId: `load-${id}`, scenario: 'peak', environment: 'lab', startedAtMs: 2, verdict: 'passed', total: {} } as LoadResult })
  assert.match((await ask('format=json')).body.error.message, /name the step, one of smoke, load/)
  assert.equal((await ask('format=json&step=load')).body['scenario'], 'peak')
  assert.equal(codeOf(await ask('format=json&step=other')), '404 result.unavailable')
  assert.equal(codeOf(await ask('')), '400 input.invalid')
  await api.temporal.end(id)
})

const alert = (labels: Record<string, string>, more: object = {}) => ({ status: 'firing', labels, annotations: { summary: 'no answer' }, startsAt: '2026-11-23T10:00:00Z', fingerprint: 'f', ...more })
const webhook = (...alerts: object[]) => ({ version: '4', groupKey: 'g', status: 'firing', receiver: 'muster', externalURL: 'http://am', truncatedAlerts: 0, alerts })

/** Until a condition holds; the test's own timeout ends it. */
async function until (good: () => boolean): Promise<void> {
  while (!good()) await new Promise(resolve => setImmediate(resolve))
}

test('an alert is stamped and told to the drill that holds its environment, again if Temporal was away', async () => {
  const id = await api.drill()
  api.temporal.alertsFail = 1
  const before = Date.now()
  const answer = await api.call('POST', '/v1/alerts', { as: 'engineer', body: webhook(alert({ alertname: 'PostgresDown', environment: 'lab' }), alert({ alertname: 'Watchdog' })) })
  assert.deepEqual([answer.status, answer.body], [200, { accepted: 1, ignored: 1 }])
  const arrivedBy = Date.now()
  await until(() => api.temporal.drills.get(id)!.events.at(-1)?.type === 'alert.arrived')
  const [told] = api.temporal.alerts
  assert.deepEqual([told?.name, told?.startsAtMs], ['PostgresDown', Date.parse('2026-11-23T10:00:00Z')])
  assert.ok(told!.arrivedAtMs >= before && told!.arrivedAtMs <= arrivedBy, 'the moment of arrival, not of delivery')
})

for (const [what, body] of [['another version', { ...webhook(), version: '3' }], ['no alerts', { version: '4' }], ['501 alerts', webhook(...Array.from({ length: 501 }, () => alert({})))], ['a label that is no text', webhook(alert({ environment: 7 as never }))]] as const) {
  test(`a webhook with ${what} is refused`, async () => {
    assert.equal(codeOf(await api.call('POST', '/v1/alerts', { as: 'engineer', body })), '400 input.invalid')
  })
}

interface Stream { status: number, text: () => string, ended: Promise<void>, leave: () => void }

/** A live stream over a real connection. */
async function follow (id: string, { as = 'observer', lastEventId }: { as?: string, lastEventId?: number } = {}): Promise<Stream> {
  if (!api.app.server.listening) await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = api.app.server.address() as AddressInfo
  return await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${db.keys[as]!}`, ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }) }
    const asked = request({ port, host: '127.0.0.1', path: `/v1/drills/${id}/events`, headers, agent: false }, answer => {
      let text = ''
      answer.on('data', (data: Buffer) => { text += data.toString() })
      answer.on('error', () => {})
      const ended = new Promise<void>(resolve => answer.once('close', () => { resolve() }))
      resolve({ status: answer.statusCode!, text: () => text, ended, leave: () => { asked.destroy() } })
    })
    asked.on('error', reject)
    asked.end()
  })
}
const idsIn = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(match => Number(match[1]))

test('a stream gives every event as it happens and ends with the drill', async () => {
  const id = await api.drill()
  const stream = await follow(id)
  await until(() => idsIn(stream.text()).length === 4)
  await api.temporal.emit(id, { type: 'note.added', person: { id: 'ana', name: 'Ana' }, text: 'line\nbreak', door: 'api' })
  await api.temporal.end(id)
  await stream.ended
  assert.deepEqual(idsIn(stream.text()), [1, 2, 3, 4, 5, 6])
  const data = [...stream.text().matchAll(/^data: (.*)$/gm)].map(match => JSON.parse(match[1]!) as { type: string, text?: string })
  assert.deepEqual([data[4]?.text, data[5]?.type], ['line\nbreak', 'drill.ended'])
})

test('a stream says how far a step is that a worker is at, beside the events and without their numbers, also to whoever comes again', async () => {
  for (const kind of ['load', 'action'] as const) {
    api.temporal.steps = [{ id: 'long', kind, title: 'long' }]
    api.temporal.progressed = [{ step: 'long', text: '31 MB of 200 MB', figures: { bytes: 31e6 } }]
    const id = await api.drill()
    await api.temporal.emit(id, { type: 'step.started', step: 'long' })
    const [first, again] = [await follow(id), await follow(id, { lastEventId: 2 })]
    for (const stream of [first, again]) {
      await until(() => stream.text().includes('event: progress'))
      assert.match(stream.text(), /\n\nevent: progress\ndata: \{"step":"long","text":"31 MB of 200 MB","figures":\{"bytes":31000000\}\}\n\n/)
      stream.leave()
      await stream.ended
    }
    await api.temporal.end(id)
  }
})

test('a stream goes on after Last-Event-ID, and says 204 where all was heard', async () => {
  const id = await api.drill()
  await api.temporal.end(id)
  const resumed = await follow(id, { lastEventId: 3 })
  await resumed.ended
  assert.deepEqual(idsIn(resumed.text()), [4, 5])
  const heard = await follow(id, { lastEventId: 5 })
  assert.equal(heard.status, 204)
  assert.equal(codeOf(await api.call('GET', `/v1/drills/${id}/events`, { as: 'observer', headers: { 'last-event-id': 'x' } })), '400 input.invalid')
})

test('one person holds only so many streams; leaving one makes room', async () => {
  const id = await api.drill()
  const streams = [await follow(id), await follow(id), await follow(id)]
  assert.equal(codeOf(await api.call('GET', `/v1/drills/${id}/events`, { as: 'observer' })), '429 rate.limited')
  const other = await follow(id, { as: 'engineer' })
  assert.equal(other.status, 200)
  assert.match((await api.call('GET', '/metrics')).text, /^muster_event_streams 4$/m)
  for (const stream of [...streams, other]) stream.leave()
  await Promise.all([...streams, other].map(async stream => { await stream.ended }))
  for (let open = true; open;) open = !/^muster_event_streams 0$/m.test((await api.call('GET', '/metrics')).text)
  const again = await follow(id)
  assert.equal(again.status, 200)
  again.leave()
})

test('a server that stops ends its streams and refuses what still arrives', async () => {
  const id = await api.drill()
  const stream = await follow(id)
  await until(() => idsIn(stream.text()).length === 4)
  const closing = api.app.close()
  await stream.ended
  await closing
  assert.ok(!/drill\.ended/.test(stream.text()))
})

test('metrics count drills by verdict and requests by route', async () => {
  const id = await api.drill()
  await api.temporal.end(id)
  await api.call('GET', `/v1/drills/${id}`, { as: 'observer' })
  const { text } = await api.call('GET', '/metrics')
  assert.match(text, /^muster_drills\{verdict="passed"\} \d+$/m)
  assert.match(text, /^muster_http_request_duration_seconds_count\{method="GET",route="\/v1\/drills\/:id",status="200"\} 1$/m)
  assert.ok(!text.includes(id))
})
