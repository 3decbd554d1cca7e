import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, withoutBrowser as skip } from './fixtures/browser.js'
import { startHttpStore, type HttpStore } from './fixtures/http.js'
import { channel, startedDrill, startSlackApi, until, users, type SlackApi } from './fixtures/slack.js'

let db: HttpStore
let api: SlackApi
let browser: Browser

before(async () => {
  if (skip) return
  db = await startHttpStore()
  await db.store.pool.query('insert into slack_channels (channel, since_ms) values ($1, 0)', [channel])
  api = await startSlackApi(db)
  browser = await launchBrowser()
})
after(async () => {
  await browser?.close()
  await api?.stopAll()
  await db?.stop()
})

test('a person approves in the channel’s page: a stranger’s click is refused to them alone, mark-up runs nowhere, the gate is redrawn', { skip, timeout: 120_000 }, async () => {
  const page = await browser.newPage({ viewport: { width: 900, height: 1200 } })
  const dialogs: string[] = []
  const errors: string[] = []
  page.on('dialog', dialog => { dialogs.push(dialog.message()); dialog.accept().catch(() => {}) })
  page.on('pageerror', error => { errors.push(error.message) })
  page.on('console', message => { if (message.type() === 'error') errors.push(message.text()) })
  const patience = { timeout: 30_000 }
  const id = await startedDrill(api)
  await api.call('POST', `/v1/drills/${id}/notes`, { as: 'observer', body: { text: '<img src=x onerror=alert(1)> <!channel> <script>alert(2)</script>' } })
  api.announcer()
  await page.goto(`${api.slack.url}/?user=${users.stranger}`)
  await page.getByRole('heading', { name: /Approval needed: promote\?/ }).waitFor(patience)
  await page.getByText('<script>alert(2)</script>').waitFor(patience)
  assert.equal(await page.locator('.everybody, main script, main img').count(), 0)
  await page.getByRole('button', { name: 'Approve' }).click(patience)
  await page.locator('.whisper').getByText(/Muster does not know who you are/).waitFor(patience)
  assert.match(dialogs[0] ?? '', /Approve in LAB\?\n\npromotes/, 'it asks again, with the effect')

  await page.getByLabel('You are').selectOption(users.approver)
  await page.getByRole('button', { name: 'Reject' }).click(patience)
  await page.getByRole('dialog').getByText('Reason').waitFor(patience)
  await page.getByRole('button', { name: 'Cancel' }).click(patience)
  assert.equal(await page.locator('.whisper').count(), 0, 'what the stranger was told is theirs alone')
  await page.getByRole('button', { name: 'Approve' }).click(patience)
  await page.getByText(/✅ Approved by APPROVER/).waitFor(patience)
  await until('the vote', () => api.temporal.drills.get(id)!.events.some(event => event.type === 'gate.decided' && event.person.id === 'approver' && event.door === 'slack'))
  await page.getByPlaceholder('Message, or /drill status').fill('/drill status')
  await page.getByPlaceholder('Message, or /drill status').press('Enter')
  await page.locator('.whisper').getByText(/THIS IS A DRILL: Database primary fails in LAB/).waitFor(patience)
  const picture = process.env['MUSTER_PICTURE']
  if (picture) await page.screenshot({ path: picture, fullPage: true })
  assert.deepEqual(errors, [])
})
