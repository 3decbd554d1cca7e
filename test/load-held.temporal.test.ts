import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, test } from 'node:test'
import type { Step } from '../src/drill/runbook.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { sendEdge } from '../src/temporal/drills.js'
import { load, loadDrills } from './fixtures/load-drills.js'
import { ana, cut } from './fixtures/temporal.js'

const d = loadDrills()

describe('a load that is held', () => {
  const countAt: Record<string, number> = {}
  const counted = (id: string): Step => ({ id, kind: 'check', check: 'http.ok', with: { url: id } })
  beforeEach(() => {
    const inner = d.world.activities.bind(d.world)
    d.world.activities = () => ({
      ...inner(), 'check.http.ok': async (input: { with: { url: string } }) => {
        countAt[input.with.url] = d.target.count
        return { outcome: 'pass', observed: 'good', expected: 'good' }
      }
    } as never)
  })

  test('is up before the next step, goes on beside the next ones, and ends by an undo', async () => {
    const input = d.of([load({ background: true, runTime: '30s' }), cut('a'), { id: 'rest', kind: 'wait', for: '400ms' }, counted('before'), { id: 'end', kind: 'undo', of: 'load' }, counted('at-end'), { id: 'pause', kind: 'wait', for: '600ms' }, counted('after')])
    await d.run(input)
    assert.ok(countAt['before']! >= 4, 'all users were there before the next step')
    assert.equal(countAt['after'], countAt['at-end'], 'nothing arrives after its end')
    const order = (d.world.recorded.get(input.drillId) ?? []).map(event => event.type === 'step.started' || event.type === 'step.finished' ? `${event.type.slice(5)} ${event.step}` : event.type)
    assert.ok(order.indexOf('started a') < order.indexOf('finished load'), 'other steps ran meanwhile')
    assert.ok(order.indexOf('finished load') < order.indexOf('finished end'), 'its end is waited for')
    assert.equal(d.loadOf().isHeld, true)
    assert.notEqual(d.loadOf().verdict, 'aborted', 'its end is no abort')
    assert.equal(d.loadOf().baseline?.outcome, 'not-compared')
  })

  test('ends with the last step, before anything is undone', async () => {
    const input = d.of([load({ background: true, runTime: '30s' }), cut('a')])
    await d.run(input)
    await d.assertQuiet()
    const types = (d.world.recorded.get(input.drillId) ?? []).map((event: DrillEvent) => event.type)
    assert.ok(types.indexOf('load.measured') < types.indexOf('undo.started'))
    assert.equal(d.kept.length, 1)
  })

  test('is ended by an abort, and its step says so', async () => {
    const input = d.of([load({ background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '20s' }])
    await d.temporal.door.start(input)
    await d.reaches(input, 'rest')
    await d.temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'enough' })
    assert.equal((await d.result(input)).verdict, 'aborted')
    assert.equal(d.finished(input, 'load').outcome, 'aborted')
    assert.ok(d.loadOf().total.requests > 0)
    await d.assertQuiet()
  })

  test('finds the errors that customers still get after the probe has seen the recovery', async () => {
    d.world.sendEdge = async (drillId, edge) => { await sendEdge(d.temporal.client, drillId, edge as never) }
    const observe = { probe: { interval: '100ms', timeout: '500ms', failures: 3, successes: 3 } }
    const after = async (failsAgain: boolean): Promise<string[]> => {
      const given = { thresholds: [{ metric: 'requestsPerSecond' as const, atLeast: 1 }], timeout: '1s' }
      const input = d.of([load({ background: true, runTime: '30s', onFail: 'finding' }), { id: 'rest', kind: 'wait', for: '3500ms' }], { given })
      input.runbook.observe = observe
      await d.temporal.door.start(input)
      await d.reaches(input, 'rest')
      const fail = async (ms: number): Promise<void> => {
        d.answer = response => { response.statusCode = 503; response.end() }
        await sleep(ms)
        d.answer = response => { response.end('{}') }
      }
      const downAtMs = Date.now()
      await sendEdge(d.temporal.client, input.drillId, { edge: 'down', target: 'api', firstFailedAtMs: downAtMs, confirmedAtMs: downAtMs, error: '503' })
      await fail(300)
      await sendEdge(d.temporal.client, input.drillId, { edge: 'up', target: 'api', firstGoodAtMs: Date.now(), confirmedAtMs: Date.now() })
      if (failsAgain) await fail(2500)
      await d.result(input)
      assert.ok(d.find(input, 'load.measured')[0]!.load.errors > 0, 'customers felt the outage')
      return d.find(input, 'finding.raised').map(event => event.text).filter(text => !/the generator/.test(text))
    }
    assert.deepEqual(await after(false), [])
    assert.match((await after(true)).join(), /customers still got errors \d.* after the probe had seen the recovery/)
  })

  test('that may not be made breaks nothing: no step comes after it', async () => {
    const input = d.of([load({ background: true }), cut('a')], { hosts: ['other.example'] })
    assert.equal((await d.run(input)).verdict, 'failed')
    assert.deepEqual(d.world.calls, [])
  })

  test('that a threshold ends stops the drill at the next step', async () => {
    const thresholds = [{ metric: 'errorShare' as const, atMost: 0.5, abortOnFail: true, grace: '1s', window: '1s' }]
    const input = d.of([load({ background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '4s' }, cut('a')], { given: { thresholds } })
    await d.temporal.door.start(input)
    await d.reaches(input, 'rest')
    d.answer = response => { response.statusCode = 500; response.end() }
    d.isHonest((await d.result(input)).verdict, 'failed')
    assert.deepEqual(d.world.calls, [], 'nothing is broken under a load that is gone')
    assert.equal(d.find(input, 'step.finished').filter(event => event.step === 'load').length, 1)
  })
})
