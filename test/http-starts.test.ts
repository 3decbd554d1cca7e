import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { codeOf as code, startHttp, startHttpStore, type HttpStore, type HttpAnswer, type TestApi } from './fixtures/http.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys) })
afterEach(async () => { await api.app.close() })

const start = async (body: object = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  await api.call('POST', '/v1/drills', { as: 'commander', body: { runbook: 'failover', environment: 'lab', ...body }, headers })

test('a start answers the drill’s id, its address and its admission', async () => {
  const { status, body } = await start({ params: { fault: 'freeze' } })
  assert.equal(status, 201)
  assert.match(String(body['drillId']), /^failover-\d{8}-[a-z0-9]{6}$/)
  assert.equal(body['url'], `http://muster.test/v1/drills/${String(body['drillId'])}`)
  assert.deepEqual(body['admission'], { admitted: true, reasons: [] })
  const input = api.temporal.drills.get(String(body['drillId']))!.input
  assert.deepEqual(input.params, { fault: 'freeze', count: 1 })
  assert.equal(input.commander.id, 'commander')
})

test('a second drill on a held environment is refused, naming the holder', async () => {
  const first = await start()
  const second = await start()
  assert.equal(code(second), '409 environment.held')
  assert.ok(second.body.error.message.includes(String(first.body['drillId'])))
})

test('a preflight that refuses is answered with every reason', async () => {
  api.temporal.refusals = [{ code: 'blackout', message: 'a freeze until Monday' }, { code: 'backup.old', message: 'the backup is 3 days old' }]
  const answer = await start()
  assert.equal(code(answer), '409 preflight.refused')
  assert.deepEqual(answer.body.error.details, api.temporal.refusals)
})

for (const [what, body, expected, detail] of [
  ['an unknown runbook', { runbook: 'nix' }, '404 runbook.unknown', /there is no runbook "nix"/],
  ['an unknown environment', { environment: 'nix' }, '404 environment.unknown', /there is no environment "nix"/],
  ['a runbook with errors', { runbook: 'broken' }, '422 runbook.invalid', /broken\.yaml:\d+:\d+ /],
  ['a lookup that leads nowhere', { runbook: 'elsewhere' }, '422 lookup.unresolved', /env\.cache/],
  ['an unknown parameter', { params: { nix: 1 } }, '422 params.invalid', /nix/],
  ['a parameter outside its list', { params: { fault: 'burn' } }, '422 params.invalid', /kill, freeze/],
  ['a parameter over its maximum', { params: { count: 4 } }, '422 params.invalid', /from 1 to 3/],
  ['a parameter that is a list', { params: { count: [1] } }, '400 input.invalid', /body\/params\/count/],
  ['an unknown key', { dryRun: true }, '400 input.invalid', /body\/dryRun is not known here/],
  ['a name of the wrong type', { runbook: 7 }, '400 input.invalid', /body\/runbook must be string/],
  ['a truth value as text', { production: 'true' }, '400 input.invalid', /body\/production must be boolean/],
  ['a name that climbs', { runbook: '../../etc/passwd' }, '400 input.invalid', /body\/runbook must look like a name/],
  ['a name with NUL', { environment: 'lab\u0000' }, '400 input.invalid', /body\/environment/],
] as const) {
  test(`${what} is refused, and nothing starts`, async () => {
    const answer = await start(body)
    assert.equal(code(answer), expected)
    assert.match(answer.body.error.message, detail)
    assert.equal(api.temporal.calls.length, 0)
  })
}

test('no worker: 504 with the id of the drill, which stays on record', async () => {
  api.temporal.away = 'temporal.timeout'
  const answer = await start()
  assert.equal(code(answer), '504 temporal.timeout')
  const { drillId } = answer.body.error.details as { drillId: string }
  const { body } = await api.call('GET', '/v1/drills?limit=1', { as: 'observer' })
  assert.deepEqual((body['drills'] as Array<{ drillId: string, phase: string }>).map(({ drillId, phase }) => [drillId, phase]), [[drillId, 'reserved']])
})

test('Temporal down: 503, and no drill is left on the list', async () => {
  api.temporal.away = 'temporal.down'
  const before = await api.call('GET', '/v1/drills', { as: 'observer' })
  const answer = await start()
  assert.equal(code(answer), '503 temporal.down')
  assert.equal(answer.headers['retry-after'], '2')
  assert.deepEqual((await api.call('GET', '/v1/drills', { as: 'observer' })).body, before.body)
})

test('the same idempotency key and request give the same drill, whatever the order of keys', async () => {
  const headers = { 'idempotency-key': 'k-same' }
  const first = await start({ params: { fault: 'kill', count: 2 } }, headers)
  const second = await api.call('POST', '/v1/drills', { as: 'commander', headers, body: { params: { count: 2, fault: 'kill' }, environment: 'lab', runbook: 'failover' } })
  assert.deepEqual([first.status, second.status], [201, 200])
  assert.equal(second.body['drillId'], first.body['drillId'])
  assert.equal(api.temporal.drills.size, 1)
})

test('the same idempotency key with another request is refused', async () => {
  const headers = { 'idempotency-key': 'k-other' }
  await start({}, headers)
  assert.equal(code(await start({ params: { count: 2 } }, headers)), '409 drill.exists')
  assert.equal(api.temporal.drills.size, 1)
})

test('two people may use the same idempotency key', async () => {
  const headers = { 'idempotency-key': 'k-two' }
  const mine = await start({}, headers)
  const theirs = await api.call('POST', '/v1/drills', { as: 'engineer', headers, body: { runbook: 'failover', environment: 'lab2' } })
  assert.equal(theirs.status, 201)
  assert.notEqual(mine.body['drillId'], theirs.body['drillId'])
})

test('twenty starts at once with one key start one drill', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await start({}, { 'idempotency-key': 'k-race' })))
  assert.equal(new Set(answers.map(({ body }) => body['drillId'])).size, 1)
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  assert.equal(api.temporal.drills.size, 1)
})

test('a key whose start found Temporal down starts the same drill when tried again', async () => {
  api.temporal.away = 'temporal.down'
  const headers = { 'idempotency-key': 'k-down' }
  const failed = await start({}, headers)
  assert.equal(code(failed), '503 temporal.down')
  api.temporal.away = undefined
  const again = await start({}, headers)
  assert.equal(again.status, 200)
  assert.equal(again.body['drillId'], (failed.body.error.details as { drillId: string }).drillId)
})

test('a refused start asked again with its key is refused again', async () => {
  api.temporal.refusals = [{ code: 'blackout', message: 'a freeze' }]
  const headers = { 'idempotency-key': 'k-refused' }
  assert.equal(code(await start({}, headers)), '409 preflight.refused')
  api.temporal.refusals = []
  assert.equal(code(await start({}, headers)), '409 preflight.refused')
})

test('an idempotency key with a space is refused', async () => {
  assert.equal(code(await start({}, { 'idempotency-key': 'a b' })), '400 input.invalid')
})

test('a plan tells steps, verified state and what would refuse a start, and starts nothing', async () => {
  api.temporal.refusals = [{ code: 'blackout', message: 'a freeze' }]
  const { status, body } = await api.call('POST', '/v1/plans', { as: 'observer', body: { runbook: 'failover', environment: 'lab' } })
  assert.equal(status, 200)
  assert.deepEqual(body['problems'], api.temporal.refusals)
  assert.deepEqual((body['steps'] as Array<{ id: string, kind: string, roles: string[] }>).map(({ id, kind, roles }) => [id, kind, roles]), [['approve', 'gate', ['approver']]])
  assert.equal(body['verified'], 'never')
  assert.equal(api.temporal.drills.size, 0)
})

test('a plan without a worker says that preflight could not be carried out', async () => {
  api.temporal.away = 'temporal.timeout'
  const { status, body } = await api.call('POST', '/v1/plans', { as: 'observer', body: { runbook: 'failover', environment: 'lab' } })
  assert.equal(status, 200)
  assert.deepEqual((body['problems'] as Array<{ code: string }>).map(({ code }) => code), ['temporal.timeout'])
})

test('drills are listed newest first, in pages that neither repeat nor skip', async () => {
  const started = new Set<string>()
  for (let i = 0; i < 5; i++) {
    const { body } = await api.call('POST', '/v1/drills', { as: 'engineer', body: { runbook: 'failover', environment: 'lab2' } })
    started.add(String(body['drillId']))
    await api.temporal.end(String(body['drillId']))
  }
  const seen: string[] = []
  for (let cursor: string | undefined, pages = 0; pages < 100; pages++) {
    const { body } = await api.call('GET', `/v1/drills?environment=lab2&state=ended&limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`, { as: 'observer' })
    seen.push(...(body['drills'] as Array<{ drillId: string }>).map(({ drillId }) => drillId))
    cursor = body['next'] as string | undefined
    if (cursor === undefined) break
  }
  assert.equal(new Set(seen).size, seen.length)
  for (const drillId of started) assert.ok(seen.includes(drillId))
})

for (const [query, pointer] of [['limit=101', '/limit'], ['limit=0', '/limit'], ['limit=x', '/limit'], ['verdict=great', '/verdict'], ['state=asleep', '/state'], ['nix=1', '/nix'], ['from=-1', '/from'], ['cursor=%00', '/cursor']]) {
  test(`a list asked for with ${query} is refused`, async () => {
    const answer = await api.call('GET', `/v1/drills?${query}`, { as: 'observer' })
    assert.equal(code(answer), '400 input.invalid')
    assert.deepEqual((answer.body.error.details as Array<{ in: string, pointer: string }>)[0]?.pointer, pointer)
  })
}

test('a cursor that no list gave is refused', async () => {
  assert.equal(code(await api.call('GET', '/v1/drills?cursor=AAAA', { as: 'observer' })), '400 input.invalid')
})

test('runbooks and environments are told with their errors and without secrets', async () => {
  const runbooks = await api.call('GET', '/v1/runbooks', { as: 'observer' })
  assert.deepEqual((runbooks.body['runbooks'] as Array<{ name: string, usable: boolean }>).map(({ name, usable }) => [name, usable]), [['broken', false], ['elsewhere', true], ['everywhere', true], ['failover', true]])
  const environment = await api.call('GET', '/v1/environments/lab', { as: 'observer' })
  assert.deepEqual(environment.body['environment'], { name: 'lab', tier: 'lab', taskQueue: 'muster', breakGlass: false, channels: { chat: { webhook: 'env:WEBHOOK' } } })
  assert.equal((await api.call('GET', '/v1/environments', { as: 'observer' })).status, 200)
  assert.equal((await api.call('GET', '/v1/runbooks/broken', { as: 'observer' })).status, 200)
  assert.equal(code(await api.call('GET', '/v1/runbooks/nix', { as: 'observer' })), '404 runbook.unknown')
  assert.equal(code(await api.call('GET', '/v1/environments/nix', { as: 'observer' })), '404 environment.unknown')
})
