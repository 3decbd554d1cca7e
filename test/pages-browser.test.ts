import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { ask, launchBrowser, openSeat, patience, picture, signIn, withoutBrowser, type Seat } from './fixtures/browser.js'
import { startHttp, startHttpStore, type HttpStore, type TestApi } from './fixtures/http.js'
import { record, reports } from './fixtures/pages.js'
import { appendEvents } from '../src/store/timeline.js'

const skip = withoutBrowser
const slow = { skip, timeout: 180_000 }

let db: HttpStore
let api: TestApi
let origin: string
let browser: Browser
const seats: Seat[] = []

before(async () => {
  if (skip) return
  ;[db, browser] = await Promise.all([startHttpStore(), launchBrowser()])
})
after(async () => {
  await browser?.close()
  await db?.stop()
})
beforeEach(async () => { if (!skip) await serve() })
afterEach(async () => {
  if (skip) return
  const troubles = seats.flatMap(seat => seat.troubles)
  await Promise.all(seats.splice(0).map(async ({ context }) => { await context.close() }))
  await api.app.close()
  assert.deepEqual(troubles, [], 'what no page may do')
})

/** The API, listening; again on the same port and with the same Temporal, as after a restart. */
async function serve (again?: { port: number, temporal: TestApi['temporal'] }): Promise<void> {
  api = await startHttp(db.store, db.keys, { publicUrl: origin ?? 'http://127.0.0.1:4400' }, { reports, ...again && { temporal: again.temporal } })
  if (again) api.temporal = again.temporal
  await api.app.listen({ host: '127.0.0.1', port: again?.port ?? 0 })
  origin = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`
}

async function seatOf (as: string, next: string, options: Parameters<typeof openSeat>[2] = {}): Promise<Seat> {
  const seat = await openSeat(browser, origin, options)
  seats.push(seat)
  await signIn(seat.page, db.keys[as]!, next)
  return seat
}

const runOf = (id: string): string => `/drills/${id}`
const eventsOf = (id: string): DrillEvent[] => api.temporal.drills.get(id)!.events
const said = (id: string): unknown[] => eventsOf(id).flatMap(event => 'door' in event && 'person' in event ? [[event.type, event.person.id, event.door]] : [])
const note = (text: string): EventBody => ({ type: 'note.added', person: { id: 'ana', name: 'Ana' }, text, door: 'api' })
const log = (page: Page, text: string) => page.locator('#log').getByText(text)

/** Goes to a page that is there, or of which the address says that it is not. */
async function see (page: Page, url: string): Promise<void> {
  assert.equal((await page.goto(url))?.status(), url.endsWith('/nix') ? 404 : 200, url)
}

test('the page follows the drill by itself, from a note to the report at its end', slow, async () => {
  const id = await api.drill()
  const { page } = await seatOf('observer', runOf(id))
  await page.getByRole('heading', { name: /Approval needed: promote\?/ }).waitFor()
  await page.evaluate('globalThis.same = true')
  await api.temporal.emit(id, note('lights are out'))
  await log(page, 'lights are out').waitFor()
  await api.temporal.decide(id, { step: 'approve', answer: 'approve', key: 'k', person: { id: 'approver', name: 'APPROVER', roles: ['approver'] }, door: 'slack' })
  await page.locator('#asks article').waitFor({ state: 'detached' })
  assert.equal(await page.evaluate('globalThis.same'), true, 'nothing was loaded anew')
  await api.temporal.end(id)
  await page.getByRole('heading', { name: 'Sign-off' }).waitFor()
  assert.equal(await page.locator('[data-region]').count(), 0, 'it is the report now')
})

test('a load that runs says how far it is: by itself, and without a script on every reload; when it is over nothing is left of it', slow, async () => {
  const { temporal } = api
  temporal.steps = [{ id: 'hold', kind: 'load', title: 'Customers use the service' }, { id: 'approve', kind: 'gate', title: 'promote?' }]
  const id = await api.drill()
  await temporal.emit(id, { type: 'step.started', step: 'hold' })
  const say = (text: string): void => { temporal.progressed = [{ step: 'hold', text, figures: {} }] }
  say('5 s of 2 h  10 users  19.8/s')
  const { page } = await seatOf('observer', runOf(id))
  const plain = await seatOf('engineer', runOf(id), { javaScriptEnabled: false })
  for (const one of [page, plain.page]) await one.locator('#progress', { hasText: 'Customers use the service' }).getByText('5 s of 2 h 10 users 19.8/s').waitFor()
  await page.evaluate('globalThis.same = true')
  say('7 s of 2 h  10 users  20.1/s')
  await page.locator('#progress').getByText('20.1/s').waitFor()
  assert.equal(await page.evaluate('globalThis.same'), true, 'nothing was loaded anew')
  await plain.page.reload()
  await plain.page.locator('#progress').getByText('20.1/s').waitFor()
  await picture(page, 'progress')
  await temporal.emit(id, { type: 'step.finished', step: 'hold', outcome: 'passed', summary: '200 requests' })
  await page.locator('#progress dd').waitFor({ state: 'detached' })
  await plain.page.reload()
  assert.equal(await plain.page.locator('#progress dd').count(), 0, 'what has ended is no more asked')
})

test('an approver is asked again with the effect, and approves by a click', slow, async () => {
  const id = await api.drill()
  const { page, questions } = await seatOf('approver', runOf(id))
  await page.getByLabel(/Reason/).fill('backups seen')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Your approval counts: the gate is open.').waitFor()
  assert.deepEqual(questions, ['LAB: promotes'])
  assert.deepEqual(said(id), [['gate.decided', 'approver', 'page']])
  assert.equal(await page.locator('#asks article').count(), 0)
})

test('by keyboard alone: past the head, to the gate; what is being written survives news; a bare rejection is stopped in place', slow, async () => {
  const id = await api.drill()
  const { page } = await seatOf('approver', runOf(id))
  await page.reload()
  await page.keyboard.press('Tab')
  assert.equal(await ask(page, 'focusedText'), 'Skip to the content')
  await page.keyboard.press('Enter')
  const tabTo = async (what: string): Promise<void> => {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab')
      if (await ask(page, 'focused') === what) return
    }
    assert.fail(`${what} is not reached by Tab`)
  }
  await tabTo('TEXTAREA reason')
  await tabTo('BUTTON answer reject')
  assert.equal(await ask(page, 'outline'), '3px', 'where the keyboard is can be seen')
  await page.keyboard.press('Enter')
  await page.waitForFunction('inPage.focused() === "TEXTAREA reason"')
  assert.equal(await ask(page, 'complaint'), 'A rejection must say why')
  await page.keyboard.type('lag is not')
  await api.temporal.emit(id, { type: 'check.answered', step: 'approve', check: 'lag', outcome: 'fail', observed: '40 MB behind', expected: 'none' })
  await page.locator('#asks').getByText('40 MB behind').waitFor()
  await page.keyboard.type(' understood')
  assert.equal(await page.getByLabel(/Reason/).inputValue(), 'lag is not understood')
  await tabTo('BUTTON answer reject')
  await page.keyboard.press('Space')
  await page.getByText('The gate is rejected; the drill undoes what it did.').waitFor()
  assert.deepEqual(eventsOf(id).flatMap(event => event.type === 'gate.decided' ? [[event.answer, event.reason]] : []), [['reject', 'lag is not understood']])
})

test('tasks, notes, declarations and aborts by click, each once', slow, async () => {
  const id = await api.drill()
  await api.temporal.emit(id, { type: 'task.opened', step: 'look', instructions: 'look at the board', role: 'observer', deadlineAtMs: Date.now() + 60_000 })
  const { page } = await seatOf('observer', runOf(id))
  await page.getByRole('heading', { name: /To be done: look/ }).waitFor()
  await page.getByRole('button', { name: 'It is done' }).dblclick()
  await page.getByText('Confirmed.').waitFor()
  for (const [summary, text, button, answer] of [
    ['Write a note', 'all quiet', 'Note it', 'Noted.'],
    ['Declare an outage', 'nobody can pay', 'Declare the outage', 'The outage is declared.'],
    ['Abort the drill', 'customers call', 'Abort and undo', 'The drill is aborted, and undoes what it did.'],
  ] as const) {
    await page.getByText(summary, { exact: true }).click()
    await page.locator('details[open] textarea').fill(text)
    await page.getByRole('button', { name: button }).click()
    await page.getByText(answer).waitFor()
  }
  assert.deepEqual(said(id), [['task.confirmed', 'observer', 'page'], ['note.added', 'observer', 'page'], ['outage.declared', 'observer', 'page'], ['abort.requested', 'observer', 'page']])
})

test('the link to abort opens its form and stands in it', slow, async () => {
  const id = await api.drill()
  const { page } = await seatOf('observer', runOf(id))
  await page.getByRole('link', { name: 'Abort' }).click()
  await page.waitForFunction('document.activeElement.id === "abort-text"')
})

test('without JavaScript the page is whole, says since when, and its forms count', slow, async () => {
  const id = await api.drill()
  const { page } = await seatOf('approver', runOf(id), { javaScriptEnabled: false })
  await picture(page, 'no-script')
  assert.match(await page.locator('#now').innerText(), /Waiting for approval: promote\?/)
  await page.getByText('Write a note', { exact: true }).click()
  await page.getByLabel('What there is to remember').fill('by hand')
  await page.getByRole('button', { name: 'Note it' }).click()
  await page.getByText('Noted.').waitFor()
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Your approval counts: the gate is open.').waitFor()
  await page.goto('/')
  assert.match(await page.locator('#running').innerText(), /since \d{4}-\d\d-\d\d \d\d:\d\d UTC/)
  assert.deepEqual(said(id), [['note.added', 'approver', 'page'], ['gate.decided', 'approver', 'page']])
})

test('the policy stops a script that got into the page all the same', slow, async () => {
  const { page, troubles } = await seatOf('observer', '/')
  assert.equal(await ask(page, 'intrude'), false)
  const stopped = troubles.splice(0).filter(trouble => trouble.startsWith('policy: ')).map(trouble => trouble.split(' ')[1])
  assert.deepEqual(stopped.sort(), ['img-src', 'script-src-elem'], 'and this test hears of it')
})

const evil = '"><img src=x onerror=alert(1)><script>alert(2)</script><b id="mark-up">bold</b> </textarea> &lt;i&gt; \u202e\u001b[31m'
/** Every text that people or systems write, with mark-up in it. */
function withMarkUp (event: DrillEvent): DrillEvent {
  const written = new Set(['title', 'runbookTitle', 'name', 'text', 'summary', 'reason', 'observed', 'expected', 'message', 'why', 'error', 'effect', 'risk', 'byHand', 'by', 'detail'])
  const mark = (value: unknown, key?: string): unknown => {
    if (typeof value === 'string') return key !== undefined && written.has(key) ? `${value} ${evil}` : value
    if (Array.isArray(value)) return value.map(one => mark(one))
    if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mark(one, name)]))
    return value
  }
  return mark(event) as DrillEvent
}

test('mark-up in titles, notes, reasons and results is text wherever it is shown', slow, async () => {
  const events = await record(db, 'evil-run', 'left-behind', event => event.type === 'note.added', withMarkUp)
  await record(db, 'evil-over', 'left-behind', undefined, withMarkUp)
  const { page, troubles } = await seatOf('approver', '/')
  for (const url of ['/', runOf('evil-run'), runOf('evil-over'), '/drills/evil-over/report?format=html', `/sign-in?next=${encodeURIComponent(`/${evil}`)}`, `/drills/${encodeURIComponent(evil)}`, `/runbooks/${encodeURIComponent(evil)}`]) {
    await page.goto(url)
    assert.equal(await page.locator('#mark-up, img, script:not([src]), script[src^="http"]').count(), 0, url)
    const shown = await page.locator('body').innerText()
    if (url.includes('evil-')) assert.match(shown, /<script>alert\(2\)<\/script>/, url)
    // eslint-disable-next-line no-control-regex -- they are what may not be there
    assert.doesNotMatch(shown, /[\u202e\x1b]/, `${url}: what turns the direction of the words after it`)
  }
  await page.goto(runOf('evil-run'))
  assert.match(await page.locator('#asks').innerText(), /On approve:.*<script>/)
  assert.match(await page.getByRole('button', { name: 'Approve' }).getAttribute('data-confirm') ?? '', /<script>/)
  await picture(page, 'mark-up')
  const decided = events.findIndex(event => event.type === 'gate.decided')
  await appendEvents(db.store.pool, 'evil-run', events.slice(0, decided + 1))
  await log(page, 'backups verified').waitFor()
  assert.equal(await page.locator('#mark-up, img, script:not([src])').count(), 0, 'drawn anew by the page’s own script')
  assert.deepEqual(troubles, [], 'nothing ran, nothing was asked for')
})

for (const scheme of ['light', 'dark'] as const) {
  test(`every page can be read in the ${scheme}`, slow, async () => {
    await record(db, `${scheme}-run`, 'failed', event => event.type === 'probe.up')
    await record(db, `${scheme}-asks`, 'passed', event => event.type === 'note.added')
    await record(db, `${scheme}-over`, 'left-behind')
    const { page } = await seatOf('approver', '/', { colorScheme: scheme })
    for (const [name, url] of [['home', '/'], ['run', runOf(`${scheme}-run`)], ['asks', runOf(`${scheme}-asks`)], ['over', runOf(`${scheme}-over`)], ['runbook', '/runbooks/failover'], ['message', '/drills/nix']] as const) {
      await see(page, url)
      await picture(page, `${scheme}-${name}`)
      assert.deepEqual(await ask(page, 'faint'), [], url)
    }
    await page.evaluate('document.querySelector("h1").style.color = getComputedStyle(document.body).backgroundColor')
    assert.equal((await ask<string[]>(page, 'faint')).length, 1, 'a faint heading is found')
    await page.context().clearCookies()
    await page.goto('/')
    await picture(page, `${scheme}-sign-in`)
    assert.deepEqual(await ask(page, 'faint'), [], 'sign-in')
  })
}

test('on a phone nothing lies beside the screen, and what decides is large enough for a thumb', slow, async () => {
  await record(db, 'phone-run', 'passed', event => event.type === 'note.added', event => event.type === 'note.added' ? { ...event, text: `${event.text} ${'x'.repeat(300)}` } : event)
  await record(db, 'phone-over', 'left-behind')
  const { page } = await seatOf('approver', '/', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true })
  for (const [name, url] of [['home', '/'], ['run', runOf('phone-run')], ['over', runOf('phone-over')], ['runbook', '/runbooks/failover'], ['message', '/drills/nix']] as const) {
    await see(page, url)
    await picture(page, `phone-${name}`)
    assert.equal(await ask(page, 'width'), 360, url)
  }
  await page.goto(runOf('phone-run'))
  for (const button of ['Approve', 'Reject']) {
    // A live update may put another element in its place while it is measured: then there is no box yet.
    let height = 0
    for (const untilMs = Date.now() + 10_000; height === 0 && Date.now() < untilMs;) height = (await page.getByRole('button', { name: button }).boundingBox())?.height ?? 0
    assert.ok(height >= 42, `${button} is too low to be tapped: ${height}px`)
  }
})

test('printed it is the record alone: no form, no button, in black on white', slow, async () => {
  await record(db, 'print-run', 'passed', event => event.type === 'note.added')
  const { page } = await seatOf('approver', runOf('print-run'), { colorScheme: 'dark' })
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  await picture(page, 'print-run')
  for (const gone of ['form', 'button', 'textarea', '.links', '.say']) {
    for (const one of await page.locator(gone).all()) assert.equal(await one.isVisible(), false, `${gone} is printed`)
  }
  for (const there of ['#clock', '#asks dl', '#steps table', '#probe svg', '#log table', '.drill']) assert.ok(await page.locator(there).first().isVisible(), `${there} is not printed`)
  assert.deepEqual(await ask(page, 'paper'), ['rgb(255, 255, 255)', 'rgb(28, 32, 36)'])
})

test('fifty tabs hold one connection; over a restart of the API each goes on and misses nothing', slow, async () => {
  const id = await api.drill()
  const { context, page } = await seatOf('observer', runOf(id))
  const pages = [page, ...await Promise.all(Array.from({ length: 49 }, async () => await context.newPage()))]
  for (const one of pages.slice(1)) await one.goto(runOf(id), { waitUntil: 'domcontentloaded' })
  const all = async (text: string): Promise<void> => { await Promise.all(pages.map(async one => { await log(one, text).waitFor({ ...patience, state: 'attached' }) })) }
  await api.temporal.emit(id, note('before'))
  await all('before')
  const { text } = await api.call('GET', '/metrics')
  assert.match(text, /streams\S* 1\n/, 'one tab holds the stream for all')
  const { temporal, app } = api
  const { port } = app.server.address() as AddressInfo
  await app.close()
  await Promise.all(pages.map(async one => { await one.getByText(/No contact with Muster since/).waitFor() }))
  await temporal.emit(id, note('while it was away'))
  await serve({ port, temporal })
  await temporal.emit(id, note('after'))
  await all('while it was away')
  await all('after')
  for (const one of pages) assert.equal(await one.locator('#contact').isVisible(), false, 'contact is there again')
  // Whoever held the stream goes: another takes it over.
  await page.close()
  pages.shift()
  await temporal.emit(id, note('without the first'))
  await all('without the first')
})

test('who signs out in one tab is signed out in the other', slow, async () => {
  const id = await api.drill()
  const { context, page } = await seatOf('observer', runOf(id))
  const other = await context.newPage()
  await other.goto('/')
  await other.getByRole('button', { name: 'Sign out' }).click()
  await other.getByLabel('Your key').waitFor()
  await page.reload()
  await page.getByLabel('Your key').waitFor()
})
