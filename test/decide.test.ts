import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide, isRefused, type Decision, type GateState, type RefusalCode } from '../src/drill/decide.js'
import { tiers } from '../src/drill/environment.js'
import { roles, rolesIn, seatsOf, type Grant, type Person, type Place, type Role } from '../src/drill/people.js'

const ana: Person = { id: 'ana', name: 'Ana Lima', roles: ['commander', 'approver'] }
const ben: Person = { id: 'ben', name: 'Ben Okafor', roles: ['approver'] }
const cai: Person = { id: 'cai', name: 'Cai Wen', roles: ['approver', 'engineer'] }
const olu: Person = { id: 'olu', name: 'Olu Ade', roles: ['observer'] }

const gate = (part: Partial<GateState> = {}): GateState => ({ step: 'approve', state: 'open', roles: ['approver'], approvals: 1, requester: 'ana', votes: [], ...part })
const by = (person: Person, part: Partial<Decision> = {}): Decision => ({ step: 'approve', answer: 'approve', person, door: 'api', key: `key-${person.id}`, ...part })
const place: Place = { name: 'shop', tier: 'staging' }
const guarded = { breakGlass: false, place }

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
    ['decision.role', gate({ roles: ['approver', 'management'] }), by(olu), /decided by approver or management; Olu Ade is observer in shop/],
    ['decision.role', gate(), by({ ...olu, roles: [] }), /Olu Ade is nothing in shop/],
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
  assert.equal(refusal(gate(), by(ben, { door: 'signal' }), { ...guarded, breakGlass: true }), undefined)
})

const dora: Person = { id: 'dora', name: 'Dora Ruiz', roles: ['observer'], standsInFor: [{ ...ben, fourEyes: false }] }

test('a deputy answers for who is away, and the record says for whom', () => {
  const result = decide(gate(), by(dora), guarded)
  assert.ok(!isRefused(result), 'refused')
  assert.equal(result.gate.closedBecause, 'approved by Dora Ruiz (for Ben Okafor)')
  assert.deepEqual(result.gate.votes[0]!.for, { id: 'ben', name: 'Ben Okafor' })
})

test('a deputy and who is back from being away have one voice between them', () => {
  const first = answered(gate({ approvals: 2 }), [by(dora)])
  const second = decide(first, by(ben), guarded)
  assert.ok(isRefused(second), 'counted twice')
  assert.deepEqual([second.refused.code, second.refused.message], ['decision.twice', 'Dora Ruiz has answered gate "approve" already, for Ben Okafor'])
  assert.equal(refusal(answered(gate({ approvals: 2 }), [by(ben)]), by(dora)), 'decision.twice')
})

test('a deputy of who started the drill may not approve it in their stead, and may reject it', () => {
  const dan: Person = { id: 'dan', name: 'Dan', roles: [], standsInFor: [{ ...ana, fourEyes: true }] }
  const result = decide(gate(), by(dan), guarded)
  assert.ok(isRefused(result), 'approved')
  assert.deepEqual([result.refused.code, result.refused.message], ['decision.requester', 'Dan stands in for Ana Lima, who started this drill and may not approve its gates'])
  assert.equal(refusal(gate(), by(dan, { answer: 'reject' })), undefined)
})

test('a service account never answers, whatever its roles', () => {
  assert.equal(refusal(gate(), by({ ...ben, service: true })), 'decision.service')
  assert.equal(refusal(gate(), by({ ...ben, service: true }, { answer: 'reject' })), 'decision.service')
})

test('a role held everywhere does not reach production; one given there under four eyes does, and only there', () => {
  const till: Place = { name: 'till', tier: 'production' }
  const inTill = (person: Person): RefusalCode | undefined => refusal(gate(), by(person), { ...guarded, place: till })
  assert.equal(inTill(ben), 'decision.role')
  const result = decide(gate(), by(ben), { ...guarded, place: till })
  assert.ok(isRefused(result) && result.refused.message.endsWith('Ben Okafor is nothing in till'), JSON.stringify(result))
  assert.equal(inTill({ ...ben, grants: [{ role: 'approver', in: 'till', fourEyes: false }] }), 'decision.role')
  assert.equal(inTill({ ...ben, grants: [{ role: 'approver', in: 'till', fourEyes: true }] }), undefined)
  assert.equal(inTill({ ...ben, grants: [{ role: 'approver', in: 'tier:production', fourEyes: true }] }), undefined)
  assert.equal(refusal(gate(), by({ ...olu, grants: [{ role: 'approver', in: 'till', fourEyes: true }] })), 'decision.role')
  assert.equal(refusal(gate(), by({ ...olu, grants: [{ role: 'approver', in: 'shop', fourEyes: false }] })), undefined)
})

test('a deputy reaches production only where an admin has confirmed them', () => {
  const till: Place = { name: 'till', tier: 'production' }
  const away = { ...ben, grants: [{ role: 'approver' as const, in: 'till', fourEyes: true }] }
  for (const fourEyes of [false, true]) {
    assert.equal(refusal(gate(), by({ ...dora, standsInFor: [{ ...away, fourEyes }] }), { ...guarded, place: till }), fourEyes ? undefined : 'decision.role')
  }
})

test('the roles of a place are those of everywhere and its own', () => {
  assert.deepEqual(rolesIn({ roles: ['observer'], grants: [{ role: 'approver', in: 'tier:staging', fourEyes: false }, { role: 'admin', in: 'till', fourEyes: true }] }, place), ['observer', 'approver'])
})

const anyGrant: fc.Arbitrary<Grant> = fc.record({ role: fc.constantFrom(...roles), in: fc.constantFrom('shop', 'till', 'tier:production', 'tier:staging'), fourEyes: fc.boolean() })
const anyHolder = fc.record({ id: fc.constantFrom('ana', 'ben', 'cai', 'dee', 'eve', 'fay'), roles: fc.subarray<Role>([...roles]), grants: fc.array(anyGrant, { maxLength: 3 }) })
  .map(holder => ({ ...holder, name: holder.id.toUpperCase() }))
const anyPerson: fc.Arbitrary<Person> = fc.tuple(anyHolder, fc.array(fc.tuple(anyHolder, fc.boolean()), { maxLength: 2 }), fc.integer({ min: 0, max: 9 }))
  .map(([holder, away, dice]) => ({ ...holder, service: dice === 0, standsInFor: away.map(([one, fourEyes]) => ({ ...one, fourEyes })) }))
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
const anyOptions = fc.record({ breakGlass: fc.boolean(), place: fc.record({ name: fc.constantFrom('shop', 'till'), tier: fc.constantFrom(...tiers) }) })
const manyDecisions = fc.array(anyDecision, { maxLength: 16 })
const approvers = (state: GateState): string[] => state.votes.filter(vote => vote.answer === 'approve').map(vote => vote.person)

test('a requester never approves, whatever the roles, door and order', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    const state = answered(start, decisions, options)
    assert.ok(!approvers(state).includes(start.requester), 'the requester has approved')
    assert.ok(!state.votes.some(vote => vote.answer === 'approve' && vote.for?.id === start.requester), 'somebody has approved in the requester’s stead')
  }))
})

test('nobody’s voice counts twice, their own or their deputy’s', () => {
  fc.assert(fc.property(open, manyDecisions, anyOptions, (start, decisions, options) => {
    const seats = answered(start, decisions, options).votes.map(vote => vote.for?.id ?? vote.person)
    assert.equal(new Set(seats).size, seats.length)
  }))
})

test('in production no vote counts without a role that was given there under four eyes', () => {
  const production: Place = { name: 'till', tier: 'production' }
  fc.assert(fc.property(open, manyDecisions, (start, decisions) => {
    const voters = answered(start, decisions, { ...guarded, place: production }).votes.map(vote => vote.person)
    for (const voter of voters) {
      assert.ok(decisions.some(({ person }) => person.id === voter && [person, ...(person.standsInFor ?? []).filter(away => away.fourEyes)]
        .some(holder => (holder.grants ?? []).some(grant => grant.fourEyes && ['till', 'tier:production'].includes(grant.in) && start.roles.includes(grant.role)))), voter)
    }
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
      assert.ok(seatsOf(decision.person, start.roles, options.place).length > 0, 'a vote without the role')
      assert.ok(decision.person.service !== true, 'a machine has voted')
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
    assert.deepEqual(decide(state, { ...decision, door: 'signal' }, { ...guarded, breakGlass: true }), decide(state, { ...decision, door: 'api' }, guarded))
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
