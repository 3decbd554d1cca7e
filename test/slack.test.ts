import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { sign } from '../src/lab/slack/app-door.js'
import { botUser, type Message } from '../src/lab/slack/workspace.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { whyUnsigned } from '../src/slack/signature.js'
import { startHttpStore, type HttpStore } from './fixtures/http.js'
import { channel, secret, startedDrill, startSlackApi, until, users, type SlackApi } from './fixtures/slack.js'

let db: HttpStore
let api: SlackApi
let drillId: string

before(async () => { db = await startHttpStore() })
after(async () => { await db?.stop() })
beforeEach(async () => {
  api = await startSlackApi(db)
  // The store is one for the whole file: what other tests started is over.
  await db.store.pool.query("update drills set phase = 'ended' where phase <> 'ended'")
  drillId = await startedDrill(api)
})
afterEach(async () => { await api.stopAll() })

/** A message with buttons in the channel, as the announcer posts it. */
function gateMessage (): Message {
  return api.slack.workspace.add({
    channel, text: 'gate', user: botUser, broadcast: true,
    blocks: [{ type: 'actions', elements: ['gate.approve', 'gate.reject', 'run.view', 'drill.abort'].map(id => ({ type: 'button', action_id: id, text: { type: 'plain_text', text: id }, value: id === 'drill.abort' ? drillId : `${drillId}|approve` })) }],
  })
}

const events = (): DrillEvent[] => api.temporal.drills.get(drillId)!.events
const decided = (): string[] => events().flatMap(event => event.type === 'gate.decided' ? [`${event.person.id} ${event.answer} ${event.door} ${event.reason ?? ''}`.trim()] : [])
const decisions = (): number => api.temporal.calls.filter(call => call.startsWith('decide')).length
const codeOf = async (answer: Response): Promise<string> => `${answer.status} ${((await answer.json()) as { error: { code: string } }).error.code}`

async function send (path: string, body: string, change: { timestamp?: number, signature?: string | null, sent?: string, type?: string } = {}): Promise<Response> {
  const timestamp = String(change.timestamp ?? Math.floor(Date.now() / 1000))
  const signature = change.signature === undefined ? sign(secret, timestamp, body) : change.signature
  return await fetch(`${api.url}/slack/${path}`, {
    method: 'POST', body: change.sent ?? body,
    headers: { 'content-type': change.type ?? 'application/x-www-form-urlencoded', 'x-slack-request-timestamp': timestamp, ...signature === null ? {} : { 'x-slack-signature': signature } },
  })
}

test('the vector of Slack’s own SDK is proven, and one letter less is not', () => {
  const body = 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
  const proof = { signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503', timestamp: '1531420618' }
  assert.equal(whyUnsigned(secret, { ...proof, body: Buffer.from(body) }, 1531420618_000), undefined)
  assert.match(whyUnsigned(secret, { ...proof, body: Buffer.from(body.slice(0, -1)) }, 1531420618_000) ?? '', /does not fit/)
})

test('forged, unsigned, stale, future, truncated and re-encoded requests are answered 401, and none is carried out', async () => {
  const body = api.slack.app.clickBody(users.approver, gateMessage(), 'gate.approve', `${drillId}|approve`)
  const now = Math.floor(Date.now() / 1000)
  const cases: Array<[string, Parameters<typeof send>[2]]> = [
    ['forged', { signature: sign('another secret altogether', String(now), body), timestamp: now }],
    ['no signature', { signature: null }],
    ['an empty one', { signature: 'v0=' }],
    ['of another version', { signature: sign(secret, String(now), body).replace('v0', 'v1'), timestamp: now }],
    ['stale', { timestamp: now - 302 }],
    ['future', { timestamp: now + 302 }],
    ['truncated', { sent: body.slice(0, -1) }],
    ['longer', { sent: `${body}&x=1` }],
    ['re-encoded', { sent: body.replaceAll('%22', '"') }],
    ['signed for another time', { timestamp: now, signature: sign(secret, String(now - 1), body) }],
  ]
  for (const [name, change] of cases) assert.equal(await codeOf(await send('actions', body, change)), '401 slack.signature', name)
  assert.equal(decisions(), 0)
  assert.equal(await codeOf(await send('actions', body, { timestamp: Number.NaN, signature: 'v0=00' })), '401 slack.signature')
  // The other two addresses are guarded the same way.
  for (const path of ['commands', 'events']) assert.equal(await codeOf(await send(path, body, { signature: 'v0=00' })), '401 slack.signature', path)
  assert.equal((await send('actions', body)).status, 200, 'as it is, it is taken')
  await until('the vote', () => decided().length === 1)
})

test('a replayed request is answered 409 and counts once, also after the API has started anew', async () => {
  const body = api.slack.app.clickBody(users.approver, gateMessage(), 'gate.approve', `${drillId}|approve`)
  const timestamp = Math.floor(Date.now() / 1000)
  assert.equal((await send('actions', body, { timestamp })).status, 200)
  await until('the vote', () => decided().length === 1)
  assert.equal(await codeOf(await send('actions', body, { timestamp })), '409 slack.replayed')
  const other = await startSlackApi(db)
  try {
    const answer = await fetch(`${other.url}/slack/actions`, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-slack-request-timestamp': String(timestamp), 'x-slack-signature': sign(secret, String(timestamp), body) } })
    assert.equal(await codeOf(answer), '409 slack.replayed')
    assert.equal(other.temporal.calls.length, 0)
  } finally {
    await other.stopAll()
  }
  assert.deepEqual(decided(), ['approver approve slack'])
})

test('what is signed and has a wrong shape is answered 400, and nothing happens', async () => {
  for (const [path, body] of [['actions', 'payload=%7B'], ['actions', 'x=1'], ['actions', `payload=${encodeURIComponent('{"type":"block_actions","user":{"id":"U1"}}')}`], ['commands', 'text=abort']] as const) {
    assert.equal(await codeOf(await send(path, body)), '400 input.invalid', body)
  }
  assert.equal((await send('events', '{"type":"url_verification","challenge":"abc"}', { type: 'application/json' })).status, 200)
  assert.equal(decisions(), 0)
})

test('an approval by its button counts as the person’s, through the door slack', async () => {
  const answer = await api.slack.app.click(users.approver, gateMessage(), 'gate.approve')
  assert.deepEqual([answer.status, answer.text], [200, ''])
  await until('the vote', () => decided().length === 1)
  assert.deepEqual(decided(), ['approver approve slack'])
  assert.deepEqual(api.told(users.approver), [])
})

const refusals: Array<[string, keyof typeof users, RegExp]> = [
  ['who started the drill', 'commander', /^⛔ COMMANDER started this drill and may not approve its gates; ask somebody else who is approver$/],
  ['somebody without the role', 'observer', /^⛔ OBSERVER may not do that \(gate.decide\)/],
  ['somebody with another role', 'management', /^⛔ gate "approve" is decided by approver; MANAGEMENT is management/],
  ['somebody who is nobody', 'stranger', /^⛔ Muster does not know who you are, so nothing was done. Ask an admin to run: muster people link YOUR-ID --slack U0STRA$/],
  ['a deactivated account', 'left', /^⛔ this Slack account is deactivated, a bot, or of another company/],
  ['an address that the account has not proven', 'unproven', /^⛔ Muster does not know who you are/],
]
for (const [who, user, words] of refusals) {
  test(`a click by ${who} is refused in plain words, to them alone`, async () => {
    const message = gateMessage()
    assert.equal((await api.slack.app.click(users[user], message, 'gate.approve')).status, 200)
    const [said] = await until('a refusal', () => api.told(users[user]).length > 0 && api.told(users[user]))
    assert.match(said!, words)
    assert.deepEqual(decided(), [])
    assert.equal(api.slack.workspace.find(channel, message.ts)!.edits, 0, 'the message is as it was for the others')
    assert.equal(api.slack.workspace.whispers.filter(whisper => whisper.user !== users[user]).length, 0, 'nobody else is told')
  })
}

test('a double click and two people at once are one decision; who is late hears who decided', async () => {
  await api.call('POST', '/v1/people/management/keys', { as: 'admin', body: {} })
  await db.store.pool.query("update people set roles = '{management,approver}' where id = 'management'")
  try {
    const message = gateMessage()
    await Promise.all([api.slack.app.click(users.approver, message, 'gate.approve'), api.slack.app.click(users.approver, message, 'gate.approve'), api.slack.app.click(users.management, message, 'gate.approve')])
    await until('two refusals', () => api.told(users.approver).length + api.told(users.management).length === 2)
    assert.equal(decided().length, 1)
    for (const text of [...api.told(users.approver), ...api.told(users.management)]) assert.match(text, /gate "approve" is already closed: approved by (APPROVER|MANAGEMENT)/)
  } finally {
    await db.store.pool.query("update people set roles = '{management}' where id = 'management'")
  }
})

test('a click after the end says so', async () => {
  await api.temporal.end(drillId)
  await api.slack.app.click(users.approver, gateMessage(), 'gate.approve')
  const [said] = await until('a refusal', () => api.told(users.approver).length > 0 && api.told(users.approver))
  assert.equal(said, `⛔ drill ${drillId} has ended`)
})

test('a proven e-mail address is enough to be somebody', async () => {
  await api.slack.app.command(users.mail, channel, `note ${drillId} seen by mail`)
  await until('the note', () => events().some(event => event.type === 'note.added' && event.person.id === 'engineer' && event.text === 'seen by mail'))
})

test('a rejection asks for a reason first; what is refused stands in the form', async () => {
  const message = gateMessage()
  await api.slack.app.click(users.management, message, 'gate.reject')
  await until('the form', () => api.slack.workspace.modals.get(users.management))
  assert.equal((await api.slack.app.submit(users.management, { reason: '  ' })).text, '{"response_action":"errors","errors":{"reason":"Say why, in a few words"}}')
  await api.slack.app.submit(users.management, { reason: 'not now' })
  assert.match(api.slack.workspace.modals.get(users.management)!.errors['reason']!, /gate "approve" is decided by approver/)
  await api.slack.app.click(users.approver, message, 'gate.reject')
  await until('the form', () => api.slack.workspace.modals.get(users.approver))
  assert.equal((await api.slack.app.submit(users.approver, { reason: 'lag of <!channel> 40 s' })).text, '')
  assert.deepEqual(decided(), ['approver reject slack lag of <!channel> 40 s'])
  assert.equal(api.slack.workspace.modals.has(users.approver), false)
})

test('Slack is answered at once, whatever Temporal does, and the clicker hears of it later', async () => {
  let release = (): void => {}
  const held = new Promise<void>(resolve => { release = resolve })
  const decide = api.temporal.decide.bind(api.temporal)
  api.temporal.decide = async (...args) => { await held; return await decide(...args) }
  const answer = await api.slack.app.click(users.commander, gateMessage(), 'gate.approve')
  assert.ok(answer.status === 200 && answer.tookMs < 3000, `answered ${answer.status} after ${answer.tookMs} ms`)
  await api.slack.app.click(users.approver, gateMessage(), 'gate.reject')
  await until('the form', () => api.slack.workspace.modals.get(users.approver))
  const form = await api.slack.app.submit(users.approver, { reason: 'slow' })
  assert.ok(form.text === '' && form.tookMs < 3000, `the form heard ${form.text} after ${form.tookMs} ms`)
  release()
  await until('the refusal', () => api.told(users.commander).length === 1)
  await until('the vote', () => decided().length === 1)
})

test('Temporal away is told in words, and that a vote may count all the same', async () => {
  api.temporal.away = 'temporal.timeout'
  await api.slack.app.click(users.approver, gateMessage(), 'gate.approve')
  const [said] = await until('words', () => api.told(users.approver).length > 0 && api.told(users.approver))
  assert.match(said!, /^⛔ no worker answered. It may still be carried out: look at the card before you try again$/)
  api.temporal.away = 'boom'
  await api.slack.app.command(users.approver, channel, `note ${drillId} x`)
  await until('words', () => api.told(users.approver).length > 1)
  assert.equal(api.told(users.approver)[1], '⛔ A mistake of Muster’s own; its log says more')
})

test('/drill list, status, note and abort answer who typed them', async () => {
  const say = async (text: string, user = users.observer): Promise<string> => {
    const before = api.told(user).length
    await api.slack.app.command(user, channel, text)
    return await until(`an answer to ${text}`, () => api.told(user)[before])
  }
  assert.match(await say('list'), new RegExp(`THIS IS A DRILLs.*\\n• <http://muster.test/drills/${drillId}\\|${drillId}> \\*LAB\\* `))
  assert.match(await say('status'), /^THIS IS A DRILL: Database primary fails in LAB: waiting for approver$/)
  assert.match(await say('note lag is &lt;b&gt;0&lt;/b&gt; &amp; <@U0APPR|ana> agrees'), /^📌 It stands in the timeline of /)
  assert.ok(events().some(event => event.type === 'note.added' && event.text === 'lag is <b>0</b> & @ana agrees' && event.door === 'slack'), 'the note is as it was typed')
  assert.match(await say('abort'), /^⛔ say why: \/drill abort REASON$/)
  assert.match(await say(`abort ${drillId} customers are affected`), /is aborted; what it did is undone now/)
  assert.ok(events().some(event => event.type === 'abort.requested' && event.reason === 'customers are affected' && event.person.id === 'observer'), 'an abort by the observer')
  assert.match(await say('halt'), /^⛔ say why: \/drill halt REASON$/)
  assert.match(await say('halt a real incident'), /^🛑 Every drill is aborted now, and none starts until two people lift it: everything is halted by OBSERVER since .*: a real incident$/)
  assert.match(await say('halt again'), /^🛑 It was halted already: .*a real incident$/)
  assert.match(await say('halt x', users.stranger), /^⛔ Muster does not know who you are/)
  assert.match(await say('explode'), /^⛔ There is no `\/drill explode`/)
  assert.match(await say('list', users.stranger), /^⛔ Muster does not know who you are/)
  assert.match(await say('note nothing-20260101-abc123 x'), /^⛔ there is no drill nothing-20260101-abc123$/)
  assert.match(await say('start', users.observer), /^⛔ OBSERVER may not do that \(drill.start\)/)
})

test('/drill start opens a form of the runbook’s parameters; wrong ones stand beside their fields; it starts once', async () => {
  await api.slack.app.command(users.commander, channel, 'start failover lab2')
  const modal = await until('the form', () => api.slack.workspace.modals.get(users.commander))
  const blocks = modal.view['blocks'] as Array<{ block_id: string, element: { initial_option?: { value: string }, type: string } }>
  assert.deepEqual(blocks.map(block => [block.block_id, block.element.type]), [['runbook', 'static_select'], ['environment:failover', 'static_select'], ['param:failover:fault', 'static_select'], ['param:failover:count', 'number_input']])
  assert.equal(blocks[1]!.element.initial_option?.value, 'lab2')
  await api.slack.app.submit(users.commander, { 'param:failover:count': '9' })
  assert.deepEqual(api.slack.workspace.modals.get(users.commander)!.errors, { 'param:failover:count': 'parameter "count" takes a whole number from 1 to 3, not 9' })
  assert.equal((await api.slack.app.submit(users.commander, { 'param:failover:fault': 'freeze' })).text, '')
  const [said] = await until('an answer', () => api.told(users.commander).length > 0 && api.told(users.commander))
  const started = [...api.temporal.drills.values()].find(({ input }) => input.environment.name === 'lab2')!
  assert.match(said!, new RegExp(`^▶️ <http://muster.test/drills/${started.input.drillId}\\|`))
  assert.deepEqual([started.input.params, started.input.commander.id], [{ fault: 'freeze', count: 1 }, 'commander'])
  // Its environment is taken: the second one is told why, and nothing is started.
  await api.slack.app.command(users.commander, channel, 'start failover lab2')
  await until('the form', () => api.slack.workspace.modals.get(users.commander))
  await api.slack.app.submit(users.commander, {})
  await until('a refusal', () => api.told(users.commander)[1])
  assert.match(api.told(users.commander)[1]!, /^⛔ environment lab2 is held by drill /)
})

test('a 📌 puts a message onto the timeline once, however many pin it; a stranger’s does not', async () => {
  const { ts } = api.slack.workspace.add({ channel, text: 'replica lag is 0 s', user: users.observer, blocks: [], broadcast: false })
  assert.deepEqual(await api.slack.app.react(users.observer, channel, ts), [200])
  assert.deepEqual(await api.slack.app.react(users.approver, channel, ts), [200])
  assert.deepEqual(await api.slack.app.react(users.approver, channel, ts, 'eyes'), [200])
  const notes = events().filter(event => event.type === 'note.added')
  assert.deepEqual(notes.map(note => note.type === 'note.added' && note.text.startsWith('replica lag is 0 s (https://')), [true])
  assert.deepEqual(await api.slack.app.react(users.stranger, channel, ts), [200])
  assert.match(api.told(users.stranger)[0]!, /^⛔ Muster does not know who you are/)
  assert.equal(events().filter(event => event.type === 'note.added').length, 1)
})

test('a 📌 while Temporal is away is sent again by Slack, and counts once', async () => {
  const { ts } = api.slack.workspace.add({ channel, text: 'remember this', user: users.observer, blocks: [], broadcast: false })
  api.temporal.away = 'temporal.down'
  const reacting = api.slack.app.react(users.observer, channel, ts)
  await until('a first try', () => api.temporal.calls.some(call => call.startsWith('note')))
  api.temporal.away = undefined
  const heard = await reacting
  assert.deepEqual([heard[0], heard.at(-1)], [503, 200])
  assert.equal(events().filter(event => event.type === 'note.added').length, 1)
})

test('the button of a card aborts with a reason, and a link’s click does nothing', async () => {
  const message = gateMessage()
  await api.slack.app.click(users.observer, message, 'run.view')
  await api.slack.app.click(users.observer, message, 'drill.abort')
  await until('the form', () => api.slack.workspace.modals.get(users.observer))
  await api.slack.app.submit(users.observer, { reason: 'enough' })
  assert.ok(events().some(event => event.type === 'abort.requested' && event.reason === 'enough' && event.door === 'slack'), 'aborted')
})

test('an admin says which Slack user somebody is; nobody else may, and nobody is two people', async () => {
  const link = async (id: string, body: object, as = 'admin'): Promise<string> => {
    const { status, body: said } = await api.call('PUT', `/v1/people/${id}/slack`, { as, body })
    return status === 200 ? `200 ${String(said['slackUser'])} ${String(said['email'])}` : `${status} ${said.error.code}`
  }
  assert.equal(await link('engineer', { user: users.stranger }), '200 T0DRILL:U0STRA undefined', 'the workspace is the app’s')
  await api.slack.app.command(users.stranger, channel, `note ${drillId} now somebody`)
  await until('the note', () => events().some(event => event.type === 'note.added' && event.person.id === 'engineer'))
  assert.equal(await link('observer', { user: users.stranger }), '409 person.linked')
  assert.equal(await link('observer', { email: 'ENGINEER@example.org' }), '409 person.linked')
  assert.equal(await link('nix', { user: users.stranger }), '404 person.unknown')
  assert.equal(await link('observer', { user: 'ana' }), '400 input.invalid')
  assert.equal(await link('observer', { user: 'U0X' }, 'commander'), '403 auth.forbidden')
  assert.equal(await link('engineer', { user: null }), '200 null undefined')
})
