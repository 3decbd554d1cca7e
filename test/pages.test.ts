import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rights, type Right } from '../src/drill/rights.js'
import { roles } from '../src/drill/people.js'
import { appendEvents } from '../src/store/timeline.js'
import { record } from './fixtures/pages.js'
import { codeOf, serveWeb } from './fixtures/web.js'

const web = serveWeb()

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
    const browser = await web.signedIn(role)
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
  const browser = await web.signedIn('observer')
  for (const url of ['/', '/sign-in', `/drills/${await web.api.drill()}`, '/drills/nix', '/runbooks/failover', '/runbooks/nix', '/?nix=1']) {
    const { headers, text } = await browser.get(url)
    assert.equal(headers['content-security-policy'], "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", url)
    assert.equal(headers['cache-control'], 'no-store', url)
    assert.doesNotMatch(text, /\sstyle=|\son\w+=|<script>|<style/, url)
  }
})

test('what is not there, and a Temporal that is away, are pages with a way on', async () => {
  const browser = await web.signedIn('observer')
  assert.equal(codeOf(await browser.get('/drills/nix')), '404 drill.unknown')
  assert.equal(codeOf(await browser.get('/runbooks/nix')), '404 runbook.unknown')
  assert.equal(codeOf(await browser.get('/drills/..%2f..%2fetc')), '400 input.invalid')
  const id = await web.api.drill()
  web.api.temporal.away = 'temporal.down'
  const refused = await browser.post(`/drills/${id}/abort`, { reason: 'x' })
  assert.equal(codeOf(refused), '503 temporal.down')
  assert.match(refused.text, /TEMPORAL_ADDRESS/)
  assert.equal((await browser.get(`/drills/${id}`)).status, 200, 'the record is drawn all the same')
  web.api.temporal.away = 'boom'
  const boom = await browser.post(`/drills/${id}/abort`, { reason: 'x' })
  assert.equal(boom.status, 500)
  assert.doesNotMatch(boom.text, /hunter2/)
})

test('home: what runs, what it owes, what is left behind, how runbooks stand, and filters', async () => {
  const left = await record(web.db, 'home-left', 'left-behind')
  await record(web.db, 'home-run', 'passed', event => event.type === 'note.added')
  const { hash } = (await web.api.call('GET', '/v1/runbooks/failover', { as: 'observer' })).body as { hash?: string }
  await record(web.db, 'home-failover', 'passed', undefined, event => event.type === 'drill.started' ? { ...event, runbook: 'failover', runbookHash: hash!, environment: 'lab2' } : event)
  const browser = await web.signedIn('observer')
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
  await appendEvents(web.db.store.pool, 'home-left', [...left, { seq: left.length + 1, atMs: Date.now(), type: 'undo.finished', entry: 'promote', state: 'undone', summary: 'pg1 streams again' }])
  assert.doesNotMatch((await browser.get('/')).text, /LEFT BEHIND/, 'it is undone now')
})

test('home: a halt in force, who wants it lifted, and that nobody knows while Temporal is away', async () => {
  const browser = await web.signedIn('observer')
  assert.doesNotMatch((await browser.get('/')).text, /HALTED|not known/)
  await web.api.call('POST', '/v1/halts', { as: 'engineer', body: { reason: 'a <b>real</b> incident', environment: 'lab' } })
  assert.match((await browser.get('/')).text, /HALTED[^]*lab is halted by ENGINEER since [^:]*:[^:]*:[^:]*: a &lt;b&gt;real[^]*muster resume --reason WHY --env lab/)
  await web.api.call('POST', '/v1/halts/lifting', { as: 'commander', body: { reason: 'over', environment: 'lab' } })
  assert.match((await browser.get('/')).text, /COMMANDER<\/bdi> asked to lift it/)
  web.api.temporal.away = 'temporal.down'
  assert.match((await browser.get('/')).text, /Whether a halt is in force is not known/)
})

test('a runbook has its plan, its last drills and whether it is verified', async () => {
  const browser = await web.signedIn('observer')
  const { text } = await browser.get('/runbooks/failover?environment=lab')
  assert.match(text, /LAB<\/b>: <b>not verified: no drill has passed/)
  assert.match(text, /promote with kill\? the standby is promoted[^]*asks 1 × approver, within 1m, else abort/)
  assert.match((await browser.get('/runbooks/failover?environment=lab2')).text, /verified: this content passed its last drill[^]*home-failover/)
  assert.match((await browser.get('/runbooks/broken')).text, /broken\.yaml:1:1[^]*It may run in no environment that is there/)
})

test('a drill that has ended is its report on the same address, and can be taken along', async () => {
  await record(web.db, 'over-1', 'passed')
  const browser = await web.signedIn('observer')
  const page = await browser.get('/drills/over-1')
  assert.match(page.text, /PASSED[^]*Where the time went[^]*Sign-off[^]*Report digest/)
  assert.doesNotMatch(page.text, /data-live/)
  assert.match(page.text, /href="http:\/\/|href="\/drills\/over-1\/report\?format=csv"/)
  const csv = await browser.get('/drills/over-1/report?format=csv')
  assert.match(String(csv.headers['content-type']), /text\/csv/)
  assert.match(String((await browser.get('/drills/over-1/report?format=html')).headers['content-security-policy']), /default-src 'none'; style-src 'unsafe-inline'/)
})

test('assets are kept for ever under their content’s name, and there are no others', async () => {
  const browser = web.browser()
  const css = /href="(\/assets\/page\.css\?v=\w+)"/.exec((await browser.get('/sign-in')).text)![1]!
  const answer = await browser.get(css)
  assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'public, max-age=31536000, immutable'])
  for (const file of ['nix.js', '..%2frender.ts', '__proto__', 'constructor']) assert.equal((await browser.get(`/assets/${file}`)).status, 404, file)
})
