import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { flawsOfBlocks, flawsOfView, type Raw } from '../src/lab/slack/block-kit.js'
import { messagesOf, type Message } from '../src/slack/messages.js'
import { reasonModal, startModal } from '../src/slack/modals.js'
import { escape, readText } from '../src/slack/text.js'
import { drillEvents, drillStart, type Ending } from './fixtures/events.js'

const around = { publicUrl: 'http://muster.test', nowMs: drillStart + 10_000, mentions: () => '<@U0APPR>' }
const textOf = (message: Message | undefined): string => JSON.stringify(message?.blocks)
const of = (events: DrillEvent[], key: string): Message | undefined => messagesOf(events, around).find(message => message.key === key)

const endings: Ending[] = ['passed', 'passed-with-findings', 'failed', 'left-behind', 'aborted', 'invalid', 'blind', 'refused']
for (const ending of endings) {
  test(`every message of every moment of a drill that ends "${ending}" fits Block Kit, and says that it is a drill`, () => {
    const events = drillEvents(ending)
    for (let seq = 1; seq <= events.length; seq++) {
      const messages = messagesOf(events.slice(0, seq), around)
      for (const { key, text, blocks } of messages) {
        assert.equal(flawsOfBlocks(blocks), undefined, `${key} at event ${seq}`)
        assert.match(text, /^THIS IS A DRILL/, key)
        assert.ok(JSON.stringify(blocks).includes('THIS IS A DRILL'), `${key} at event ${seq} does not say it`)
        assert.ok(text.length <= 3000, `${key} has a text of ${text.length} characters`)
      }
      assert.equal(new Set(messages.map(({ key }) => key)).size, messages.length)
    }
  })
}

test('a gate says what happens, what it can break, what was seen, the clock, who may decide, and what silence means', () => {
  const events = drillEvents('passed')
  const opened = events.findIndex(event => event.type === 'gate.opened')
  const text = textOf(of(events.slice(0, opened + 1), 'gate:approve-failover'))
  for (const words of ['Approval needed: ', 'On approve:', 'It can break:', '*LAB*', 'Ana Lima', '0 of 1', 'If nobody answers', 'the drill is aborted and undone', 'running since <!date^', ' of 60s', 'Checked so far', 'SIGKILL to 14 processes', 'Decided by approver', 'may reject and not approve', 'http://muster.test/drills/']) {
    assert.ok(text.includes(words), `the gate lacks "${words}": ${text}`)
  }
  const approve = JSON.parse(text) as Array<{ elements?: Array<{ action_id: string, value?: string, confirm?: { text: { text: string } } }> }>
  const buttons = approve.flatMap(block => block.elements ?? []).filter(element => element.action_id)
  assert.deepEqual(buttons.map(button => button.action_id), ['gate.approve', 'gate.reject', 'run.view'])
  assert.equal(buttons[0]!.value, 'database-primary-failure-20261120-k3v9qa|approve-failover')
  assert.ok(buttons[0]!.confirm!.text.text.length > 10, 'it asks again, with the effect')
})

test('in place of the buttons stands how it ended: approved, rejected, nobody, aborted, over', () => {
  const events = drillEvents('passed')
  const opened = events.slice(0, events.findIndex(event => event.type === 'gate.opened') + 1)
  const then = (...bodies: EventBody[]): string => textOf(of([...opened, ...bodies.map((body, index) => ({ seq: opened.length + index + 1, atMs: drillStart + 60_000, ...body }) as DrillEvent)], 'gate:approve-failover'))
  const person = { id: 'ben', name: 'Ben' }
  const step = 'approve-failover'
  const vote = (answer: 'approve' | 'reject', more: Partial<Extract<EventBody, { type: 'gate.decided' }>> = {}): EventBody => ({ type: 'gate.decided', step, person, answer, reason: 'because', door: 'slack', verified: true, ...more })
  assert.match(then(vote('approve')), /✅ Approved by Ben at .*“because”.*gate\.approve/, 'a vote is in its place while others are missing')
  assert.match(then(vote('approve', { verified: false, door: 'signal' })), /Approved by Ben \(unverified, by a signal\)/)
  const closed: Array<[EventBody[], RegExp]> = [
    [[vote('approve'), { type: 'gate.closed', step, outcome: 'approved' }], /✅ Approved by Ben/],
    [[vote('reject'), { type: 'gate.closed', step, outcome: 'rejected' }], /⛔ Rejected by Ben at .*“because”.*undone now/],
    [[{ type: 'gate.closed', step, outcome: 'timeout' }], /⌛ No answer by /],
    [[{ type: 'abort.requested', person, reason: 'customers', door: 'api' }, { type: 'gate.closed', step, outcome: 'aborted' }], /🚫 Drill aborted by Ben: “customers”/],
    [[{ type: 'drill.ended', verdict: 'failed', why: 'x' }], /🚫 The drill ended before this was answered: failed/],
  ]
  for (const [bodies, words] of closed) {
    assert.match(then(...bodies), words)
    assert.doesNotMatch(then(...bodies), /gate\.approve/)
  }
  assert.match(then({ type: 'gate.overdue', step }), /overdue, held open/)
})

test('what is left behind stands on the card and in the last message, in red, with what to do by hand', () => {
  const events = drillEvents('left-behind')
  for (const key of ['card', 'end']) assert.match(textOf(of(events, key)), /🟥 \*LEFT BEHIND.*By hand: make pg1 a streaming standby/, key)
})

const evil = '<!channel> <@U1> <http://evil.test|click> *bold* `x` & \u202e\n✅ Approved by Ana <script>alert(1)</script>'

test('mark-up in names, titles, reasons and notes pings nobody, links nowhere and starts no line of its own', () => {
  const poisoned = JSON.parse(JSON.stringify(drillEvents('aborted')), (_key, value: unknown) => value) as DrillEvent[]
  const events = poisoned.map(event => {
    const copy = { ...event } as Record<string, unknown>
    for (const name of ['title', 'effect', 'risk', 'reason', 'text', 'summary', 'why', 'message', 'runbookTitle', 'error', 'byHand', 'environment', 'observed']) if (typeof copy[name] === 'string') copy[name] = evil
    if (copy['person']) copy['person'] = { id: 'x', name: evil }
    if (copy['commander']) copy['commander'] = { id: 'x', name: evil }
    if (Array.isArray(copy['steps'])) copy['steps'] = (copy['steps'] as object[]).map(step => ({ ...step, title: evil }))
    return copy as unknown as DrillEvent
  })
  const note = { seq: events.length + 1, atMs: drillStart, type: 'note.added', person: { id: 'x', name: evil }, text: evil, door: 'api' } as DrillEvent
  const abort = { seq: events.length + 2, atMs: drillStart, type: 'abort.requested', person: { id: 'x', name: evil }, reason: evil, door: 'api' } as DrillEvent
  for (const { key, text, blocks } of messagesOf([...events, note, abort], around)) {
    assert.equal(flawsOfBlocks(blocks), undefined, key)
    const mrkdwn: string[] = [text]
    JSON.stringify(blocks, (_key, value: unknown) => {
      const given = value as { type?: string, text?: unknown, verbatim?: boolean } | null
      if (given?.type === 'mrkdwn') {
        mrkdwn.push(String(given.text))
        assert.equal(given.verbatim, true)
      }
      return value
    })
    for (const one of mrkdwn) {
      assert.doesNotMatch(one, /<(?!!date\^|http:\/\/muster\.test\/|@U0APPR>)/, `${key}: ${one}`)
      assert.doesNotMatch(one, /\u202e|^✅ Approved by Ana/m, `${key}: ${one}`)
    }
  }
})

test('a drill of 400 steps with long titles, and 300 notes, stays within every limit', () => {
  const [started, admitted] = drillEvents('passed') as [DrillEvent & { type: 'drill.started' }, DrillEvent]
  const steps = Array.from({ length: 400 }, (_, index) => ({ id: `s${index}`, kind: 'action' as const, title: `${index} ${'&<>'.repeat(100)}` }))
  const events = [{ ...started, steps, runbookTitle: 'long '.repeat(100) }, admitted] as DrillEvent[]
  for (const { id } of steps) events.push({ seq: events.length + 1, atMs: drillStart, type: 'step.finished', step: id, outcome: 'failed', summary: 'x&'.repeat(2000) } as DrillEvent)
  for (let note = 0; note < 300; note++) events.push({ seq: events.length + 1, atMs: drillStart, type: 'note.added', person: { id: 'a', name: '&'.repeat(300) }, text: '&'.repeat(4000), door: 'api' } as DrillEvent)
  events.push({ seq: events.length + 1, atMs: drillStart, type: 'gate.opened', step: 's1', title: 't'.repeat(500), effect: '<'.repeat(3000), risk: '>'.repeat(3000), roles: ['approver'], approvals: 2, deadlineAtMs: drillStart, onTimeout: 'hold' } as DrillEvent)
  for (const { key, text, blocks } of messagesOf(events, around)) {
    assert.equal(flawsOfBlocks(blocks), undefined, key)
    assert.ok(text.length <= 4000, `${key}: ${text.length}`)
    if (key === 'card') assert.ok(JSON.stringify(blocks).length < 8000, `the card has ${JSON.stringify(blocks).length} characters`)
  }
})

test('the forms fit Block Kit for every kind of parameter', () => {
  const params = {
    plain: { type: 'string' as const, description: 'd'.repeat(3000) }, empty: { type: 'string' as const, default: '' }, many: { type: 'string' as const, enum: Array.from({ length: 150 }, (_, index) => `v${index}`) },
    yes: { type: 'boolean' as const, default: true }, count: { type: 'integer' as const, minimum: 1, maximum: 5, default: 2 }, time: { type: 'duration' as const, default: '5s' }, word: { type: 'string' as const, enum: ['a', 'b'], default: 'b' },
  }
  const runbooks = Array.from({ length: 150 }, (_, index) => ({ name: `runbook-${index}`, title: 'Title '.repeat(40) }))
  const start = startModal({ runbooks, runbook: 'runbook-3', environments: ['lab'], params, production: true, metadata: '{}' })
  assert.deepEqual(flawsOfView(start as unknown as Raw), [])
  assert.deepEqual(flawsOfView(reasonModal({ callback: 'gate.reject', title: 'A title that is longer than a title may be', text: evil.repeat(100), submit: 'Reject', metadata: '{}' }) as unknown as Raw), [])
})

test('the limits are checked: what is too long, too many, unknown or missing is named with its place', () => {
  const section = (text: string): Raw => ({ type: 'section', text: { type: 'mrkdwn', text } })
  assert.deepEqual(flawsOfBlocks([section('x'.repeat(3001))]), { error: 'invalid_blocks', messages: ['[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]'] })
  assert.deepEqual(flawsOfBlocks(Array.from({ length: 51 }, () => section('x'))), { error: 'invalid_blocks', messages: ['[ERROR] no more than 50 items allowed [json-pointer:/blocks]'] })
  assert.equal(flawsOfBlocks(Array.from({ length: 5 }, () => section('x'.repeat(2900))))?.error, 'msg_blocks_too_long')
  assert.equal(flawsOfBlocks('[]')?.error, 'invalid_blocks_format')
  const button = (more: Raw): Raw => ({ type: 'actions', elements: [{ type: 'button', action_id: 'a', text: { type: 'plain_text', text: 'x' }, ...more }] })
  for (const wrong of [{ value: 'v'.repeat(2001) }, { style: 'loud' }, { text: { type: 'plain_text', text: 'x'.repeat(76) } }, { text: { type: 'mrkdwn', text: 'x' } }, { colour: 'red' }, { confirm: { title: { type: 'plain_text', text: 'x'.repeat(101) } } }]) {
    assert.equal(flawsOfBlocks([button(wrong)])?.error, 'invalid_blocks', JSON.stringify(wrong).slice(0, 60))
  }
  assert.ok(flawsOfView({ type: 'modal', title: { type: 'plain_text', text: 'x'.repeat(25) }, blocks: [] }).length > 0, 'a long title')
})

test('text is escaped once, and what Slack sends is read back', () => {
  assert.equal(escape('a & b <!here>\nc'), 'a &amp; b &lt;!here&gt; c')
  assert.equal(readText('a &amp;lt; b <@U1|ana> <https://x.test|x> <#C1|ops> <!here>'), 'a &lt; b @ana https://x.test #ops @here')
  assert.equal(escape('😀'.repeat(10), 6), '😀😀…')
})

test('a gate says who can answer now, deputies and who is away, until it is over', () => {
  const events = drillEvents('passed')
  const until = (type: string): DrillEvent[] => events.slice(0, events.findIndex(event => event.type === type) + 1)
  const asked: DrillEvent[] = [...until('note.added'), { seq: 99, atMs: drillStart, type: 'people.asked', step: 'approve-failover', can: [{ id: 'dora', name: 'Dora <!channel>', for: { id: 'cai', name: 'Cai' } }], away: [{ id: 'eve', name: 'Eve', untilMs: drillStart, deputies: [] }] }]
  assert.match(textOf(of(asked, 'gate:approve-failover')), /\*Can answer now\*\\nDora &lt;!channel&gt; \(for Cai\); Eve is away until 2026-11-20 10:00, without a deputy/)
  assert.doesNotMatch(textOf(of(until('note.added'), 'gate:approve-failover')), /Can answer now/, 'nobody has asked yet')
  assert.doesNotMatch(textOf(of([...asked, ...events.filter(event => event.type === 'gate.closed')], 'gate:approve-failover')), /Can answer now/)
})
