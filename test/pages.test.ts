import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { statusOf } from '../src/drill/status.js'
import { rights, type Right } from '../src/drill/rights.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { asksOf, drawAsks } from '../src/pages/asks.js'
import { drawRegions, nowOf, stepLines } from '../src/pages/run.js'
import { drawTrend } from '../src/pages/trend.js'
import { addKey, revokeKey } from '../src/store/keys.js'
import { appendEvents } from '../src/store/timeline.js'
import { addPerson, setRoles } from '../src/store/people.js'
import { roles } from '../src/drill/people.js'
import { ana, ben, drillEvents, drillStart, probeSamples } from './fixtures/events.js'
import { startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'
import { record, reports } from './fixtures/pages.js'

let db: HttpStore
let api: TestApi

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => { api = await startHttp(db.store, db.keys, { publicUrl: 'http://127.0.0.1:4400' }, { reports }) })
afterEach(async () => { await api.app.close() })

interface Answer { status: number, text: string, headers: Record<string, string | string[] | number | undefined> }

/** A browser, as far as cookies and forms go. */
class Browser {
  cookie: string | undefined

  async get (url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.ask('GET', url, headers)
  }

  /** Sends a form with the token of this session, unless it brings one. */
  async post (url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const form = fields['form'] ?? await this.formToken()
    const sent = url === '/sign-in' ? fields : { form, ...fields }
    return await this.ask('POST', url, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, new URLSearchParams(sent).toString())
  }

  async formToken (): Promise<string> {
    return /name="form" value="([^"]+)"/.exec((await this.get('/')).text)?.[1] ?? 'none'
  }

  private async ask (method: 'GET' | 'POST', url: string, headers: Record<string, string>, payload?: string): Promise<Answer> {
    const answer = await api.app.inject({ method, url, headers: { 'sec-fetch-site': 'same-origin', ...(this.cookie ? { cookie: this.cookie } : {}), ...headers }, ...(payload === undefined ? {} : { payload }) })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) this.cookie = String(line).split(';')[0]
    return { status: answer.statusCode, text: answer.payload, headers: answer.headers }
  }
}

async function signedIn (as: string, key = db.keys[as]!): Promise<Browser> {
  const browser = new Browser()
  const answer = await browser.post('/sign-in', { key, next: '/' })
  assert.deepEqual([answer.status, answer.headers['location']], [303, '/'])
  return browser
}

/** `409 gate.closed`, as a page says it. */
const codeOf = ({ status, text }: Answer): string => `${status} ${/<code>([a-z]+\.[A-Za-z]+)<\/code> · reference/.exec(text)?.[1]}`
const typesOf = (id: string): string[] => api.temporal.drills.get(id)!.events.map(event => event.type)

test('who is not signed in is led to the sign-in and back to where they wanted', async () => {
  const browser = new Browser()
  const id = await api.drill()
  assert.equal((await browser.get(`/drills/${id}`)).headers['location'], `/sign-in?next=${encodeURIComponent(`/drills/${id}`)}`)
  const page = await browser.get(`/sign-in?next=/drills/${id}`)
  assert.match(page.text, new RegExp(`name="next" value="/drills/${id}"`))
  const answer = await browser.post('/sign-in', { key: ` ${db.keys['observer']} `, next: `/drills/${id}` })
  assert.deepEqual([answer.status, answer.headers['location']], [303, `/drills/${id}`])
  assert.match(String(answer.headers['set-cookie']), /^muster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  assert.equal((await browser.get(`/drills/${id}`)).status, 200)
})

for (const next of ['https://evil.test/', '//evil.test', '/\\evil.test', '/sign-out', 'javascript:alert(1)', '/a b', '']) {
  test(`nobody is led to ${JSON.stringify(next)} after signing in`, async () => {
    assert.equal((await new Browser().post('/sign-in', { key: db.keys['observer']!, next })).headers['location'], '/')
  })
}

test('over https the cookie is Secure and of this host alone; over plain http from elsewhere nobody signs in', async () => {
  const payload = new URLSearchParams({ key: db.keys['observer']! }).toString()
  // One after the other: the start of one is load to the other.
  const askOf = async (publicUrl: string) => {
    const { app } = await startHttp(db.store, db.keys, { publicUrl })
    try {
      return await app.inject({ method: 'POST', url: '/sign-in', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload })
    } finally {
      await app.close()
    }
  }
  assert.match(String((await askOf('https://muster.test')).headers['set-cookie']), /^__Host-muster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/)
  const refused = await askOf('http://muster.test')
  assert.deepEqual([refused.statusCode, refused.headers['set-cookie']], [403, undefined])
  assert.match(refused.payload, /in the clear.*MUSTER_PUBLIC_URL/)
})

for (const [what, key] of [['a wrong key', `mst_${'x'.repeat(43)}`], ['no key', ''], ['a key with markup', '"><script>alert(1)</script>']]) {
  test(`${what} signs nobody in, and is neither repeated nor logged`, async () => {
    const browser = new Browser()
    const answer = await browser.post('/sign-in', { key: key!, next: '/' })
    assert.deepEqual([answer.status, browser.cookie], [401, undefined])
    assert.match(answer.text, /That key is wrong, revoked or expired/)
    if (key !== '') assert.ok(!answer.text.includes(key!) && !api.log().includes(key!), 'the key is told again')
  })
}

test('a key in the address is refused, and signing in is limited', async () => {
  const browser = new Browser()
  assert.equal(codeOf(await browser.get(`/sign-in?key=${db.keys['observer']}`)), '400 auth.inAddress')
  assert.equal(codeOf(await (await signedIn('observer')).get(`/?key=${db.keys['observer']}`)), '400 auth.inAddress')
  const statuses: number[] = []
  for (let tries = 0; tries < 21; tries++) statuses.push((await browser.post('/sign-in', { key: 'guess', next: '/' })).status)
  assert.equal(statuses.at(-1), 429)
})

test('a session ends by signing out, with its key, and is nothing without the store having it', async () => {
  const { key, keyId } = await addKey(db.store.pool, 'observer')
  const browser = await signedIn('observer', key)
  const { cookie } = browser
  assert.equal((await browser.post('/sign-out', {})).headers['location'], '/sign-in')
  browser.cookie = cookie
  assert.equal((await browser.get('/')).status, 303, 'the cookie of a session that was signed out')
  const other = await signedIn('observer', key)
  await revokeKey(db.store.pool, keyId)
  // As another API would: this one has to hear of it.
  await api.call('DELETE', '/v1/people/observer/keys/00000000-0000-4000-8000-000000000000', { as: 'admin' })
  const fresh = await startHttp(db.store, db.keys)
  try {
    assert.equal((await fresh.app.inject({ url: '/', headers: { cookie: other.cookie! } })).statusCode, 303, 'the key was revoked')
  } finally {
    await fresh.app.close()
  }
  other.cookie = `muster=${'x'.repeat(43)}`
  assert.equal((await other.get('/')).status, 303)
  other.cookie = "muster=' or 1=1; muster"
  assert.equal((await other.get('/')).status, 303)
})

test('the API takes no cookie, and a page takes no key in a header', async () => {
  const browser = await signedIn('admin')
  assert.equal((await browser.get('/v1/me')).status, 401)
  assert.equal((await new Browser().get('/', { authorization: `Bearer ${db.keys['admin']}` })).status, 303)
})

test('a session outlives a restart of the API', async () => {
  const browser = await signedIn('observer')
  await api.app.close()
  api = await startHttp(db.store, db.keys, { publicUrl: 'http://127.0.0.1:4400' }, { reports })
  assert.equal((await browser.get('/')).status, 200)
})

/** Every page with its right. */
const pages: Record<string, Right> = {
  'GET /': 'read', 'GET /drills/nix': 'read', 'GET /drills/nix/live': 'read', 'GET /drills/nix/report?format=json': 'read', 'GET /runbooks/nix': 'read',
  'POST /drills/nix/gates/nix': 'gate.decide', 'POST /drills/nix/tasks/nix': 'task.confirm', 'POST /drills/nix/note': 'drill.note',
  'POST /drills/nix/declaration': 'drill.declare', 'POST /drills/nix/abort': 'drill.abort',
}
const bodies: Record<string, Record<string, string>> = {
  gates: { answer: 'approve', reason: '' }, tasks: { note: '' }, note: { text: 'x', key: '0'.repeat(36) }, declaration: { note: '' }, abort: { reason: 'x' },
}

test('each page and form opens for who holds its right, and for nobody else', async () => {
  for (const role of [...roles, 'nobody']) {
    const browser = await signedIn(role)
    const form = await browser.formToken()
    for (const [route, right] of Object.entries(pages)) {
      const [method, url] = route.split(' ') as ['GET' | 'POST', string]
      const fields = { ...Object.entries(bodies).find(([name]) => url.includes(`/${name}`))?.[1], form }
      const answer = method === 'GET' ? await browser.get(url) : await browser.post(url, fields)
      const holders: string | readonly string[] = rights[right].who
      if (!Array.isArray(holders) || holders.includes(role)) assert.ok(answer.status !== 403 && answer.status !== 303, `${role} ${route}: ${codeOf(answer)}`)
      else assert.equal(codeOf(answer), '403 auth.forbidden', `${role} ${route}`)
    }
  }
})

test('every page has the strict policy, also when it is a refusal', async () => {
  const browser = await signedIn('observer')
  for (const url of ['/', '/sign-in', `/drills/${await api.drill()}`, '/drills/nix', '/runbooks/failover', '/runbooks/nix', '/?nix=1']) {
    const { headers, text } = await browser.get(url)
    assert.equal(headers['content-security-policy'], "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", url)
    assert.equal(headers['cache-control'], 'no-store', url)
    assert.doesNotMatch(text, /\sstyle=|\son\w+=|<script>|<style/, url)
  }
})

test('an approver approves with a form; a second click is the same one', async () => {
  const id = await api.drill()
  const browser = await signedIn('approver')
  const approve = async () => await browser.post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: 'seen' })
  assert.deepEqual([(await approve()).headers['location'], (await approve()).headers['location']], [`/drills/${id}?done=approved`, `/drills/${id}?done=approved`])
  const { events, gate } = api.temporal.drills.get(id)!
  assert.equal(gate.votes.length, 1)
  const decided = events.filter(event => event.type === 'gate.decided')
  assert.deepEqual(decided.map(event => [event.person.id, event.answer, event.reason, event.door]), [['approver', 'approve', 'seen', 'page']])
  assert.match((await browser.get(`/drills/${id}?done=approved`)).text, /Your approval counts/)
})

test('the requester, who has no role, a late click and a bare rejection are told why, and count nothing', async () => {
  const id = await api.drill()
  const commander = await signedIn('commander')
  assert.match((await commander.get(`/drills/${id}`)).text, /COMMANDER started this drill and may not approve its gates/)
  assert.equal(codeOf(await commander.post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })), '403 decision.requester')
  assert.equal(codeOf(await (await signedIn('management')).post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })), '403 decision.role')
  const approver = await signedIn('approver')
  assert.equal(codeOf(await approver.post(`/drills/${id}/gates/approve`, { answer: 'reject', reason: '  ' })), '400 input.invalid')
  assert.equal(codeOf(await approver.post(`/drills/${id}/gates/nix`, { answer: 'approve', reason: '' })), '404 gate.unknown')
  assert.deepEqual(typesOf(id).filter(type => type === 'gate.decided'), [])
  assert.equal((await approver.post(`/drills/${id}/gates/approve`, { answer: 'reject', reason: 'not today' })).headers['location'], `/drills/${id}?done=rejected`)
  await addPerson(db.store.pool, { id: 'late', name: 'Late', roles: ['approver'] }).then(async ({ key }) => {
    const late = await (await signedIn('late', key)).post(`/drills/${id}/gates/approve`, { answer: 'approve', reason: '' })
    assert.equal(codeOf(late), '409 gate.closed')
    assert.match(late.text, new RegExp(`href="/drills/${id}"`), 'leads back to the drill')
  })
  await api.temporal.end(id)
  assert.equal(codeOf(await approver.post(`/drills/${id}/abort`, { reason: 'x' })), '409 drill.over')
})

test('a person who lost the role between opening and clicking decides nothing', async () => {
  const { key } = await addPerson(db.store.pool, { id: 'former', name: 'Former', roles: ['approver'] })
  const id = await api.drill()
  const browser = await signedIn('former', key)
  const form = await browser.formToken()
  assert.match((await browser.get(`/drills/${id}`)).text, /value="approve"/)
  await setRoles(db.store.pool, 'former', ['observer'])
  // Another API, or this one after the moment for which it believes what it knew.
  const { temporal } = api
  await api.app.close()
  api = await startHttp(db.store, db.keys, { publicUrl: 'http://127.0.0.1:4400' }, { reports, temporal })
  api.temporal = temporal
  assert.equal(codeOf(await browser.post(`/drills/${id}/gates/approve`, { form, answer: 'approve', reason: '' })), '403 auth.forbidden')
  assert.deepEqual(typesOf(id).filter(type => type === 'gate.decided'), [])
})

test('notes count once a page, tasks, declarations and aborts are the person’s own', async () => {
  const id = await api.drill()
  const browser = await signedIn('observer')
  const key = '11111111-1111-4111-8111-111111111111'
  for (const _ of [1, 2]) assert.equal((await browser.post(`/drills/${id}/note`, { key, text: ' lights are out ' })).headers['location'], `/drills/${id}?done=noted`)
  assert.equal((await browser.post(`/drills/${id}/tasks/look`, { note: '' })).headers['location'], `/drills/${id}?done=confirmed`)
  assert.equal((await browser.post(`/drills/${id}/declaration`, { note: 'it is down' })).headers['location'], `/drills/${id}?done=declared`)
  assert.equal(codeOf(await browser.post(`/drills/${id}/abort`, { reason: ' ' })), '400 input.invalid')
  assert.equal((await browser.post(`/drills/${id}/abort`, { reason: 'customers' })).headers['location'], `/drills/${id}?done=aborting`)
  assert.equal((await browser.post(`/drills/${id}/abort`, { reason: 'customers' })).headers['location'], `/drills/${id}?done=already`)
  const said = api.temporal.drills.get(id)!.events.flatMap(event => 'door' in event && 'person' in event ? [[event.type, event.person.id, event.door]] : [])
  assert.deepEqual(said, [['note.added', 'observer', 'page'], ['task.confirmed', 'observer', 'page'], ['outage.declared', 'observer', 'page'], ['abort.requested', 'observer', 'page']])
})

test('a form of another session or another site counts nothing', async () => {
  const id = await api.drill()
  const browser = await signedIn('approver')
  const foreign = await (await signedIn('approver')).formToken()
  const post = async (form: string | undefined, headers: Record<string, string> = {}) =>
    await browser.post(`/drills/${id}/gates/approve`, { ...(form === undefined ? {} : { form }), answer: 'approve', reason: '' }, headers)
  for (const form of [foreign, '', 'x']) assert.equal(codeOf(await post(form)), '403 form.foreign', form)
  for (const site of ['cross-site', 'same-site']) assert.equal(codeOf(await post(undefined, { 'sec-fetch-site': site })), '403 form.foreign', site)
  const old = async (origin: string) => await api.app.inject({ method: 'POST', url: '/sign-in', headers: { origin, 'content-type': 'application/x-www-form-urlencoded' }, payload: `key=${db.keys['observer']}` })
  assert.deepEqual([(await old('https://evil.test')).statusCode, (await old('null')).statusCode, (await old('http://127.0.0.1:4400')).statusCode], [403, 403, 303], 'a browser that says only the origin')
  assert.equal((await browser.post(`/drills/${id}/abort`, { form: foreign, reason: 'x' })).status, 403)
  assert.deepEqual(typesOf(id), ['drill.started', 'drill.admitted', 'phase.changed', 'gate.opened'])
})

for (const [what, url, fields] of [
  ['an answer that there is not', 'gates/approve', { answer: 'maybe', reason: '' }], ['a reason that is too long', 'gates/approve', { answer: 'approve', reason: 'x'.repeat(1001) }],
  ['NUL', 'note', { key: '0'.repeat(36), text: 'a\0b' }], ['an unknown field', 'abort', { reason: 'x', admin: 'true' }], ['a field of the prototype', 'abort', { reason: 'x', ['__proto__']: 'x' }],
] as Array<[string, string, Record<string, string>]>) {
  test(`a form with ${what} is refused as a page`, async () => {
    const id = await api.drill()
    assert.equal(codeOf(await (await signedIn('approver')).post(`/drills/${id}/${url}`, fields)), '400 input.invalid')
    assert.equal(typesOf(id).length, 4)
  })
}

test('what is not there, and a Temporal that is away, are pages with a way on', async () => {
  const browser = await signedIn('observer')
  assert.equal(codeOf(await browser.get('/drills/nix')), '404 drill.unknown')
  assert.equal(codeOf(await browser.get('/runbooks/nix')), '404 runbook.unknown')
  assert.equal(codeOf(await browser.get('/drills/..%2f..%2fetc')), '400 input.invalid')
  const id = await api.drill()
  api.temporal.away = 'temporal.down'
  const refused = await browser.post(`/drills/${id}/abort`, { reason: 'x' })
  assert.equal(codeOf(refused), '503 temporal.down')
  assert.match(refused.text, /TEMPORAL_ADDRESS/)
  assert.equal((await browser.get(`/drills/${id}`)).status, 200, 'the record is drawn all the same')
  api.temporal.away = 'boom'
  const boom = await browser.post(`/drills/${id}/abort`, { reason: 'x' })
  assert.equal(boom.status, 500)
  assert.doesNotMatch(boom.text, /hunter2/)
})

test('home: what runs, what it owes, what is left behind, how runbooks stand, and filters', async () => {
  const left = await record(db, 'home-left', 'left-behind')
  await record(db, 'home-run', 'passed', event => event.type === 'note.added')
  const { hash } = (await api.call('GET', '/v1/runbooks/failover', { as: 'observer' })).body as { hash?: string }
  await record(db, 'home-failover', 'passed', undefined, event => event.type === 'drill.started' ? { ...event, runbook: 'failover', runbookHash: hash!, environment: 'lab2' } : event)
  const browser = await signedIn('observer')
  const { text } = await browser.get('/')
  assert.match(text, /href="\/drills\/home-run"[^]*Waiting for approver[^]*promote the standby/)
  assert.match(text, /Owed[^]*bring pg1 back/)
  assert.match(text, /LEFT BEHIND[^]*fail back to pg1[^]*make pg1 a streaming standby/)
  assert.match(text, /LAB2<\/td>\s*<td><span class="yes"[^>]*>✓ verified/)
  assert.match(text, /never passed/)
  assert.match(text, /<b>broken<\/b> has errors: [^<]*broken\.yaml:1:1/)
  assert.match(text, /<svg class="trend"[^>]*aria-label="recovery times, oldest first: 11\.8 s"/)
  const filtered = await browser.get('/?runbook=failover&environment=')
  assert.match(filtered.text, /id="last"[^]*home-failover/)
  assert.doesNotMatch(/id="last"[^]*/.exec(filtered.text)![0], /home-left/)
  assert.match(text, /muster undo home-left/)
  await appendEvents(db.store.pool, 'home-left', [...left, { seq: left.length + 1, atMs: Date.now(), type: 'undo.finished', entry: 'promote', state: 'undone', summary: 'pg1 streams again' }])
  assert.doesNotMatch((await browser.get('/')).text, /LEFT BEHIND/, 'it is undone now')
})

test('home: a halt in force, who wants it lifted, and that nobody knows while Temporal is away', async () => {
  const browser = await signedIn('observer')
  assert.doesNotMatch((await browser.get('/')).text, /HALTED|not known/)
  await api.call('POST', '/v1/halts', { as: 'engineer', body: { reason: 'a <b>real</b> incident', environment: 'lab' } })
  assert.match((await browser.get('/')).text, /HALTED[^]*lab is halted by ENGINEER since [^:]*:[^:]*:[^:]*: a &lt;b&gt;real[^]*muster resume --reason WHY --env lab/)
  await api.call('POST', '/v1/halts/lifting', { as: 'commander', body: { reason: 'over', environment: 'lab' } })
  assert.match((await browser.get('/')).text, /COMMANDER<\/bdi> asked to lift it/)
  api.temporal.away = 'temporal.down'
  assert.match((await browser.get('/')).text, /Whether a halt is in force is not known/)
})

test('a runbook has its plan, its last drills and whether it is verified', async () => {
  const browser = await signedIn('observer')
  const { text } = await browser.get('/runbooks/failover?environment=lab')
  assert.match(text, /LAB<\/b>: <b>not verified: no drill has passed/)
  assert.match(text, /promote with kill\? the standby is promoted[^]*asks 1 × approver, within 1m, else abort/)
  assert.match((await browser.get('/runbooks/failover?environment=lab2')).text, /verified: this content passed its last drill[^]*home-failover/)
  assert.match((await browser.get('/runbooks/broken')).text, /broken\.yaml:1:1[^]*It may run in no environment that is there/)
})

test('a drill that has ended is its report on the same address, and can be taken along', async () => {
  await record(db, 'over-1', 'passed')
  const browser = await signedIn('observer')
  const page = await browser.get('/drills/over-1')
  assert.match(page.text, /PASSED[^]*Where the time went[^]*Sign-off[^]*Report digest/)
  assert.doesNotMatch(page.text, /data-live/)
  assert.match(page.text, /href="http:\/\/|href="\/drills\/over-1\/report\?format=csv"/)
  const csv = await browser.get('/drills/over-1/report?format=csv')
  assert.match(String(csv.headers['content-type']), /text\/csv/)
  assert.match(String((await browser.get('/drills/over-1/report?format=html')).headers['content-security-policy']), /default-src 'none'; style-src 'unsafe-inline'/)
})

test('assets are kept for ever under their content’s name, and there are no others', async () => {
  const browser = new Browser()
  const css = /href="(\/assets\/page\.css\?v=\w+)"/.exec((await browser.get('/sign-in')).text)![1]!
  const answer = await browser.get(css)
  assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'public, max-age=31536000, immutable'])
  for (const file of ['nix.js', '..%2frender.ts', '__proto__', 'constructor']) assert.equal((await browser.get(`/assets/${file}`)).status, 404, file)
})

// The folds.

const until = (type: string) => {
  const events = drillEvents('passed')
  return events.slice(0, events.findIndex(event => event.type === type) + 1)
}

test('now: what people are waited for, what runs, what is undone', () => {
  assert.deepEqual(nowOf({ status: statusOf(until('drill.started'))! }), ['Checking whether it may start'])
  assert.deepEqual(nowOf({ status: statusOf(until('probe.down'))! }), ['Running'])
  assert.deepEqual(nowOf({ status: statusOf(until('note.added'))! }), ['Waiting for approval: promote the standby (0 of 1)'])
  assert.deepEqual(nowOf({ status: statusOf(until('undo.started'))! }), ['Undoing: point the endpoint at whichever node is primary'])
})

test('steps: planned against actual, late ones marked, running ones growing', () => {
  const nowMs = drillStart + 60_000
  const lines = stepLines({ status: statusOf(until('note.added'))!, nowMs })
  assert.deepEqual(lines.map(line => [line.id, line.icon, line.tookMs, line.late]).slice(0, 5), [
    ['steady-before', '✓', 140, false], ['break-primary', '✓', 230, false], ['detect', '✓', 1100, false], ['approve-failover', '‖', nowMs - drillStart - 6240, false], ['fence', '·', undefined, false],
  ])
  assert.equal(lines[3]!.sinceMs, drillStart + 6240)
  const slow = until('note.added').map(event => event.type === 'step.finished' && event.step === 'detect' ? { ...event, atMs: event.atMs + 9000 } : event)
  assert.equal(stepLines({ status: statusOf(slow)!, nowMs })[2]!.late, true)
})

test('a gate says to each person what they may do, in the words of the drill', () => {
  const events = until('note.added')
  const status = statusOf(events)!
  const as = (id: string, ...held: Array<'approver' | 'observer' | 'commander'>) => asksOf(events, status, { id, name: id, roles: held })[0]!
  assert.deepEqual([as('cai', 'approver').mayApprove, as('cai', 'approver').mayReject, as('cai', 'approver').refusal], [true, true, undefined])
  assert.match(as('otto', 'observer').refusal!, /is decided by approver; otto is observer in lab/)
  const own = as(ana.id, 'approver', 'commander')
  assert.deepEqual([own.mayApprove, own.mayReject], [false, true], 'who started it may stop it, and never wave it through')
  assert.equal(own.silence, 'the drill is aborted, and everything undone')
  assert.deepEqual(own.checked, [{ mark: '✓', text: 'postgres.steady: pg1 is primary, pg2 streams with 0 bytes of lag' }])
  assert.equal(as('cai', 'approver').canAnswer, undefined, 'nobody has asked yet')
  const asked: DrillEvent[] = [...events, { seq: events.length + 1, atMs: events.at(-1)!.atMs, type: 'people.asked', step: 'approve-failover', can: [{ id: 'dora', name: 'Dora <b>', for: { id: 'cai', name: 'Cai' } }], away: [{ id: 'cai', name: 'Cai', untilMs: drillStart, deputies: ['Dora <b>'] }] }]
  const drawn = drawAsks(asked, statusOf(asked)!, { person: { id: 'cai', name: 'Cai', roles: ['approver'] }, formToken: 'x' })
  assert.match(drawn, /<dt>Can answer now<\/dt><dd class="">Dora &lt;b&gt; \(for Cai\)<\/dd>/)
  const two = events.map(event => event.type === 'gate.opened' ? { ...event, approvals: 2 } : event)
  two.push({ seq: events.length + 1, atMs: events.at(-1)!.atMs, type: 'gate.decided', step: 'approve-failover', person: ben, answer: 'approve', door: 'slack', verified: true })
  const [again] = asksOf(two, statusOf(two)!, { id: ben.id, name: ben.name, roles: ['approver'] })
  assert.deepEqual([again!.mayApprove, again!.mayReject, again!.approved], [false, false, 1], 'one vote a person')
})

test('the clock stands at what was measured, and is red once it is over', () => {
  const clockOf = (ending: 'passed' | 'failed' | 'invalid', nowMs = drillStart + 200_000) => {
    const events = drillEvents(ending)
    return drawRegions({ events, status: statusOf(events)!, samples: probeSamples(events), nowMs, links: [] }).clock!
  }
  assert.match(clockOf('passed'), /data-level="good"[^]*<b>00:11<\/b>[^]*of 01:00[^]*recovered in 11\.8 s/)
  assert.match(clockOf('failed'), /data-level="over"/)
  assert.match(clockOf('invalid'), /data-level="none"[^]*--:--[^]*no failed probe yet/)
  const down = until('note.added')
  const running = drawRegions({ events: down, status: statusOf(down)!, samples: [], nowMs: drillStart + 4690 + 50_000, links: [] })
  assert.match(running.clock!, /data-level="near"[^]*data-since="\d+" data-limit="60000">00:50<\/b>/)
  assert.equal(running.probe, '', 'no sample, no chart')
})

test('a trend has a bar for each recovery time and a dot where none was measured', () => {
  const svg = drawTrend([{ drillId: 'a', verdict: 'passed', rtaMs: 10_000 }, { drillId: 'b"<', verdict: 'failed', rtaMs: 20_000 }, { drillId: 'c', verdict: 'invalid' }], 15_000)
  assert.deepEqual([svg.match(/<line class="(passed|failed)"/g)!.length, svg.match(/<circle class="invalid"/g)!.length, svg.match(/class="objective"/g)!.length], [2, 1, 1])
  assert.doesNotMatch(svg, /b"</)
  assert.equal(drawTrend([]), '')
  assert.doesNotMatch(drawTrend([{ drillId: 'a', verdict: 'passed', rtaMs: 10 }], 60_000), /objective/, 'an objective far above would press it flat')
})
