import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recoveryClock } from '../src/drill/clock.js'
import { clockLevel, foldStatus, statusOf, withClock, type DrillStatus } from '../src/drill/status.js'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { ana, ben, drillEvents, drillStart, numbered, type Ending } from './fixtures/events.js'

const endings: Ending[] = ['passed', 'passed-with-findings', 'failed', 'left-behind', 'aborted', 'invalid', 'blind', 'refused']
const passed = drillEvents('passed')
const gateAt = passed.findIndex(event => event.type === 'gate.opened')
/** The drill of the fixture up to its open gate, and what came then. */
const atGate = (...bodies: EventBody[]): DrillStatus => statusOf([
  ...passed.slice(0, gateAt + 1), ...numbered(drillStart + 7000, bodies.map(body => [0, body])).map(event => ({ ...event, seq: event.seq + gateAt + 1 })),
])!
const vote = (person: { id: string, name: string }, answer: 'approve' | 'reject' = 'approve'): EventBody => ({ type: 'gate.decided', step: 'approve-failover', person, answer, door: 'api', verified: true })

test('after every event the status is what folding one by one gives, and nothing is changed in the events', () => {
  for (const ending of endings) {
    const events = frozen(drillEvents(ending))
    let running: DrillStatus | undefined
    events.forEach((event, index) => {
      running = foldStatus(running, event)
      const soFar = events.slice(0, index + 1)
      assert.deepEqual(withClock(structuredClone(running!), recoveryClock(soFar)), statusOf(soFar), `${ending}, event ${event.seq}`)
    })
  }
})

test('any part of a timeline folds, in any order', () => {
  fc.assert(fc.property(fc.shuffledSubarray(endings.flatMap(ending => drillEvents(ending)), { maxLength: 60 }), events => {
    const status = statusOf(events)
    assert.equal(status !== undefined, events.some(event => event.type === 'drill.started'))
  }))
})

test('before the start there is no status', () => {
  assert.equal(statusOf([]), undefined)
  assert.equal(statusOf(passed.slice(1)), undefined)
})

test('a drill that begins has all its steps planned', () => {
  const status = statusOf(passed.slice(0, 1))!
  assert.deepEqual([status.phase, status.seq, status.steps.length], ['admission', 1, 10])
  assert.ok(status.steps.every(step => step.state === 'planned'))
})

test('each ending leaves each step as it went', () => {
  const states = (ending: Ending): string => statusOf(drillEvents(ending))!.steps.map(step => step.state).join(' ')
  assert.equal(states('passed'), Array(10).fill('passed').join(' '))
  assert.equal(states('aborted'), 'passed passed passed aborted planned planned planned planned planned planned')
  assert.equal(states('refused'), Array(10).fill('planned').join(' '))
  assert.equal(states('failed'), 'passed passed passed passed passed passed passed passed failed passed')
})

test('a step keeps when it began and ended, how often it was tried and what was seen', () => {
  const step = statusOf(passed)!.steps.find(step => step.id === 'fence')!
  assert.deepEqual([step.endedAtMs! - step.startedAtMs!, step.attempts, step.summary, step.expectedMs], [360, 1, 'pg1 is dead and may not start', 400])
})

test('a skipped step says why', () => {
  assert.deepEqual(pick(atGate({ type: 'step.skipped', step: 'fence', reason: 'unless: it is fenced' }), 'fence'), ['skipped', 'unless: it is fenced'])
})

test('a step that failed has its error', () => {
  const error = { code: 'component.unreachable', message: 'pg2 does not answer' }
  assert.deepEqual(atGate({ type: 'step.finished', step: 'fence', outcome: 'failed', summary: 'x', error }).steps.find(step => step.id === 'fence')!.error, error)
})

test('an open gate waits with all that one must know to answer it', () => {
  assert.deepEqual(atGate().waitingFor, [{
    step: 'approve-failover',
    kind: 'gate',
    title: 'promote the standby',
    roles: ['approver'],
    approvals: 1,
    approved: 0,
    votes: [],
    deadlineAtMs: drillStart + 606_250,
    effect: 'pg2 becomes the primary and the endpoint moves to it',
    risk: 'writes that pg1 acknowledged alone are lost',
    onTimeout: 'abort',
    command: 'muster approve database-primary-failure-20261120-k3v9qa approve-failover',
  }])
  assert.equal(pick(atGate(), 'approve-failover')[0], 'waiting')
})

test('the vote of a second person is counted beside the first; a rejection is shown and counts as no approval', () => {
  const [gate] = atGate(vote(ben), vote(ana), vote({ id: 'cai', name: 'Cai Wen' }, 'reject')).waitingFor
  assert.equal(gate!.approved, 2)
  assert.deepEqual(gate!.votes, [{ name: 'Ben Okafor', answer: 'approve' }, { name: 'Ana Lima', answer: 'approve' }, { name: 'Cai Wen', answer: 'reject' }])
})

test('a gate that is held beyond its deadline is overdue, and still open', () => {
  assert.equal(atGate().waitingFor[0]!.overdue, undefined)
  assert.equal(atGate({ type: 'gate.overdue', step: 'approve-failover' }).waitingFor[0]!.overdue, true)
})

test('an escalated gate takes one role more and has a new deadline', () => {
  const [gate] = atGate({ type: 'gate.escalated', step: 'approve-failover', role: 'management', deadlineAtMs: 99 }).waitingFor
  assert.deepEqual([gate!.roles, gate!.deadlineAtMs], [['approver', 'management'], 99])
})

test('a gate that is closed, and a task that is confirmed or over, wait no more', () => {
  const task: EventBody = { type: 'task.opened', step: 'fence', instructions: 'pull the plug', role: 'engineer', deadlineAtMs: 5 }
  const waits = (...bodies: EventBody[]): string[] => atGate(...bodies).waitingFor.map(waiting => waiting.step)
  assert.deepEqual(waits(task), ['approve-failover', 'fence'])
  assert.deepEqual(waits(task, { type: 'gate.closed', step: 'approve-failover', outcome: 'approved' }), ['fence'])
  assert.deepEqual(waits(task, { type: 'task.confirmed', step: 'fence', person: ben, door: 'api' }), ['approve-failover'])
  assert.deepEqual(waits(task, { type: 'step.finished', step: 'fence', outcome: 'failed', summary: 'nobody confirmed' }), ['approve-failover'])
  assert.deepEqual(waits(task, { type: 'drill.ended', verdict: 'aborted', why: 'x' }), [])
  assert.deepEqual(atGate(task).waitingFor[1]!.command, 'muster done database-primary-failure-20261120-k3v9qa fence')
})

test('messages about a gate that is not open change nothing', () => {
  const before = statusOf(passed.slice(0, 1))!
  const late: EventBody[] = [vote(ben), { type: 'gate.overdue', step: 'approve-failover' }, { type: 'undo.started', entry: 'nobody' }, { type: 'step.started', step: 'nobody' }]
  const after = statusOf([passed[0]!, ...late.map((body): DrillEvent => ({ seq: 1, atMs: drillStart, ...body }))])!
  assert.deepEqual(after, before)
})

test('what was left behind stands on top with the command for a person, and in the ledger', () => {
  const status = statusOf(drillEvents('left-behind'))!
  assert.deepEqual(status.leftBehind, [{ entry: 'promote', title: 'fail back to pg1', byHand: 'make pg1 a streaming standby, stop pg2, promote pg1, and switch HAProxy', message: 'pg1 does not stream within 2m' }])
  assert.deepEqual(status.ledger.filter(line => line.state === 'left-behind').map(line => [line.entry, line.summary]), [['promote', 'pg1 does not stream within 2m']])
  assert.deepEqual(statusOf(passed)!.leftBehind, [])
})

test('the ledger holds what is owed from before the action until its undo is proven', () => {
  const at = (type: DrillEvent['type'], entry: string): string | undefined => {
    const index = passed.findIndex(event => event.type === type && 'entry' in event && event.entry === entry)
    return statusOf(passed.slice(0, index + 1))!.ledger.find(line => line.entry === entry)?.state
  }
  assert.deepEqual([at('undo.owed', 'fence'), at('undo.started', 'fence'), at('undo.finished', 'fence')], ['owed', 'undoing', 'undone'])
})

test('the outage runs from its first failed probe until it is over', () => {
  const upTo = (type: DrillEvent['type'], last = false): number | undefined => {
    const isOne = (event: DrillEvent): boolean => event.type === type
    return statusOf(passed.slice(0, (last ? passed.findLastIndex(isOne) : passed.findIndex(isOne)) + 1))!.outageSinceMs
  }
  assert.equal(upTo('fault.struck'), undefined)
  assert.equal(upTo('probe.down'), drillStart + 4690)
  assert.equal(upTo('probe.up'), drillStart + 4690)
  assert.equal(upTo('probe.up', true), undefined)
})

test('an ended drill has its verdict, its reason and its findings', () => {
  const status = statusOf(drillEvents('passed-with-findings'))!
  assert.deepEqual([status.phase, status.verdict, status.why], ['ended', 'passed-with-findings', 'the alert came 1.4 s after the first failed probe, 1 s is wanted'])
  assert.deepEqual(status.findings, [{ severity: 'minor', text: status.why, step: 'detect' }])
  assert.equal(status.endedAtMs, drillEvents('passed-with-findings').at(-1)!.atMs)
})

test('the clock is near its objective from four fifths of it and over beyond it', () => {
  const levels = [0, 47_999, 48_000, 60_000, 60_001].map(ms => clockLevel(ms, { rto: '60s' }))
  assert.deepEqual(levels, ['good', 'good', 'near', 'near', 'over'])
  assert.equal(clockLevel(1e9, {}), 'good')
})

function pick (status: DrillStatus, id: string): [string, string | undefined] {
  const { state, summary } = status.steps.find(step => step.id === id)!
  return [state, summary]
}

/** Frozen to the bottom: a fold that wrote into an event would throw. */
function frozen<T> (value: T): T {
  if (value !== null && typeof value === 'object') Object.values(Object.freeze(value)).forEach(frozen)
  return value
}
