import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DrillEvent } from '../src/drill/timeline.js'
import { liveEvents } from '../src/http/live-events.js'
import { Identities } from '../src/http/identities.js'
import { DrillError } from '../src/errors.js'
import type { Cluster } from '../src/store/cluster.js'
import { migrate } from '../src/store/migrate.js'
import { openStore, type Store } from '../src/store/pool.js'
import { codeOf, seedPeople, startHttp, type TestApi } from './fixtures/http.js'
import { startCluster } from './fixtures/cluster.js'

// In this order: Temporal goes and comes back, then the store goes for good.

let cluster: Cluster
let store: Store
let keys: Record<string, string>
let api: TestApi
let id: string

before(async () => {
  cluster = await startCluster()
  await migrate(cluster.url)
  store = openStore(cluster.url, { connectTimeoutMs: 1000, statementTimeoutMs: 2000, pollEveryMs: 50 })
  keys = await seedPeople(store)
  api = await startHttp(store, keys)
  id = await api.drill()
})
after(async () => {
  await api?.app.close()
  await store?.close()
  await cluster?.stop()
})

test('Temporal down: reading goes on, messages say so, and readiness names it', async () => {
  api.temporal.away = 'temporal.down'
  try {
    const ready = await api.call('GET', '/readyz')
    assert.deepEqual([ready.status, (ready.body['store'] as { up: boolean }).up, (ready.body['temporal'] as { up: boolean, message: string }).up], [503, true, false])
    assert.match((ready.body['temporal'] as { message: string }).message, /TEMPORAL_ADDRESS/)
    assert.equal((await api.call('GET', `/v1/drills/${id}`, { as: 'observer' })).status, 200)
    assert.equal((await api.call('GET', '/v1/drills', { as: 'observer' })).status, 200)
    assert.equal(codeOf(await api.call('POST', `/v1/drills/${id}/abort`, { as: 'observer', body: { reason: 'x' } })), '503 temporal.down')
  } finally {
    api.temporal.away = undefined
  }
})

test('no worker: a message is answered 504, which does not mean that it was not carried out', async () => {
  api.temporal.away = 'temporal.timeout'
  try {
    assert.equal(codeOf(await api.call('POST', `/v1/drills/${id}/gates/approve/decision`, { as: 'approver', body: { answer: 'approve' } })), '504 temporal.timeout')
  } finally {
    api.temporal.away = undefined
  }
})

test('store down: readiness names it, liveness does not mind', async () => {
  // Everybody but the engineer was here a moment ago.
  for (const role of ['observer', 'commander', 'approver', 'admin']) await api.call('GET', '/v1/me', { as: role })
  await cluster.stop()
  const ready = await api.call('GET', '/readyz')
  assert.deepEqual([ready.status, (ready.body['store'] as { up: boolean }).up, (ready.body['temporal'] as { up: boolean }).up], [503, false, true])
  assert.equal((await api.call('GET', '/livez')).status, 200)
  assert.match((await api.call('GET', '/metrics')).text, /^muster_store_up 0$/m)
})

test('store down: who is remembered decides, notes and follows; the workflow answers', async () => {
  assert.equal((await api.call('POST', `/v1/drills/${id}/notes`, { as: 'observer', body: { text: 'the store is down' } })).status, 201)
  const status = await api.call('GET', `/v1/drills/${id}`, { as: 'observer' })
  assert.deepEqual([status.status, status.body['source']], [200, 'temporal'])
  const timeline = await api.call('GET', `/v1/drills/${id}/timeline?after=4`, { as: 'observer' })
  assert.deepEqual([timeline.body['source'], (timeline.body['events'] as DrillEvent[]).map(({ type }) => type)], ['temporal', ['note.added']])
})

test('store down: what needs the store says so, and names no password', async () => {
  for (const [method, url, as, body] of [['GET', '/v1/drills', 'observer', undefined], ['POST', '/v1/drills', 'commander', { runbook: 'failover', environment: 'lab2' }], ['GET', '/v1/people', 'admin', undefined], ['GET', `/v1/drills/${id}/export`, 'observer', undefined]] as const) {
    const answer = await api.call(method, url, { as, body })
    assert.equal(codeOf(answer), '503 store.down', url)
    assert.ok(Number(answer.headers['retry-after']) > 0)
  }
})

test('store down: that a drill is not there is no more known than that it is', async () => {
  for (const what of ['', '/timeline', '/events', '/export', '/report']) assert.equal(codeOf(await api.call('GET', `/v1/drills/nix${what}`, { as: 'observer' })), '503 store.down', what)
})

test('store down: who was not seen lately is not let in on trust', async () => {
  assert.equal(codeOf(await api.call('GET', `/v1/drills/${id}`, { as: 'engineer' })), '503 store.down')
})

test('store down: live events come from the workflow, each once and in order', async () => {
  const stop = new AbortController()
  const seen: Array<number | undefined> = []
  for await (const event of liveEvents({ store, temporal: api.temporal }, id, 2, { signal: stop.signal, idleMs: 10_000, lookEveryMs: 20 })) {
    seen.push(event?.seq)
    if (seen.length === 3) await api.temporal.emit(id, { type: 'note.added', person: { id: 'ana', name: 'Ana' }, text: 'still here', door: 'api' })
    if (seen.length === 4) stop.abort()
  }
  assert.deepEqual(seen, [3, 4, 5, 6])
})

test('a stream that has nothing to tell says that it lives', async () => {
  const stop = new AbortController()
  for await (const event of liveEvents({ store, temporal: api.temporal }, id, 6, { signal: stop.signal, idleMs: 50, lookEveryMs: 20 })) {
    assert.equal(event, undefined)
    stop.abort()
  }
})

test('store down: an abort gets through', async () => {
  assert.deepEqual((await api.call('POST', `/v1/drills/${id}/abort`, { as: 'observer', body: { reason: 'the store is gone too' } })).body, { outcome: 'aborting' })
  assert.ok(api.temporal.drills.get(id)!.aborted)
})

test('store down: the report of a drill that has ended comes from the workflow', async () => {
  await api.temporal.end(id)
  const { status, body } = await api.call('GET', `/v1/drills/${id}/report`, { as: 'observer' })
  assert.deepEqual([status, (body['judgement'] as { verdict: string }).verdict, body['chainHead']], [200, 'aborted', undefined])
})

test('a key is asked about every five seconds, remembered for a minute of the store’s absence, and no longer', async () => {
  let nowMs = 0
  let asked = 0
  let answer: () => Promise<{ id: string, name: string, roles: [] } | undefined> = async () => ({ id: 'ana', name: 'Ana', roles: [] })
  const identities = new Identities(async () => { asked++; return await answer() }, { freshMs: 5000, keptMs: 60_000, limit: 2, now: () => nowMs })
  await identities.personOf('k')
  nowMs = 4999
  await identities.personOf('k')
  assert.equal(asked, 1)
  answer = async () => { throw new DrillError('store.down', 'gone') }
  nowMs = 59_999
  assert.equal((await identities.personOf('k')).id, 'ana')
  nowMs = 60_000
  await assert.rejects(identities.personOf('k'), { code: 'store.down' })
  answer = async () => undefined
  await assert.rejects(identities.personOf('k'), { code: 'auth.invalid' })
  answer = async () => { throw new DrillError('store.down', 'gone') }
  await assert.rejects(identities.personOf('k'), { code: 'store.down' }, 'a revoked key is not remembered')
})

test('only so many identities are remembered', async () => {
  const identities = new Identities(async key => ({ id: key, name: key, roles: [] }), { freshMs: 5000, keptMs: 60_000, limit: 2, now: () => 0 })
  for (const key of ['a', 'b', 'c']) await identities.personOf(key)
  assert.deepEqual(['a', 'b', 'c'].map(key => identities.peek(key)?.id), [undefined, 'b', 'c'])
})
