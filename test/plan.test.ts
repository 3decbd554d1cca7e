import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantiate } from '../src/drill/instantiate.js'
import { planLines, type PlanLine } from '../src/drill/plan.js'
import type { Runbook, Step } from '../src/drill/runbook.js'
import { loadRunbook } from '../src/runbook/load.js'
import { labEnvironment } from './fixtures/environments.js'

function plan (
  steps: Step[], { expectedMs, environment = labEnvironment() }: { expectedMs?: Record<string, number>, environment?: ReturnType<typeof labEnvironment> } = {}
): PlanLine[] {
  const runbook: Runbook = { name: 'r', title: 'R', type: 'full-test', environments: ['tier:lab'], steps }
  return planLines({ runbook: instantiate(runbook, { params: {}, environment }).runbook, environment, expectedMs })
}
const database = '{{ env.database }}'

test('an action is told with its target and its undo', () => {
  const [line] = plan([{ id: 'p', kind: 'action', action: 'postgres.promote', with: { database, node: 'pg2' } }])
  assert.deepEqual(line, { id: 'p', kind: 'action', title: 'promote pg2', undo: 'fail back to pg1' })
})

test('an undo step tells what it will do, not only of what', () => {
  const [, line] = plan([{ id: 'c', kind: 'action', action: 'toxiproxy.cut', with: { link: '{{ env.database.links.api }}' } }, { id: 'h', kind: 'undo', of: 'c' }])
  assert.equal(line!.title, 'heal link api-to-database')
})

test('an output that nobody has yet is told as a promise', () => {
  const [line] = plan([{ id: 'b', kind: 'action', title: 'Break it', action: 'postgres.break', with: { database, node: '{{ steps.s.output.primary }}', fault: 'kill' } }])
  assert.equal(line!.title, 'Break it: kill PostgreSQL ‹primary of s›')
})

test('an input that is not known at all leaves the plain name', () => {
  const [line] = plan([{ id: 'c', kind: 'action', action: 'toxiproxy.cut', with: { link: '{{ steps.s.output.link }}' } }, { id: 'd', kind: 'action', action: 'postgres.promote' }])
  assert.equal(line!.title, 'toxiproxy.cut')
})

test('a gate says how many of whom, until when, and what silence means', () => {
  const gate: Step = { id: 'g', kind: 'gate', title: 'Promote?', effect: 'Promotes.', role: 'approver', approvals: 2, deadline: '10m' }
  assert.deepEqual(plan([gate])[0], { id: 'g', kind: 'gate', title: 'Promote? Promotes.', people: '2 × approver, within 10m, else abort', roles: ['approver'] })
  const escalating = plan([{ ...gate, onTimeout: 'escalate', escalateTo: 'management' }])[0]!
  assert.equal(escalating.people, '2 × approver, within 10m, else escalate to management')
  assert.deepEqual(escalating.roles, ['approver', 'management'])
})

test('a task names its role', () => {
  assert.equal(plan([{ id: 't', kind: 'task', instructions: 'Call the shop.', role: 'engineer', deadline: '5m', onTimeout: 'finding' }])[0]!.people, 'engineer, within 5m, else finding')
})

test('waits, notices and nested runbooks read as sentences', () => {
  assert.deepEqual(plan([
    { id: 'a', kind: 'wait', for: '500ms' },
    { id: 'b', kind: 'wait', until: { detected: ['alert', 'declaration', 'alert'] }, deadline: '60s' },
    { id: 'c', kind: 'wait', until: { recovered: true }, deadline: '30s' },
    { id: 'd', kind: 'wait', until: { check: 'http.ok', with: { url: 'http://x/' }, every: '1s' }, deadline: '30s' },
    { id: 'e', kind: 'notify', message: 'Hello.' },
    { id: 'f', kind: 'runbook', runbook: 'other', params: { length: '3s' } },
  ]).map(({ title }) => title), [
    'wait 500ms', 'until alert or declaration, at most 60s', 'until all that failed is good again, at most 30s', 'until http://x/ answers, at most 30s', 'tell ops: Hello.', 'run other with length 3s',
  ])
})

test('a notice that reaches nobody says so', () => {
  assert.match(plan([{ id: 'e', kind: 'notify', message: 'Hello.' }], { environment: labEnvironment({ channels: undefined }) })[0]!.title, /^tell nobody/)
})

test('the runbook’s expectation comes before the median of earlier drills', () => {
  const [a, b, c] = plan([{ id: 'a', kind: 'wait', for: '1s', expected: '2s' }, { id: 'b', kind: 'wait', for: '1s' }, { id: 'constructor', kind: 'wait', for: '1s' }], { expectedMs: { a: 9, b: 1500 } })
  assert.deepEqual([a!.expectedMs, a!.expectedFrom, b!.expectedMs, b!.expectedFrom, c!.expectedMs], [2000, 'runbook', 1500, 'earlier drills', undefined])
})

test('a step that will be skipped says why, and so do the steps inside it', () => {
  const lines = plan([
    { id: 'p', kind: 'parallel', when: '{{ env.cache }}', branches: [[{ id: 'i', kind: 'wait', for: '1s' }]] },
    { id: 'u', kind: 'wait', for: '1s', unless: '{{ env.database }}' },
    { id: 'later', kind: 'wait', for: '1s', when: '{{ steps.p.output.x }}' },
  ], { environment: labEnvironment({ cache: undefined }) })
  assert.deepEqual(lines.map(({ id, parent, skipped }) => [id, parent, skipped]), [
    ['p', undefined, 'its condition does not hold here'], ['i', 'p', 'its condition does not hold here'], ['u', undefined, 'its exception holds here'], ['later', undefined, undefined],
  ])
})

test('the plan of the delivered failover runbook: intact and without customers by default, with a cut link as positive control', async () => {
  const { value } = await loadRunbook('runbooks/database-primary-failure.yaml')
  const environment = labEnvironment()
  const skipped = (params: Record<string, unknown>) => {
    const { runbook } = instantiate(value!, { params, environment })
    return planLines({ runbook, environment }).filter(line => line.skipped).map(line => line.id)
  }
  const customers = ['customers', 'served', 'normal', 'customers-leave']
  assert.deepEqual(skipped({}), ['customers', 'cut', 'fall-behind', 'served', 'normal', 'customers-leave', 'heal-link'])
  assert.deepEqual(skipped({ replication: 'cut' }), customers)
  assert.deepEqual(skipped({ replication: 'cut', customers: 10 }), [])
  environment.database!.swappedRolesAllowed = true
  assert.deepEqual(skipped({ replication: 'cut', customers: 10 }), ['failback'])
})
