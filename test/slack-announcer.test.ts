import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Message } from '../src/lab/slack/workspace.js'
import { startHttpStore, type HttpStore } from './fixtures/http.js'
import { channel, startedDrill, startSlackApi, until, users, type SlackApi } from './fixtures/slack.js'

let db: HttpStore
let api: SlackApi

before(async () => {
  db = await startHttpStore()
  await db.store.pool.query('insert into slack_channels (channel, since_ms) values ($1, 0)', [channel])
})
after(async () => { await db?.stop() })
beforeEach(async () => {
  await db.store.pool.query("update drills set phase = 'ended' where phase <> 'ended'")
  await db.store.pool.query('insert into slack_drills (drill_id, is_done) select drill_id, true from drills on conflict (drill_id) do update set is_done = true')
  api = await startSlackApi(db)
})
afterEach(async () => { await api.stopAll() })

const decide = async (id: string, answer = 'approve'): Promise<number> =>
  (await api.call('POST', `/v1/drills/${id}/gates/approve/decision`, { as: 'approver', body: { answer, reason: 'backups verified' } })).status
const textOf = (message: Message | undefined): string => JSON.stringify(message?.blocks ?? [])
const keys = (): string[] => api.slack.workspace.messages.map(message => String((message.metadata?.['event_payload'] as { key: string }).key))
const shown = async (key: string, id: string, words: RegExp): Promise<Message> => await until(`${key} with ${words}`, () => {
  const message = api.message(key, id)
  return words.test(textOf(message)) && message
})

test('a drill has one card, its gate and its log in the thread; a decision through the API redraws them in place', async () => {
  const id = await startedDrill(api)
  api.announcer()
  const gate = await shown('gate:approve', id, /gate.approve/)
  const card = await shown('card', id, /Waiting for approval/)
  assert.deepEqual([gate.threadTs, gate.broadcast, card.threadTs], [card.ts, true, undefined])
  assert.equal(await decide(id), 200)
  await shown('gate:approve', id, /✅ Approved by APPROVER at .*“backups verified”/)
  await until('its buttons to be gone', () => !/gate\.approve/.test(textOf(api.message('gate:approve', id))))
  await api.temporal.end(id)
  await shown('end', id, /is over/)
  await shown('card', id, /INVALID|PASSED|ABORTED|FAILED/)
  assert.deepEqual(keys().sort(), ['card', 'end', 'gate:approve', 'log:1'], 'each message is there once')
})

test('the next role is mentioned when a gate escalates, and who is waited for when it reminds', async () => {
  const id = await startedDrill(api)
  api.announcer()
  await shown('gate:approve', id, /Answer by/)
  await api.temporal.emit(id, { type: 'gate.reminded', step: 'approve', leftMs: 120_000 })
  const reminder = await until('the reminder', () => api.slack.workspace.messages.find(message => /is still waiting/.test(textOf(message))))
  assert.match(textOf(reminder), new RegExp(`<@${users.approver}>.*02:00 left`))
  await api.temporal.emit(id, { type: 'gate.escalated', step: 'approve', role: 'management', deadlineAtMs: Date.now() + 60_000 })
  const escalated = await until('the escalation', () => api.message('escalated:approve', id))
  assert.match(textOf(escalated), new RegExp(`<@${users.management}>.*goes to management too`))
  assert.equal(escalated.broadcast, true)
})

test('an outage of Slack: the drill goes on, and afterwards everything is there once, as things stand then', async () => {
  api.slack.interfere(() => 'broken')
  api.announcer()
  const id = await startedDrill(api)
  for (let note = 1; note <= 40; note++) await api.temporal.note(id, { text: `note ${note}`, person: { id: 'observer', name: 'O', roles: ['observer'] }, door: 'api' })
  await until('a complaint', () => api.announcerLog().includes('Slack does not answer'))
  assert.equal(await decide(id), 200, 'a decision does not wait for Slack')
  assert.equal(api.slack.workspace.messages.length, 0)
  const before = api.slack.calls.length
  api.slack.interfere(undefined)
  await shown('gate:approve', id, /✅ Approved/)
  await shown('card', id, /THIS IS A DRILL/)
  await shown('log:2', id, /note 40/)
  assert.deepEqual(keys().sort(), ['card', 'gate:approve', 'log:1', 'log:2'])
  assert.equal(api.message('gate:approve', id)!.broadcast, false, 'what is decided does not call for people any more')
  assert.ok(api.slack.calls.length - before < 20, `${api.slack.calls.length - before} calls to catch up with 40 notes`)
  await until('the good news', () => api.announcerLog().includes('Slack answers again'))
  assert.equal(api.announcerLog().split('\n').filter(line => line.includes('Slack does not answer')).length, 1, 'told once, however long it lasts')
})

test('an answer that was lost is looked for before it is posted again: each message is there once', async () => {
  const lost = new Map<string, number>()
  api.slack.interfere((method, args) => {
    if (method !== 'chat.postMessage') return undefined
    const key = (JSON.parse(args['metadata']!) as { event_payload: { key: string } }).event_payload.key
    lost.set(key, (lost.get(key) ?? 0) + 1)
    return lost.get(key) === 1 ? 'lost' : undefined
  })
  const id = await startedDrill(api)
  api.announcer()
  await shown('log:1', id, /admitted/)
  await decide(id)
  await shown('gate:approve', id, /✅ Approved/)
  assert.deepEqual(keys().sort(), ['card', 'gate:approve', 'log:1'])
  assert.deepEqual([...lost.values()], [1, 1, 1], 'none was posted a second time')
})

test('a process that dies between posting and remembering leaves no second message', async () => {
  const id = await startedDrill(api)
  const first = api.announcer()
  await shown('log:1', id, /admitted/)
  await first.stop()
  // As if the process had died before it could write down where they are.
  await db.store.pool.query('update slack_messages set ts = null, channel = null, fingerprint = null where drill_id = $1', [id])
  await db.store.pool.query("update slack_drills set drawn_seq = 0, claimed_until = '-infinity' where drill_id = $1", [id])
  api.announcer()
  await decide(id)
  await shown('gate:approve', id, /✅ Approved/)
  assert.deepEqual(keys().sort(), ['card', 'gate:approve', 'log:1'])
})

test('two announcers draw a drill once', async () => {
  api.announcer()
  api.announcer()
  const id = await startedDrill(api)
  await shown('log:1', id, /admitted/)
  await decide(id)
  await shown('gate:approve', id, /✅ Approved/)
  assert.deepEqual(keys().sort(), ['card', 'gate:approve', 'log:1'])
})

test('a rate limit is waited for as long as Slack says', async () => {
  let limitedAtMs = 0
  let early = 0
  api.slack.interfere(method => {
    if (method !== 'chat.update' && method !== 'chat.postMessage') return undefined
    if (limitedAtMs === 0) {
      limitedAtMs = Date.now()
      return { status: 429, retryAfterS: 1 }
    }
    if (Date.now() - limitedAtMs < 1000) early++
    return undefined
  })
  const id = await startedDrill(api)
  api.announcer()
  await shown('gate:approve', id, /gate.approve/)
  assert.equal(early, 0)
  assert.equal(keys().filter(key => key === 'card').length, 1)
})

test('the small Slack’s own limits are kept: more than it takes is drawn later', async () => {
  await api.stopAll()
  api = await startSlackApi(db, { limits: { 'chat.postMessage': { calls: 2, perMs: 900 } } })
  const id = await startedDrill(api)
  api.announcer()
  await shown('log:1', id, /admitted/)
  assert.deepEqual(keys().sort(), ['card', 'gate:approve', 'log:1'])
})

test('an archived channel is told with what to do, and the card catches up once it is opened', async () => {
  api.slack.workspace.channels[0]!.isArchived = true
  const id = await startedDrill(api)
  api.announcer()
  await until('a complaint', () => api.announcerLog().includes('The channel is archived: unarchive it, or set MUSTER_SLACK_CHANNEL'))
  assert.equal(await decide(id), 200)
  api.slack.workspace.channels[0]!.isArchived = false
  await shown('gate:approve', id, /✅ Approved/)
})

test('a card and a gate that somebody deleted are posted again', async () => {
  const id = await startedDrill(api)
  api.announcer()
  const gate = await shown('gate:approve', id, /gate.approve/)
  const card = await shown('card', id, /Waiting/)
  await shown('log:1', id, /admitted/)
  api.slack.workspace.remove(card.ts)
  api.slack.workspace.remove(gate.ts)
  await decide(id)
  const again = await shown('gate:approve', id, /✅ Approved/)
  await shown('card', id, /THIS IS A DRILL/)
  assert.notEqual(again.ts, gate.ts)
  assert.equal(keys().filter(key => key === 'card').length, 1)
})

test('blocks that Slack does not take are told in plain text', async () => {
  api.slack.interfere((method, args) => method === 'chat.postMessage' && args['blocks'] ? { error: 'invalid_blocks' } : undefined)
  const id = await startedDrill(api)
  api.announcer()
  const gate = await until('the gate', () => api.message('gate:approve', id))
  assert.match(gate.text, /THIS IS A DRILL: Approval needed: promote\?/)
  assert.match(api.announcerLog(), /told in plain text/)
})

test('a drill that was refused, and what was before Slack was set up, is not announced', async () => {
  await db.store.pool.query('update slack_channels set since_ms = $1', [Date.now() + 3_600_000])
  const old = await startedDrill(api)
  api.announcer()
  try {
    api.temporal.refusals = [{ code: 'preflight.nobody', message: 'nobody holds approver' }]
    await api.call('POST', '/v1/drills', { as: 'commander', body: { runbook: 'failover', environment: 'lab2' } })
    await db.store.pool.query("insert into slack_channels values ('C0OTHER', 0) on conflict do nothing")
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.deepEqual(keys(), [])
    await db.store.pool.query('update slack_channels set since_ms = 0')
    await shown('card', old, /THIS IS A DRILL/)
    assert.ok(!api.slack.workspace.messages.some(message => textOf(message).includes('LAB2')), 'nothing of the refused one')
  } finally {
    await db.store.pool.query('update slack_channels set since_ms = 0')
  }
})

test('a token that Slack does not take is said once, with what to do, and never logged', async () => {
  api.slack.interfere(() => ({ error: 'invalid_auth' }))
  await startedDrill(api)
  api.announcer()
  await until('a complaint', () => api.announcerLog().includes('Install the app again and set MUSTER_SLACK_TOKEN'))
  assert.doesNotMatch(api.announcerLog() + api.log(), /xoxb-test|8f742231/)
})
