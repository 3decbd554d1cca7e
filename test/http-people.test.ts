import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf, startHttp, startHttpStore, type HttpAnswer, type HttpStore, type TestApi } from './fixtures/http.js'

// One store for the file, in the order of a small company's life; each test adds the people that it needs.

let db: HttpStore
let api: TestApi
const keys: Record<string, string> = {}

before(async () => {
  db = await startHttpStore()
  api = await startHttp(db.store, db.keys)
  keys['admin'] = db.keys['admin']!
})
after(async () => {
  await api?.app.close()
  await db?.stop()
})

type Body = Record<string, unknown>
const as = (who: string) => ({
  post: async (url: string, body: Body = {}): Promise<HttpAnswer> => await api.call('POST', url, { key: keys[who] ?? db.keys[who], body }),
  put: async (url: string, body: Body = {}): Promise<HttpAnswer> => await api.call('PUT', url, { key: keys[who] ?? db.keys[who], body }),
  delete: async (url: string): Promise<HttpAnswer> => await api.call('DELETE', url, { key: keys[who] ?? db.keys[who] }),
  get: async (url: string): Promise<HttpAnswer> => await api.call('GET', url, { key: keys[who] ?? db.keys[who] }),
})

async function add (id: string, roles: string[], more: Body = {}): Promise<HttpAnswer> {
  const answer = await as('admin').post('/v1/people', { id, name: id[0]!.toUpperCase() + id.slice(1), roles, ...more })
  assert.equal(answer.status, 201, answer.text)
  keys[id] = String(answer.body['key'])
  return answer
}
const decide = async (who: string, drill: string): Promise<HttpAnswer> => await as(who).post(`/v1/drills/${drill}/gates/approve/decision`, { answer: 'approve' })
const start = async (who: string, environment: string): Promise<HttpAnswer> => await as(who).post('/v1/drills', { runbook: 'failover', environment })

test('the only admin makes the second one alone; the third one takes both', async () => {
  assert.equal((await add('ada', ['admin'])).body['waits'], undefined)
  const third = await add('cleo', ['admin', 'observer'])
  assert.deepEqual(third.body['roles'], ['observer'])
  const path = `/v1/people/cleo/entrusted/${String(third.body['waits'])}/confirmation`
  assert.equal(codeOf(await as('cleo').post(path)), '403 auth.forbidden')
  const own = await as('admin').post(path)
  assert.deepEqual([codeOf(own), own.body.error.message], ['403 decision.fourEyes', 'admin everywhere for Cleo takes two people: ADMIN asked for it, somebody else must confirm'])
  assert.equal((await as('ada').post(path)).status, 200)
  assert.deepEqual((await as('cleo').get('/v1/me')).body['roles'], ['observer', 'admin'])
})

test('a role in production counts once a second admin, who does not gain by it, has confirmed it', async () => {
  await add('ben', ['approver'])
  const asked = await as('admin').post('/v1/people/ben/grants', { role: 'approver', in: 'tier:production' })
  assert.deepEqual([asked.status, asked.body['confirmedBy']], [200, undefined])
  const { body: { drillId } } = await startInProduction('commander-till')
  const early = await decide('ben', String(drillId))
  assert.deepEqual([codeOf(early), early.body.error.message], ['403 decision.role', 'gate "approve" is decided by approver; Ben is nothing in till'])
  const path = `/v1/people/ben/entrusted/${String(asked.body['id'])}/confirmation`
  assert.equal(codeOf(await as('admin').post(path)), '403 decision.fourEyes')
  const confirmed = await as('ada').post(path)
  assert.deepEqual([confirmed.status, confirmed.body['confirmedBy']], [200, 'ada'])
  assert.equal((await as('ada').post(path)).status, 200, 'a second time changes nothing')
  assert.equal((await decide('ben', String(drillId))).status, 200)
  await api.temporal.end(String(drillId))
})

test('an admin cannot confirm what they gain by, nor ask twice for one grant', async () => {
  const first = await as('ada').post('/v1/people/cleo/grants', { role: 'approver', in: 'till' })
  const again = await as('admin').post('/v1/people/cleo/grants', { role: 'approver', in: 'till' })
  assert.equal(again.body['id'], first.body['id'])
  const gains = await as('cleo').post(`/v1/people/cleo/entrusted/${String(first.body['id'])}/confirmation`)
  assert.deepEqual([codeOf(gains), gains.body.error.message], ['403 decision.fourEyes', 'approver in till for Cleo takes two people: Cleo gains by it, somebody else must confirm'])
})

/** A drill in production, by somebody who was made commander there. */
async function startInProduction (who: string): Promise<HttpAnswer> {
  if (!keys[who]) {
    await add(who, ['observer'])
    const { body } = await as('admin').post(`/v1/people/${who}/grants`, { role: 'commander', in: 'till' })
    await as('ada').post(`/v1/people/${who}/entrusted/${String(body['id'])}/confirmation`)
  }
  return await as(who).post('/v1/drills', { runbook: 'everywhere', environment: 'till', production: true })
}

test('a commander of everywhere starts nothing in production; one of production starts nothing elsewhere', async () => {
  const refused = await as('commander').post('/v1/drills', { runbook: 'everywhere', environment: 'till', production: true })
  assert.deepEqual([codeOf(refused), refused.body.error.message], ['403 auth.forbidden', 'COMMANDER may not do that (drill.start) in till: it takes commander or engineer in till, given there and confirmed by a second admin'])
  const elsewhere = await start('commander-till', 'lab2')
  assert.deepEqual([codeOf(elsewhere), elsewhere.body.error.message], ['403 auth.forbidden', 'Commander-till may not do that (drill.start) in lab2: it takes commander or engineer in lab2'])
})

test('a role in one environment counts there at once, and nowhere else', async () => {
  await add('dan', ['observer'])
  assert.equal((await as('admin').post('/v1/people/dan/grants', { role: 'commander', in: 'lab2' })).status, 200)
  assert.equal(codeOf(await start('dan', 'lab')), '403 auth.forbidden')
  const started = await start('dan', 'lab2')
  assert.equal(started.status, 201)
  await api.temporal.end(String(started.body['drillId']))
})

for (const [what, body, expected] of [
  ['an environment that is not there', { role: 'approver', in: 'nowhere' }, '404 environment.unknown'],
  ['a tier that is none', { role: 'approver', in: 'tier:moon' }, '400 input.invalid'],
  ['a role that is none', { role: 'king', in: 'lab' }, '400 input.invalid'],
  ['admin of one environment', { role: 'admin', in: 'lab' }, '400 input.invalid'],
  ['the place where grants wait', { role: 'approver', in: 'everywhere' }, '404 environment.unknown'],
] as const) {
  test(`a grant for ${what} is refused`, async () => { assert.equal(codeOf(await as('admin').post('/v1/people/ben/grants', body)), expected) })
}

test('who loses the role between the opening of a gate and the click is refused, at once', async () => {
  await add('eve', ['approver'])
  const { body: { drillId } } = await start('commander', 'lab')
  assert.equal((await as('eve').get('/v1/me')).status, 200)
  assert.equal((await as('admin').put('/v1/people/eve/roles', { roles: ['observer'] })).status, 200)
  const late = await decide('eve', String(drillId))
  assert.equal(codeOf(late), '403 auth.forbidden')
  // Elsewhere too: another API process remembers Eve, and asks anew where a voice is counted.
  const other = await startHttp(db.store, { ...db.keys, eve: keys['eve']! })
  try {
    await as('admin').put('/v1/people/eve/roles', { roles: ['approver'] })
    assert.equal((await other.call('GET', '/v1/me', { as: 'eve' })).status, 200)
    await as('admin').put('/v1/people/eve/roles', { roles: ['observer'] })
    assert.deepEqual((await other.call('GET', '/v1/me', { as: 'eve' })).body['roles'], ['approver'], 'what only reads may be a moment old')
    assert.equal(codeOf(await other.call('POST', `/v1/drills/${String(drillId)}/gates/approve/decision`, { as: 'eve', body: { answer: 'approve' } })), '403 auth.forbidden')
  } finally {
    await other.app.close()
  }
  await api.temporal.end(String(drillId))
})

test('a deputy answers while the person is away, and not after', async () => {
  await add('fay', ['approver'])
  await add('gus', ['observer'])
  const { body: { drillId } } = await start('commander', 'lab')
  assert.equal((await as('fay').post('/v1/people/fay/deputies', { deputy: 'gus' })).status, 200)
  assert.equal(codeOf(await decide('gus', String(drillId))), '403 auth.forbidden')
  const away = await as('fay').put('/v1/people/fay/absence', { until: new Date(Date.now() + 3_600_000).toISOString() })
  assert.deepEqual(away.body['deputies'], ['gus'])
  assert.deepEqual((await as('gus').get('/v1/me')).body['standsInFor'], [{ id: 'fay', name: 'Fay', roles: ['approver'], fourEyes: false }])
  await as('fay').put('/v1/people/fay/absence', {})
  assert.equal(codeOf(await decide('gus', String(drillId))), '403 auth.forbidden')
  await as('fay').put('/v1/people/fay/absence', { until: new Date(Date.now() + 3_600_000).toISOString() })
  assert.equal((await decide('gus', String(drillId))).status, 200)
  assert.deepEqual(api.temporal.drills.get(String(drillId))!.gate.votes.map(vote => [vote.person, vote.for?.id]), [['gus', 'fay']])
  await api.temporal.end(String(drillId))
})

test('nobody sets another person’s deputies or absence, but an admin; nobody deputises for themselves', async () => {
  const until = new Date(Date.now() + 3_600_000).toISOString()
  assert.equal(codeOf(await as('gus').put('/v1/people/ben/absence', { until })), '403 auth.forbidden')
  assert.equal(codeOf(await as('gus').post('/v1/people/ben/deputies', { deputy: 'gus' })), '403 auth.forbidden')
  assert.equal((await as('admin').put('/v1/people/ben/absence', { until })).status, 200)
  assert.equal((await as('ben').put('/v1/people/ben/absence', {})).status, 200)
  assert.equal(codeOf(await as('ben').post('/v1/people/ben/deputies', { deputy: 'ben' })), '400 input.invalid')
  assert.equal(codeOf(await as('ben').post('/v1/people/ben/deputies', { deputy: 'nix' })), '404 person.unknown')
  assert.equal(codeOf(await as('ben').put('/v1/people/ben/absence', { until: '2020-01-01T00:00:00Z' })), '400 input.invalid')
})

test('a service account starts drills, and neither answers nor stands in', async () => {
  await add('ci', ['commander'], { service: true })
  const started = await start('ci', 'lab2')
  assert.equal(started.status, 201)
  const { drillId } = started.body
  for (const [path, body] of [['gates/approve/decision', { answer: 'approve' }], ['gates/approve/decision', { answer: 'reject', reason: 'x' }], ['tasks/look/confirmation', {}]] as const) {
    const answer = await as('ci').post(`/v1/drills/${String(drillId)}/${path}`, body)
    assert.deepEqual([codeOf(answer), /Ci is a service account/.test(answer.body.error.message)], ['403 auth.forbidden', true])
  }
  assert.equal(codeOf(await as('admin').put('/v1/people/ci/roles', { roles: ['approver'] })), '400 input.invalid')
  assert.equal(codeOf(await as('admin').post('/v1/people/ci/grants', { role: 'approver', in: 'lab' })), '400 input.invalid')
  assert.equal(codeOf(await as('fay').post('/v1/people/fay/deputies', { deputy: 'ci' })), '400 input.invalid')
  assert.equal(codeOf(await as('ci').put('/v1/people/ci/absence', {})), '403 auth.forbidden')
  await api.temporal.end(String(drillId))
})

test('everybody makes and revokes their own keys; nobody those of another', async () => {
  const made = await as('gus').post('/v1/people/gus/keys', { label: 'phone', expiresAt: new Date(Date.now() + 60_000).toISOString() })
  assert.equal(made.status, 201)
  keys['gus-phone'] = String(made.body['key'])
  assert.equal((await as('gus-phone').get('/v1/me')).status, 200)
  assert.equal(codeOf(await as('fay').post('/v1/people/gus/keys')), '403 auth.forbidden')
  assert.equal(codeOf(await as('fay').delete('/v1/people/gus/keys')), '403 auth.forbidden')
  assert.equal((await as('gus').delete(`/v1/people/gus/keys/${String(made.body['keyId'])}`)).status, 200)
  assert.equal(codeOf(await as('gus-phone').get('/v1/me')), '401 auth.invalid')
})

test('no admin takes the voice of another admin, or of who is trusted in production', async () => {
  for (const id of ['ada', 'ben']) {
    const answer = await as('admin').post(`/v1/people/${id}/keys`)
    assert.equal(codeOf(answer), '403 person.privileged', id)
    assert.equal(codeOf(await as('admin').put(`/v1/people/${id}/subject`, { oidcSubject: 'mine' })), '403 person.privileged', id)
  }
  assert.equal((await as('ada').post('/v1/people/ada/keys')).status, 201)
  assert.equal((await as('admin').post('/v1/people/gus/keys')).status, 201)
})

test('an expired key opens nothing, also where it was seen a moment before', async () => {
  const expiresAt = new Date(Date.now() + 1500)
  await add('hal', ['observer'], { expiresAt: expiresAt.toISOString() })
  assert.equal((await as('hal').get('/v1/me')).status, 200)
  await new Promise(resolve => setTimeout(resolve, expiresAt.getTime() - Date.now() + 20))
  assert.equal(codeOf(await as('hal').get('/v1/me')), '401 auth.invalid')
})

test('who was removed comes in by no door, and their id is nobody else’s', async () => {
  await add('ivo', ['approver'])
  assert.equal((await as('admin').delete('/v1/people/ivo')).status, 200)
  assert.equal(codeOf(await as('ivo').get('/v1/me')), '401 auth.invalid')
  assert.equal(codeOf(await as('admin').post('/v1/people', { id: 'ivo', name: 'Ivo', roles: ['approver'] })), '409 person.exists')
  assert.equal(codeOf(await as('admin').delete('/v1/people/ivo')), '404 person.unknown')
  const listed = ((await as('admin').get('/v1/people')).body['people'] as Array<{ id: string, removedAt?: string }>).find(person => person.id === 'ivo')
  assert.ok(listed?.removedAt, JSON.stringify(listed))
})

for (const [where, url] of [['a query', '/v1/me?key='], ['a query of another name', '/v1/drills?x='], ['a query of an unknown address', '/nowhere?api_key='], ['a path', '/v1/drills/'], ['the page of the API', '/docs/?access_token=']] as const) {
  test(`a key in ${where} is refused, whatever the header says, and written down nowhere`, async () => {
    const key = keys['gus']!
    for (const given of [key, encodeURIComponent(key).replace('mst_', '%6dst_')]) {
      const answer = await api.call('GET', `${url}${given}`, { key })
      assert.equal(codeOf(answer), '400 auth.inAddress')
      assert.ok(!answer.text.includes(key.slice(4)), 'the answer repeats it')
    }
    assert.ok(!api.log().includes(key.slice(4)), 'the log has it')
  })
}

test('the last admin cannot go: not removed, not demoted, not locked out; nor do two remove each other at once', async () => {
  assert.equal((await as('admin').delete('/v1/people/cleo')).status, 200)
  const both = await Promise.all([as('admin').delete('/v1/people/ada'), as('ada').delete('/v1/people/admin')])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409])
  const left = both[0].status === 200 ? 'admin' : 'ada'
  const name = left === 'admin' ? 'ADMIN' : 'Ada'
  const tries = [await as(left).delete(`/v1/people/${left}`), await as(left).put(`/v1/people/${left}/roles`, { roles: ['observer'] }), await as(left).delete(`/v1/people/${left}/keys`)]
  for (const answer of tries) {
    assert.deepEqual([codeOf(answer), answer.body.error.message], ['409 person.lastAdmin', `${name} is the last admin who can come in: nobody could manage people any more`])
  }
  assert.equal((await as(left).get('/v1/people')).status, 200)
})

test('who is left alone of several admins makes no other one, and so never becomes both of two people in production', async () => {
  const left = (await as('admin').get('/v1/people')).status === 200 ? 'admin' : 'ada'
  for (const answer of [await as(left).post('/v1/people', { id: 'puppet', name: 'Puppet', roles: ['admin'] }), await as(left).put('/v1/people/dan/roles', { roles: ['admin'] })]) {
    assert.deepEqual([codeOf(answer), /only admin left of several.*muster people first --id (puppet|dan) --recover/.test(answer.body.error.message)], ['409 person.alone', true])
  }
  assert.equal((await as(left).get('/v1/people')).text.includes('puppet'), false, 'nobody was added')
  const grant = await as(left).post('/v1/people/dan/grants', { role: 'approver', in: 'till' })
  assert.equal(codeOf(await as(left).post(`/v1/people/dan/entrusted/${String(grant.body['id'])}/confirmation`)), '403 decision.fourEyes')
  assert.equal((await as(left).put(`/v1/people/${left}/roles`, { roles: ['admin', 'observer'] })).status, 200, 'what they are they stay')
})

test('what was changed of people is told to admins, by whom, in pages', async () => {
  const left = (await as('admin').get('/v1/people')).status === 200 ? 'admin' : 'ada'
  const { body } = await as(left).get(`/v1/people/log?person=${left}&limit=1`)
  const [change] = body['changes'] as Array<{ by: string, personId: string, change: object }>
  assert.deepEqual([change!.by, change!.personId, Object.keys(change!.change)], [left, left, ['roles']])
  const older = await as(left).get(`/v1/people/log?person=${left}&before=${String(body['next'])}`)
  assert.ok((older.body['changes'] as unknown[]).length > 0, 'there is what was before')
  assert.equal(codeOf(await as(left).get('/v1/people/log?limit=0')), '400 input.invalid')
})
