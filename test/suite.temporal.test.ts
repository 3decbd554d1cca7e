import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DrillInput } from '../src/drill/input.js'
import type { Step } from '../src/drill/runbook.js'
import { loadDrills } from './fixtures/load-drills.js'
import { cut, drillOf } from './fixtures/temporal.js'

const d = loadDrills()

describe('a suite step', () => {
  const suite = (status: number, params: Record<string, string> = { path: '/' }) => ({
    name: 'mine', title: 'Mine', params,
    checks: [{ id: 'page', category: 'health' as const, check: 'journey' as const, with: { steps: [{ name: 'page', request: { path: '{{ params.path }}' }, expect: { status } }] } }],
  })
  const suiteDrill = (status: number, more: Partial<Extract<Step, { kind: 'suite' }>> = {}, closed = false): DrillInput => drillOf([{ id: 'smoke', kind: 'suite', suite: 'mine', ...more }, cut('a')], {
    suites: { mine: suite(status) }, environment: { api: { url: closed ? 'http://127.0.0.1:1' : d.target.url, instances: [] } },
  })

  test('that passes is a pass, with its answers kept', async () => {
    const input = suiteDrill(200)
    assert.equal((await d.run(input)).verdict, 'passed')
    assert.deepEqual(d.find(input, 'suite.answered').map(({ suite: { passed, failed, verdict } }) => [passed, failed, verdict]), [[1, 0, 'passed']])
    assert.equal(d.kept[0]!.kind, 'suite')
  })

  test('that fails ends the drill, or is a finding where the runbook says so', async () => {
    assert.equal((await d.run(suiteDrill(201))).verdict, 'failed')
    assert.deepEqual(d.world.calls, [])
    assert.equal((await d.run(suiteDrill(201, { onFail: 'finding' }))).verdict, 'passed-with-findings')
    assert.deepEqual(d.world.calls, ['do a', 'undo a'])
  })

  test('that cannot be asked is no pass', async () => {
    const input = suiteDrill(200, {}, true)
    const { verdict } = await d.run(input)
    assert.match(verdict, /failed|invalid/)
    assert.deepEqual(d.world.calls, [])
  })

  test('that is not there, or takes no such parameter, fails with its name', async () => {
    const unknown = suiteDrill(200, { suite: 'other' })
    assert.equal((await d.run(unknown)).verdict, 'failed')
    assert.match(d.finished(unknown, 'smoke').summary, /no suite "other"/)
    const wrong = suiteDrill(200, { params: { nothing: 'x' } })
    assert.equal((await d.run(wrong)).verdict, 'failed')
    assert.match(d.finished(wrong, 'smoke').summary, /no parameter "nothing"/)
  })
})
