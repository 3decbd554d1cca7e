import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { allEvents, appendEvents } from '../src/store/timeline.js'
import { drillEvents } from './fixtures/events.js'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { codeOf, startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys) })
afterEach(async () => { await api.app.close() })

const owedCut = {
  type: 'undo.owed', entry: 'cut', action: 'toxiproxy.cut', with: { link: { toxiproxy: 'http://127.0.0.1:1', proxy: 'api' } }, title: 'heal link api', byHand: 'POST {"enabled":true}',
} as const satisfies EventBody

/** A drill whose first undo could not be proven, as its record says after its end. */
function leftBehind (drillId: string): DrillEvent[] {
  const [started] = drillEvents('passed', { drillId })
  const bodies = [
    owedCut,
    { type: 'undo.owed', entry: 'gone', action: 'toxiproxy.cut', with: {}, title: 'heal link b', byHand: 'POST' },
    { type: 'undo.finished', entry: 'gone', state: 'undone', summary: 'link b is open' },
    { type: 'undo.leftBehind', entry: 'cut', title: 'heal link api', byHand: 'POST {"enabled":true}', message: 'Toxiproxy does not answer' },
    { type: 'drill.ended', verdict: 'failed', why: 'left behind' },
  ] as const
  return [started!, ...bodies.map((body, index) => ({ seq: index + 2, atMs: started!.atMs + index, ...body }) as DrillEvent)]
}

test('what is owed is listed with the command to run, by environment, and not once it is undone', async () => {
  await appendEvents(db.store.pool, 'left', leftBehind('left'))
  const { body } = await api.call('GET', '/v1/owed', { as: 'observer' })
  const [one, ...others] = body.owed as Array<Record<string, unknown>>
  assert.deepEqual(others, [])
  assert.equal(one?.drillId, 'left')
  assert.equal(one.entry, 'cut')
  assert.equal(one.state, 'left-behind')
  assert.equal(one.message, 'Toxiproxy does not answer')
  assert.equal(one.byHand, 'POST {"enabled":true}')
  assert.deepEqual((await api.call('GET', '/v1/owed?environment=nowhere', { as: 'observer' })).body, { owed: [] })

  const answer = await api.call('POST', '/v1/drills/left/undo', { as: 'observer', body: {} })
  assert.equal(answer.status, 202, JSON.stringify(answer.body))
  assert.deepEqual(answer.body, { outcome: 'undoing', entries: 1 })
  assert.deepEqual(api.temporal.undone[0]?.entries.map(entry => entry.id), ['cut'], 'never what is undone already')
  assert.equal(api.temporal.undone[0].ended, true)

  const [last] = leftBehind('left').slice(-1)
  await appendEvents(db.store.pool, 'left', [{ seq: last!.seq + 1, atMs: last!.atMs, type: 'undo.finished', entry: 'cut', state: 'undone', summary: 'link api is open' }])
  assert.deepEqual((await api.call('GET', '/v1/owed', { as: 'observer' })).body, { owed: [] })
  assert.equal(codeOf(await api.call('POST', '/v1/drills/left/undo', { as: 'observer', body: {} })), '409 drill.settled')
})

test('an unknown drill and one that runs are refused with the way on', async () => {
  assert.equal(codeOf(await api.call('POST', '/v1/drills/nothing/undo', { as: 'observer', body: {} })), '404 drill.unknown')
  const id = await api.drill()
  const running = await api.call('POST', `/v1/drills/${id}/undo`, { as: 'observer', body: {} })
  assert.equal(codeOf(running), '409 drill.running')
  assert.match(running.body.error.message, new RegExp(`stop it with .muster abort ${id}`))
})

test('what a drill owes whose end is on record is undone before its workflow has closed', async () => {
  const id = await api.drill()
  await api.temporal.emit(id, owedCut)
  api.temporal.closing.add(id)
  await api.temporal.end(id)
  assert.deepEqual((await api.call('POST', `/v1/drills/${id}/undo`, { as: 'observer', body: {} })).body, { outcome: 'undoing', entries: 1 })
})

test('an undo asked for between the end of a drill and its record completes the record', async () => {
  const id = await api.drill()
  await api.temporal.emit(id, owedCut)
  api.temporal.closing.add(id)
  api.temporal.records = false
  await api.temporal.end(id)
  assert.deepEqual((await api.call('POST', `/v1/drills/${id}/undo`, { as: 'observer', body: {} })).body, { outcome: 'undoing', entries: 1 })
  assert.equal(api.temporal.undone[0]?.ended, true)
  assert.deepEqual(await allEvents(db.store.pool, id), await api.temporal.timeline(id, 0), 'and its record is complete')
})
