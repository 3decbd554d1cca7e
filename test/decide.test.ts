import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide, isRefused, type Decision, type GateState, type RefusalCode } from '../src/drill/decide.js'
import { roles, type Person, type Role } from '../src/drill/people.js'

const ana: Person = { id: 'ana', name: 'Ana Lima', roles: ['commander', 'approver'] }
const ben: Person = { id: 'ben', name: 'Ben Okafor', roles: ['approver'] }
const cai: Person = { id: 'cai', name: 'Cai Wen', roles: ['approver', 'engineer'] }
const olu: Person = { id: 'olu', name: 'Olu Ade', roles: ['observer'] }

const gate = (part: Partial<GateState> = {}): GateState => ({ step: 'approve', state: 'open', roles: ['approver'], approvals: 1, requester: 'ana', votes: [], ...part })
const by = (person: Person, part: Partial<Decision> = {}): Decision => ({ step: 'approve', answer: 'approve', person, door: 'api', key: `key-${person.id}`, ...part })
const guarded = { breakGlass: false }

/** Answers one after another; what is refused changes nothing. */
function answered (start: GateState, decisions: Decision[], options = guarded): GateState {
  return decisions.reduce((state, decision) => {
    const result = decide(state, decision, options)
    return isRefused(result) ? state : result.gate
  }, start)
}

function refusal (state: GateState, decision: Decision, options = guarded): RefusalCode | undefined {
  const result = decide(state, decision, options)
  return isRefused(result) ? result.refused.code : undefined
}

test('one approval closes a gate that asks for one, and says by whom', () => {
  const result = decide(gate(), by(ben), guarded)
  assert.ok(!isRefused(result))
  assert.deepEqual([result.outcome, result.gate.state, result.gate.closedBecause], ['approved', 'closed', 'approved by Ben Okafor'])
  assert.deepEqual(result.gate.votes, [{ person: 'ben', name: 'Ben Okafor', answer: 'approve', key: 'key-ben' }])
})

test('a quorum of two stays open after the first and names both at the end', () => {
  const first = decide(gate({ approvals: 2 }), by(ben), guarded)
  assert.ok(!isRefused(first))
  assert.deepEqual([first.outcome, first.gate.state], ['undecided', 'open'])
  const second = decide(first.gate, by(cai), guarded)
  assert.ok(!isRefused(second))
  assert.deepEqual([second.outcome, second.gate.closedBecause], ['approved', 'approved by Ben Okafor, Cai Wen'])
})

test('a rejection after an approval ends the gate and names who rejected', () => {
  const state = answered(gate({ approvals: 3 }), [by(ben), by(cai, { answer: 'reject', reason: 'lag' })])
  assert.deepEqual([state.state, state.closedBecause], ['closed', 'rejected by Cai Wen'])
})

test('each refusal has its code and a sentence that names what is missing', () => {
  const cases: Array<[RefusalCode, GateState, Decision, RegExp]> = [
    ['gate.notOpen', gate({ state: 'pending' }), by(ben), /not open yet/],
    ['gate.closed', gate({ state: 'closed', closedBecause: 'nobody answered in time' }), by(ben), /already closed: nobody answered in time/],
    ['gate.closed', gate({ state: 'closed' }), by(ben), /it was decided/],
    ['decision.requester', gate(), by(ana), /Ana Lima started this drill.*approver/],
    ['decision.role', gate({ roles: ['approver', 'management'] }), by(olu), /decided by approver or management; Olu Ade is observer/],
    ['decision.role', gate(), by({ ...olu, roles: [] }), /Olu Ade is nothing/],
    ['decision.twice', gate({ approvals: 2, votes: [{ person: 'ben', name: 'Ben Okafor', answer: 'approve', key: 'a' }] }), by(ben, { key: 'b' }), /has answered/],
    ['decision.unverified', gate(), by(ben, { door: 'signal' }), /break-glass/],
  ]
  for (const [code, state, decision, message] of cases) {
    const result = decide(state, decision, guarded)
    assert.ok(isRefused(result), code)
    assert.equal(result.refused.code, code)
    assert.match(result.refused.message, message)
  }
})

test('who started a drill may reject it, given the role', () => {
  assert.equal(answered(gate(), [by(ana, { answer: 'reject' })]).closedBecause, 'rejected by Ana Lima')
  assert.equal(refusal(gate(), by({ ...ana, roles: ['commander'] }, { answer: 'reject' })), 'decision.role')
})

test('a break-glass signal counts where the environment allows it', () => {
  assert.equal(refusal(gate(), by(ben, { door: 'signal' }), { breakGlass: true }), undefined)
})

const anyPerson: fc.Arbitrary<Person> = fc.record({
  id: fc.constantFrom('ana', 'ben', 'cai', 'dee', 'eve', 'fay'),
  roles: fc.subarray<Role>([...roles]),
}).map(person => ({ ...person, name: person.id.toUpperCase() }))
const anyDecision: fc.Arbitrary<Decision> = fc.record({
  step: fc.constant('approve'),
  answer: fc.constantFrom('approve', 'reject'),
  person: anyPerson,
  door: fc.constantFrom('api', 'slack', 'page', 'signal'),
  key: fc.string({ maxLength: 4 }),
})
const anyGate: fc.Arbitrary<GateState> = fc.record({
  step: fc.constant('approve'),
  state: fc.constantFrom('pending', 'open', 'closed'),
  roles: fc.subarray<Role>([...roles], { minLength: 1 }),
  approvals: fc.integer({ min: 1, max: 4 }),
  requester: fc.constantFrom('ana', 'ben'),
  votes: fc.constant([]),
})
const open = anyGate.map((state): GateState => ({ ...state, state: 'open' }))
const anyOptions = fc.record({ breakGlass: fc.boolean() })
const manyDecisions = fc.array(anyDecision, { maxLength: 16 })
const approvers = (state: GateState): string[] => state.votes.filter(vote => vote.answer === 'approve').map(vote => vote.person)

test('a requester never approves, whatever the roles, door and order', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    assert.ok(!approvers(answered(start, decisions, options)).includes(start.requester))
  }))
})

test('nobody has two votes, whatever the order and the keys', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    const voters = answered(start, decisions, options).votes.map(vote => vote.person)
    assert.equal(new Set(voters).size, voters.length)
  }))
})

test('a gate is approved by exactly as many different people as it asks for, each with one of its roles at that moment, and by no rejection', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    let state = start
    const counted = new Set<string>()
    for (const decision of decisions) {
      const result = decide(state, decision, options)
      if (isRefused(result)) continue
      assert.ok(decision.person.roles.some(role => start.roles.includes(role)))
      if (decision.answer === 'approve') counted.add(decision.person.id)
      assert.equal(result.outcome === 'approved', decision.answer === 'approve' && counted.size === start.approvals)
      assert.equal(result.gate.state, result.outcome === 'undecided' ? 'open' : 'closed')
      state = result.gate
    }
  }))
})

test('one rejection that counts ends the gate, and nothing counts after it', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    const { votes, state } = answered(start, decisions, options)
    const at = votes.findIndex(vote => vote.answer === 'reject')
    if (at < 0) return
    assert.equal(at, votes.length - 1)
    assert.equal(state, 'closed')
  }))
})

test('nothing is ever decided on a gate that is pending or closed', () => {
  fc.assert(fc.property(anyGate, anyDecision, anyOptions, (state, decision, options) => {
    fc.pre(state.state !== 'open')
    assert.equal(refusal(state, decision, options), state.state === 'pending' ? 'gate.notOpen' : 'gate.closed')
  }))
})

test('a signal is never honoured where break-glass is not allowed', () => {
  fc.assert(fc.property(anyGate, anyDecision, (state, decision) => {
    assert.notEqual(refusal(state, { ...decision, door: 'signal' }), undefined)
  }))
})

test('the door of a decision changes nothing else', () => {
  fc.assert(fc.property(anyGate, anyDecision, (state, decision) => {
    assert.deepEqual(decide(state, { ...decision, door: 'signal' }, { breakGlass: true }), decide(state, { ...decision, door: 'api' }, guarded))
  }))
})

test('what it is given stays as it is', () => {
  fc.assert(fc.property(anyGate, manyDecisions, anyOptions, (start, decisions, options) => {
    let state = frozen(start)
    for (const decision of decisions) {
      const result = decide(state, frozen(decision), options)
      if (!isRefused(result)) state = frozen(result.gate)
    }
  }))
})

/** Frozen to the bottom: in a module, a write to it throws. */
function frozen<T> (value: T): T {
  if (value !== null && typeof value === 'object') Object.values(Object.freeze(value)).forEach(frozen)
  return value
}
