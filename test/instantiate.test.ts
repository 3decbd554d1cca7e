import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantiate } from '../src/drill/instantiate.js'
import type { ActionStep, GateStep, NotifyStep, Param, ParallelStep, Runbook, Step } from '../src/drill/runbook.js'
import { labEnvironment } from './fixtures/environments.js'

const params: Record<string, Param> = {
  fault: { type: 'string', enum: ['kill', 'freeze'], default: 'kill' },
  approvers: { type: 'integer', minimum: 1, maximum: 5, default: 1 },
  pause: { type: 'duration', default: '100ms' },
  loud: { type: 'boolean', default: false },
  note: { type: 'string', default: '' },
}

function runbookOf (steps: Step[], more: Partial<Runbook> = {}): Runbook {
  return { name: 'r', title: 'R', type: 'full-test', environments: ['tier:lab'], params, steps, ...more }
}

const say = (change: Partial<NotifyStep> = {}): NotifyStep => ({ id: 'say', kind: 'notify', message: 'x', ...change })
const start = (steps: Step[], given: Record<string, unknown> = {}, environment = labEnvironment()) => instantiate(runbookOf(steps), { params: given, environment })
const messages = (result: { problems: Array<{ code: string, message: string }> }) => result.problems.map(({ code, message }) => `${code}: ${message}`)

test('defaults fill what was not given, each of its declared type', () => {
  assert.deepEqual(start([say()]).params, { fault: 'kill', approvers: 1, pause: '100ms', loud: false, note: '' })
  assert.deepEqual(start([say()], { approvers: '3', loud: 'true' }).params, { fault: 'kill', approvers: 3, pause: '100ms', loud: true, note: '' })
})

test('a parameter that is unknown, of the wrong type, or outside what it takes is refused by name', () => {
  const refused: Array<[Record<string, unknown>, RegExp]> = [
    [{ fualt: 'kill' }, /there is no parameter "fualt"; the runbook has fault, approvers/],
    [{ fault: 'explode' }, /"fault" takes one of kill, freeze, not "explode"/],
    [{ fault: 1 }, /"fault" takes one of kill, freeze/],
    [{ approvers: 0 }, /"approvers" takes a whole number from 1 to 5, not 0/],
    [{ approvers: 6 }, /from 1 to 5, not 6/],
    [{ approvers: 1.5 }, /a whole number/],
    [{ approvers: 'many' }, /a whole number/],
    [{ approvers: null }, /a whole number/],
    [{ pause: 'soon' }, /"pause" takes a duration/],
    [{ loud: 'yes' }, /"loud" takes true or false/],
    [{ note: '{{ env.database.endpoint.password }}' }, /may not hold a lookup/],
    [{ note: 'x'.repeat(1001) }, /at most 1000 characters/],
  ]
  for (const [given, message] of refused) {
    const result = start([say()], given)
    assert.deepEqual(result.problems.map(({ code }) => code), ['params.invalid'], JSON.stringify(given))
    assert.match(result.problems[0]!.message, message)
  }
})

test('a parameter without default must be given', () => {
  const result = instantiate(runbookOf([say()], { params: { target: { type: 'string' } } }), { params: {}, environment: labEnvironment() })
  assert.deepEqual(messages(result), ['params.invalid: parameter "target" is missing; it takes text'])
})

test('a parameter named like a part of every object is no parameter', () => {
  assert.match(messages(start([say()], { constructor: 'x' }))[0]!, /there is no parameter "constructor"/)
})

test('a number stays a number, and text that people read stays text', () => {
  const gate: GateStep = { id: 'g', kind: 'gate', title: '{{ params.approvers }}', effect: 'e', role: 'approver', approvals: '{{ params.approvers }}', deadline: '{{ params.pause }}' }
  const [filled] = start([gate], { approvers: 2 }).runbook.steps as [GateStep]
  assert.equal(filled.approvals, 2)
  assert.equal(filled.title, '2')
  assert.equal(filled.deadline, '100ms')
})

test('outputs of steps wait until their step has run, inside longer texts too', () => {
  const step: ActionStep = { id: 'b', kind: 'action', action: 'postgres.break', with: { node: '{{ steps.a.output.primary }}', database: '{{ env.database }}', fault: '{{ params.fault }}' } }
  const result = start([step, say({ message: '{{ steps.a.output.primary }} in {{ env.name }}' })])
  const [action, notice] = result.runbook.steps as [ActionStep, NotifyStep]
  assert.equal(action.with!['node'], '{{ steps.a.output.primary }}')
  assert.equal(action.with!['fault'], 'kill')
  assert.equal((action.with!['database'] as { synchronous: boolean }).synchronous, true)
  assert.equal(notice.message, '{{ steps.a.output.primary }} in lab')
  assert.deepEqual(result.problems, [])
})

test('a lookup that leads nowhere is a problem that names the step', () => {
  const result = start([say({ message: '{{ env.database.nodes.pg9.port }}' })])
  assert.equal(result.problems[0]!.code, 'lookup.unresolved')
  assert.match(result.problems[0]!.message, /step "say".*env\.database\.nodes has pg1, pg2/)
  assert.equal(result.problems[0]!.pointer, '/steps/0/message')
})

test('a condition becomes true or false; what the environment does not have is false', () => {
  const { cache: _, ...without } = labEnvironment()
  const conditions = ['{{ env.cache }}', '{{ env.database }}', '{{ env.database.swappedRolesAllowed }}', '{{ params.loud }}', '{{ params.fault.kill }}', '{{ params.fault.freeze }}', '{{ params.note }}']
  const { runbook, problems } = start(conditions.map((when, index) => say({ id: `s${index}`, when })), {}, without)
  assert.deepEqual(runbook.steps.map(step => step.when), [false, true, false, false, true, false, false])
  assert.deepEqual(problems, [])
})

test('a condition over an output waits; one over an undeclared parameter is a problem', () => {
  assert.equal(start([say({ when: '{{ steps.a.output.primary }}' })]).runbook.steps[0]!.when, '{{ steps.a.output.primary }}')
  assert.equal(start([say({ unless: '{{ params.nope }}' })]).problems[0]!.code, 'lookup.unresolved')
})

test('a step that will be skipped need not find its values', () => {
  const { cache: _, ...environment } = labEnvironment()
  const result = start([{ id: 'k', kind: 'action', action: 'component.kill', when: '{{ env.cache }}', with: { component: '{{ env.cache.nodes.redis1 }}' } }], {}, environment)
  assert.deepEqual(result.problems, [])
})

test('an optional certificate that the environment does not have is left out', () => {
  const environment = labEnvironment()
  delete environment.api!.caFile
  const check: Step = { id: 'c', kind: 'check', check: 'http.ok', with: { url: '{{ env.api.url }}', caFile: '{{ env.api.caFile }}' } }
  const result = start([check], {}, environment)
  assert.deepEqual(result.problems, [])
  assert.deepEqual((result.runbook.steps[0] as ActionStep).with, { url: 'https://127.0.0.1:8443' })
  assert.equal(start([{ ...check, with: { url: '{{ env.api.uri }}' } }], {}, environment).problems.length, 1)
})

test('steps inside parallel branches are filled in too', () => {
  const result = start([{ id: 'p', kind: 'parallel', branches: [[say({ message: '{{ env.name }}' })], [say({ id: 'other', message: '{{ params.nope }}' })]] }])
  assert.equal(((result.runbook.steps[0] as ParallelStep).branches[0]![0] as NotifyStep).message, 'lab')
  assert.equal(result.problems[0]!.pointer, '/steps/0/branches/1/0/message')
})

test('the runbook that was given is not changed', () => {
  const runbook = runbookOf([say({ message: '{{ env.name }}' })])
  const before = JSON.stringify(runbook)
  instantiate(runbook, { params: {}, environment: labEnvironment() })
  assert.equal(JSON.stringify(runbook), before)
})
