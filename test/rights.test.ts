import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { whoDecides } from '../activities/who-decides.js'
import { refusedAsSecond } from '../src/drill/four-eyes.js'
import { answerersText, whoCanAnswer, type OnCall } from '../src/drill/on-call.js'
import type { Person, Place, Role } from '../src/drill/people.js'
import type { Runbook } from '../src/drill/runbook.js'
import { may, mayIn, rights, ruleOf, type Right } from '../src/drill/rights.js'
import { rightsPage } from '../src/http/rights-page.js'

const shop: Place = { name: 'shop', tier: 'staging' }
const till: Place = { name: 'till', tier: 'production' }
const person = (id: string, roles: Role[] = [], more: Partial<OnCall> = {}): OnCall => ({ id, name: id[0]!.toUpperCase() + id.slice(1), roles, ...more })
const untilMs = Date.parse('2026-11-25T08:00:00Z')
const ben = person('ben', ['approver'])
const benAway = { ...ben, awayUntilMs: untilMs }
const standing = (id: string, ...away: Person[]): OnCall => person(id, [], { standsInFor: away.map(({ id, name, roles }) => ({ id, name, roles, fourEyes: false })) })
const names = (people: OnCall[], requester?: string): string => answerersText(whoCanAnswer(people, ['approver'], shop, requester))

test('who is there answers; who is away is named, with the time', () => {
  assert.equal(names([ben, person('cai', ['observer'])]), 'Ben')
  assert.equal(names([benAway]), 'nobody; Ben is away until 2026-11-25 08:00, without a deputy')
})

test('a deputy answers for who is away', () => {
  assert.equal(names([benAway, standing('dora', ben)]), 'Dora (for Ben)')
})

test('one voice has one deputy at a time, and one deputy one voice', () => {
  const cai = person('cai', ['approver'], { awayUntilMs: untilMs })
  assert.equal(whoCanAnswer([benAway, standing('dora', ben), standing('emil', ben)], ['approver'], shop).can.length, 1)
  assert.equal(whoCanAnswer([benAway, cai, standing('dora', ben, cai)], ['approver'], shop).can.length, 1)
})

test('deputies are spread so that as many as possible can answer', () => {
  const cai = person('cai', ['approver'], { awayUntilMs: untilMs })
  // Dora could stand in for both, Emil for Ben only: taken in this order Dora has to make room.
  assert.equal(names([benAway, cai, standing('dora', ben, cai), standing('emil', ben)]), 'Dora (for Cai), Emil (for Ben)')
})

test('neither who started the drill nor a deputy in their stead is counted, nor a service account', () => {
  assert.equal(names([ben, person('robot', ['approver'], { service: true })], 'ben'), 'nobody')
  assert.equal(names([benAway, standing('dora', ben)], 'ben'), 'nobody')
})

test('there are never more answers than people, voices or roles; nobody is named twice', () => {
  const anyone = fc.record({ id: fc.constantFrom('ana', 'ben', 'cai', 'dora', 'emil'), approves: fc.boolean(), away: fc.boolean(), for: fc.subarray(['ana', 'ben', 'cai', 'dora', 'emil']) })
  fc.assert(fc.property(fc.uniqueArray(anyone, { selector: one => one.id }), drawn => {
    const people = drawn.map(one => person(one.id, one.approves ? ['approver'] : [], {
      ...one.away ? { awayUntilMs: untilMs } : {},
      standsInFor: drawn.filter(other => other.away && one.for.includes(other.id)).map(other => ({ id: other.id, name: other.id, roles: other.approves ? ['approver'] : [], fourEyes: false })),
    }))
    const { can } = whoCanAnswer(people, ['approver'], shop, 'ana')
    assert.equal(new Set(can.map(one => one.id)).size, can.length, 'a person twice')
    const voices = can.map(one => one.for?.id ?? one.id)
    assert.equal(new Set(voices).size, can.length, 'a voice twice')
    for (const voice of voices) assert.ok(voice !== 'ana' && drawn.find(one => one.id === voice)?.approves, `${voice} has no voice`)
    for (const one of can) assert.ok(one.id !== 'ana' && !drawn.find(other => other.id === one.id)!.away, `${one.id} is not there`)
    // Never fewer than those who hold the role themselves and are there.
    assert.ok(can.length >= drawn.filter(one => one.approves && !one.away && one.id !== 'ana').length, 'somebody is missing')
  }))
})

test('what takes two people takes two: not who asked, not who gains, not a machine', () => {
  const asked = { by: { id: 'ada', name: 'Ada' }, gains: { id: 'ben', name: 'Ben' }, what: 'approver in till for Ben' }
  const message = (person: Person): string | undefined => refusedAsSecond(asked, person)?.message
  assert.equal(message(person('ada', ['admin'])), 'approver in till for Ben takes two people: Ada asked for it, somebody else must confirm')
  assert.equal(message(person('ben', ['admin'])), 'approver in till for Ben takes two people: Ben gains by it, somebody else must confirm')
  assert.equal(message(person('robot', ['admin'], { service: true })), 'approver in till for Ben takes two people: Robot is a service account')
  assert.equal(message(person('eve', ['admin'])), undefined)
})

test('a service account starts drills and holds no right that is for people', () => {
  const robot = person('robot', ['commander', 'approver', 'management', 'engineer', 'admin', 'qa'], { service: true })
  const held = (Object.keys(rights) as Right[]).filter(right => may(robot, right))
  assert.deepEqual(held.filter(right => !ruleOf(right).service), [])
  assert.ok(held.includes('drill.start') && held.includes('drill.abort'), held.join())
  for (const right of ['gate.decide', 'task.confirm', 'halt.lift', 'people.manage', 'self.duty'] as const) assert.ok(!may(robot, right), right)
})

test('a drill in production is started by who was made commander there', () => {
  const ana = person('ana', ['commander'])
  assert.deepEqual([mayIn(ana, 'drill.start', shop), mayIn(ana, 'drill.start', till)], [true, false])
  const there = person('ana', [], { grants: [{ role: 'commander', in: 'tier:production', fourEyes: true }] })
  assert.deepEqual([mayIn(there, 'drill.start', shop), mayIn(there, 'drill.start', till), may(there, 'drill.start')], [false, true, true])
})

test('a deputy has what is done for people, and nothing more', () => {
  const ada = person('ada', ['admin', 'commander', 'approver'])
  const dora = standing('dora', ada)
  const gained = (Object.keys(rights) as Right[]).filter(right => may(dora, right) && !may(person('dora'), right))
  assert.deepEqual(gained, ['gate.decide', 'task.confirm'])
})

test('docs/rights.md is what the table says; if not: npm run docs', () => {
  assert.ok(readFileSync(new URL('../docs/rights.md', import.meta.url), 'utf8') === rightsPage(), 'docs/rights.md is stale: npm run docs')
})

const runbook: Runbook = {
  name: 'r', title: 'R', type: 'full-test', environments: ['tier:staging'],
  steps: [{ id: 'go', kind: 'gate', effect: 'x', role: 'approver', approvals: 2, deadline: '1m' }, { id: 'not-here', kind: 'gate', effect: 'x', role: 'management', deadline: '1m', when: false }],
}
const refusals = async (people: OnCall[] | Error, environment: Place = shop): Promise<string[]> => (await whoDecides({
  onCall: async () => { if (people instanceof Error) throw people; return people },
}, { runbook, environment, commander: { id: 'ana', name: 'Ana' } })).map(({ code, message }) => `${code}: ${message}`)

test('a drill whose gate nobody could answer now is refused, naming who is away and what mends it', async () => {
  assert.deepEqual(await refusals([person('ana', ['approver']), benAway, person('cai', ['approver'])]), [
    'preflight.nobody: step "go" needs 2 × approver in shop beside Ana, who starts the drill. Who can answer now: Cai; Ben is away until 2026-11-25 08:00, without a deputy (`muster people add ID --role approver`; who is away names a deputy)',
  ])
  assert.deepEqual(await refusals([benAway, standing('dora', ben), person('cai', ['approver'])]), [])
  assert.match((await refusals([ben, person('cai', ['approver'])], till))[0]!, /needs 2 × approver in till .*now: nobody \(`muster people grant ID approver@till, confirmed by a second admin`/)
})

test('who could answer cannot be asked: refused, blind is never a pass', async () => {
  assert.deepEqual(await refusals(new Error('the store is down')), ['preflight.blind: who holds approver could not be asked: the store is down'])
})
