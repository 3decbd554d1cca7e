import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPerson, setRoles } from '../src/store/people.js'
import { codeOf, serveWeb } from './fixtures/web.js'

const web = serveWeb()
const typesOf = (id: string): string[] => web.api.temporal.drills.get(id)!.events.map(event => event.type)

test('an approver approves with a form; a second click is the same one', async () => {
  const id = await web.api.drill()
  const browser = await web.signedIn('approver')
  const approve = async () => await browser.post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: 'seen' })
  assert.deepEqual([(await approve()).headers['location'], (await approve()).headers['location']], [`/drills/${id}?done=approved`, `/drills/${id}?done=approved`])
  const { events, gate } = web.api.temporal.drills.get(id)!
  assert.equal(gate.votes.length, 1)
  const decided = events.filter(event => event.type === 'gate.decided')
  assert.deepEqual(decided.map(event => [event.person.id, event.answer, event.reason, event.door]), [['approver', 'approve', 'seen', 'page']])
  assert.match((await browser.get(`/drills/${id}?done=approved`)).text, /Your approval counts/)
})

test('the requester, who has no role, a late click and a bare rejection are told why, and count nothing', async () => {
  const id = await web.api.drill()
  const commander = await web.signedIn('commander')
  assert.match((await commander.get(`/drills/${id}`)).text, /COMMANDER started this drill and may not approve its gates/)
  assert.equal(codeOf(await commander.post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })), '403 decision.requester')
  assert.equal(codeOf(await (await web.signedIn('management')).post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })), '403 decision.role')
  const approver = await web.signedIn('approver')
  assert.equal(codeOf(await approver.post(`/drills/${id}/gates/approve`, { answer: 'reject', reason: '  ' })), '400 input.invalid')
  assert.equal(codeOf(await approver.post(`/drills/${id}/gates/nix`, { answer: 'approve', reason: '' })), '404 gate.unknown')
  assert.deepEqual(typesOf(id).filter(type => type === 'gate.decided'), [])
  assert.equal((await approver.post(`/drills/${id}/gates/approve`, { answer: 'reject', reason: 'not today' })).headers['location'], `/drills/${id}?done=rejected`)
  await addPerson(web.db.store.pool, { id: 'late', name: 'Late', roles: ['approver'] }).then(async ({ key }) => {
    const late = await (await web.signedIn('late', key)).post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })
    assert.equal(codeOf(late), '409 gate.closed')
    assert.match(late.text, new RegExp(`href="/drills/${id}"`), 'leads back to the drill')
  })
  await web.api.temporal.end(id)
  assert.equal(codeOf(await approver.post(`/drills/${id}/abort`, { reason: 'x' })), '409 drill.over')
})

test('a person who lost the role between opening and clicking decides nothing', async () => {
  const { key } = await addPerson(web.db.store.pool, { id: 'former', name: 'Former', roles: ['approver'] })
  const id = await web.api.drill()
  const browser = await web.signedIn('former', key)
  const form = await browser.formToken()
  assert.match((await browser.get(`/drills/${id}`)).text, /value="approve"/)
  await setRoles(web.db.store.pool, 'former', ['observer'])
  // Another API, or this one after the moment for which it believes what it knew.
  await web.restart()
  assert.equal(codeOf(await browser.post(`/drills/${id}/gates/approve`, { form, answer: 'approve', reason: '' })), '403 auth.forbidden')
  assert.deepEqual(typesOf(id).filter(type => type === 'gate.decided'), [])
})

test('notes count once a page, tasks, declarations and aborts are the person’s own', async () => {
  const id = await web.api.drill()
  const browser = await web.signedIn('observer')
  const key = '11111111-1111-4111-8111-111111111111'
  for (const _ of [1, 2]) assert.equal((await browser.post(`/drills/${id}/note`, { key, text: ' lights are out ' })).headers['location'], `/drills/${id}?done=noted`)
  assert.equal((await browser.post(`/drills/${id}/tasks/look`, { note: '' })).headers['location'], `/drills/${id}?done=confirmed`)
  assert.equal((await browser.post(`/drills/${id}/declaration`, { note: 'it is down' })).headers['location'], `/drills/${id}?done=declared`)
  assert.equal(codeOf(await browser.post(`/drills/${id}/abort`, { reason: ' ' })), '400 input.invalid')
  assert.equal((await browser.post(`/drills/${id}/abort`, { reason: 'customers' })).headers['location'], `/drills/${id}?done=aborting`)
  assert.equal((await browser.post(`/drills/${id}/abort`, { reason: 'customers' })).headers['location'], `/drills/${id}?done=already`)
  const said = web.api.temporal.drills.get(id)!.events.flatMap(event => 'door' in event && 'person' in event ? [[event.type, event.person.id, event.door]] : [])
  assert.deepEqual(said, [['note.added', 'observer', 'page'], ['task.confirmed', 'observer', 'page'], ['outage.declared', 'observer', 'page'], ['abort.requested', 'observer', 'page']])
})

test('a form of another session or another site counts nothing', async () => {
  const id = await web.api.drill()
  const browser = await web.signedIn('approver')
  const foreign = await (await web.signedIn('approver')).formToken()
  const post = async (form: string | undefined, headers: Record<string, string> = {}) =>
    await browser.post(`/drills/${id}/gates/approve`, { ...(form === undefined ? {} : { form }), answer: 'approve', reason: '' }, headers)
  for (const form of [foreign, '', 'x']) assert.equal(codeOf(await post(form)), '403 form.foreign', form)
  for (const site of ['cross-site', 'same-site']) assert.equal(codeOf(await post(undefined, { 'sec-fetch-site': site })), '403 form.foreign', site)
  const old = async (origin: string) => await web.api.app.inject({ method: 'POST', url: '/sign-in', headers: { origin, 'content-type': 'application/x-www-form-urlencoded' }, payload: `key=${web.db.keys['observer']}` })
  assert.deepEqual([(await old('https://evil.test')).statusCode, (await old('null')).statusCode, (await old('http://127.0.0.1:4400')).statusCode], [403, 403, 303], 'a browser that says only the origin')
  assert.equal((await browser.post(`/drills/${id}/abort`, { form: foreign, reason: 'x' })).status, 403)
  assert.deepEqual(typesOf(id), ['drill.started', 'drill.admitted', 'phase.changed', 'gate.opened'])
})

for (const [what, url, fields] of [
  ['an answer that there is not', 'gates/approve', { answer: 'maybe', reason: '' }], ['a reason that is too long', 'gates/approve', { answer: 'approve', reason: 'x'.repeat(1001) }],
  ['NUL', 'note', { key: '0'.repeat(36), text: 'a\0b' }], ['an unknown field', 'abort', { reason: 'x', admin: 'true' }], ['a field of the prototype', 'abort', { reason: 'x', ['__proto__']: 'x' }],
] as Array<[string, string, Record<string, string>]>) {
  test(`a form with ${what} is refused as a page`, async () => {
    const id = await web.api.drill()
    assert.equal(codeOf(await (await web.signedIn('approver')).post(`/drills/${id}/${url}`, fields)), '400 input.invalid')
    assert.equal(typesOf(id).length, 4)
  })
}
