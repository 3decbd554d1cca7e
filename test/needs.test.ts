import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Environment } from '../src/drill/environment.js'
import type { Runbook, Step } from '../src/drill/runbook.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { needsOf } from '../src/runbook/needs.js'

// What a drill takes along of the shipped files, for the steps that measure.

const catalog = await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })
const lab: Environment = { name: 'lab', tier: 'lab' }
const book = (...steps: Step[]): Runbook => ({ name: 'x', title: 'X', type: 'verification', environments: ['lab'], steps })
const needs = (steps: Step[], environment = lab) => {
  const { scenarios = {}, behaviours = {}, suites = {} } = needsOf(catalog, [book(...steps)], environment)
  return [Object.keys(scenarios).sort(), Object.keys(behaviours), Object.keys(suites)]
}

test('a runbook without such steps takes nothing along', () => {
  assert.deepEqual(needsOf(catalog, [book({ id: 'w', kind: 'wait', for: '1s' })], lab), {})
})

test('a load takes its scenario and what its users do along, a suite itself', () => {
  assert.deepEqual(needs([{ id: 'p', kind: 'parallel', branches: [[{ id: 'l', kind: 'load', scenario: 'peak' }], [{ id: 's', kind: 'suite' }]] }]), [['peak'], ['storefront'], ['production']])
})

test('a suite that is not named is the environment’s', () => {
  assert.deepEqual(needs([{ id: 's', kind: 'suite', suite: '' }], { ...lab, smoke: { suite: 'api' } })[2], ['api'])
})

test('a step that does not run needs nothing', () => {
  assert.deepEqual(needs([{ id: 'l', kind: 'load', scenario: 'nothing', when: false }]), [[], [], []])
})

test('where a nested runbook’s parameters decide, every scenario goes along', () => {
  assert.deepEqual(needs([{ id: 'l', kind: 'load', scenario: '{{ params.scenario }}' }])[0], ['baseline', 'customers', 'endurance', 'peak', 'stress'])
})

test('a scenario or suite that is not there is refused with its name', () => {
  assert.throws(() => needs([{ id: 'l', kind: 'load', scenario: 'paek' }]), { code: 'scenario.unknown', message: /did you mean "peak"/ })
  assert.throws(() => needs([{ id: 's', kind: 'suite', suite: 'nothing' }]), { code: 'suite.unknown' })
})
