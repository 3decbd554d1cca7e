import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lookupsIn, parseLookup, resolve } from '../src/drill/lookup.js'

const scope = {
  params: { approvers: 2, fault: 'kill', on: false, '': 'x' },
  env: { name: 'lab', database: { nodes: [{ name: 'pg1', port: 5431 }, { name: 'pg2', port: 5432 }], links: null } },
  choices: { fault: ['kill', 'freeze'] },
}
const at = (text: unknown, more: object = {}) => resolve(text, { ...scope, ...more })

test('a lookup alone becomes the value itself, of its own type', () => {
  assert.deepEqual(at({ a: '{{ params.approvers }}', b: ['{{params.on}}'], c: '{{ env.database.nodes.pg2 }}' }).value, { a: 2, b: [false], c: { name: 'pg2', port: 5432 } })
})

test('a lookup inside a longer text becomes text', () => {
  assert.equal(at('{{ params.approvers }} of {{ env.database.nodes.0.port }} ({{ env.database.nodes.pg1 }})').value, '2 of 5431 ({"name":"pg1","port":5431})')
})

test('a list is walked by index and by name', () => {
  assert.deepEqual(at(['{{ env.database.nodes.1.name }}', '{{ env.database.nodes.pg1.port }}']).value, ['pg2', 5431])
})

test('a root that is not in scope yet is left for later', () => {
  const result = at('{{ steps.break.output.node }} {{ params.fault }}')
  assert.deepEqual(result, { value: '{{ steps.break.output.node }} kill', unresolved: [] })
  assert.equal(at('{{ steps.break.output.node }}', { steps: { break: { output: { node: 'pg1' } } } }).value, 'pg1')
})

test('an enum parameter can be asked for each of its values', () => {
  assert.deepEqual(at(['{{ params.fault.kill }}', '{{ params.fault.freeze }}']).value, [true, false])
  assert.match(at('{{ params.fault.explode }}').unresolved[0]!.message, /leads to nothing/)
})

test('what leads to nothing is reported with its place and what is there', () => {
  const { unresolved, value } = at({ with: { port: '{{ env.database.nodes.pg3.port }}' } })
  assert.deepEqual(unresolved.map(({ pointer }) => pointer), ['/with/port'])
  assert.match(unresolved[0]!.message, /env\.database\.nodes has pg1, pg2/)
  assert.deepEqual(value, { with: { port: '{{ env.database.nodes.pg3.port }}' } })
})

test('there are no expressions, calls or ways into the prototype', () => {
  for (const text of ['{{ params.approvers + 1 }}', '{{ params["fault"] }}', '{{ process.exit }}', '{{ }}', '{{ params }}', '{{ params.fault.length }}', '{{ params.constructor }}', '{{ env.__proto__ }}', '{{ env.database.nodes.length }}', '{{ params..fault }}']) {
    assert.equal(at(text).unresolved.length, 1, text)
  }
})

test('the parts of a lookup are its root and its keys', () => {
  assert.deepEqual(lookupsIn('a {{ params.x }} b {{steps.a-b.output.c}}').map(parseLookup), [{ root: 'params', keys: ['x'] }, { root: 'steps', keys: ['a-b', 'output', 'c'] }])
  assert.equal(parseLookup('secrets.x'), undefined)
})

test('a value without lookups comes back equal, and the given one is never changed', () => {
  fc.assert(fc.property(fc.json(), text => {
    const value: unknown = JSON.parse(text)
    if (text.includes('{{')) return
    assert.deepEqual(resolve(value, scope).value, value)
  }), { numRuns: 100 })
  const given = Object.freeze({ a: '{{ params.fault }}' })
  assert.equal(resolve(given, scope).value.a, 'kill')
  assert.equal(given.a, '{{ params.fault }}')
})
