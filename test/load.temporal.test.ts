import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Context } from '@temporalio/activity'
import type { LoadLive } from '../src/drill/load.js'
import { DrillError } from '../src/errors.js'
import { becomes, load, loadDrills } from './fixtures/load-drills.js'
import { ana, cut } from './fixtures/temporal.js'

const d = loadDrills()

describe('a load step', () => {
  test('puts load on the service; its figures are in the record and the whole result is kept', async () => {
    const input = d.of([load()])
    d.isHonest((await d.run(input)).verdict, 'passed')
    const [measured] = d.find(input, 'load.measured')
    assert.equal(measured!.load.requests, d.loadOf().total.requests)
    assert.ok(d.target.count >= 20, `${d.target.count} requests`)
    assert.equal(d.loadOf().baseline?.outcome, 'first')
    assert.ok(d.loadOf().points.length >= 1, 'the course over time is in the whole result')
    assert.ok(JSON.stringify(measured).length < 3000, 'only figures enter the history')
    assert.deepEqual(readdirSync(join(d.dir, 'results')), [], 'what is in the store lies nowhere else')
  })

  test('that breaks an expectation fails the drill, and no step comes after it', async () => {
    d.answer = response => { response.statusCode = 500; response.end() }
    const input = d.of([load(), cut('a')])
    d.isHonest((await d.run(input)).verdict, 'failed')
    assert.deepEqual(d.world.calls, [])
    assert.match(d.finished(input, 'load').error!.code, /^load\.(fail|blind)$/)
  })

  test('may be a finding only, as its runbook says', async () => {
    d.answer = response => { response.statusCode = 500; response.end() }
    const input = d.of([load({ onFail: 'finding' }), cut('a')])
    assert.equal((await d.run(input)).verdict, 'passed-with-findings')
    assert.deepEqual(d.world.calls, ['do a', 'undo a'])
    assert.ok(d.find(input, 'finding.raised').length > 0)
  })

  test('over nothing is invalid, never passed', async () => {
    const input = d.of([load()], { given: { thresholds: [], every: '5s', spawnRate: 0.1, users: 1, runTime: '300ms' } })
    d.answer = () => {}
    const { verdict, why } = await d.run(input)
    assert.equal(verdict, 'invalid', why)
    assert.equal(d.finished(input, 'load').error?.code, 'load.blind')
  })

  test('that may not go there sends nothing, and says which host is not on the list', async () => {
    const input = d.of([load(), cut('a')], { hosts: ['other.example'] })
    assert.equal((await d.run(input)).verdict, 'failed')
    assert.match(d.finished(input, 'load').summary, /127\.0\.0\.1 is not on the list/)
    assert.equal(d.finished(input, 'load').error?.code, 'load.refused')
    assert.equal(d.target.count, 0)
    assert.deepEqual(d.world.calls, [])
  })

  test('slower than the runs before fails, and is held against runs of its own configuration', async () => {
    d.answer = response => { setTimeout(() => response.end('{}'), 60) }
    const asked: unknown[] = []
    d.earlier = async () => { asked.push(1); return { runs: [{ runId: 'one', p95Ms: 4 }, { runId: 'two', p95Ms: 6 }], otherConfigurations: 0 } }
    const input = d.of([load()])
    d.isHonest((await d.run(input)).verdict, 'failed')
    assert.equal(d.loadOf().baseline?.outcome, 'worse')
    assert.match(d.loadOf().reasons.join('; '), /slower than before/)
    assert.equal(asked.length, 1)
  })

  test('whose d.earlier runs cannot be asked for is judged without them, and says so', async () => {
    d.earlier = async () => { throw new DrillError('store.down', 'the store is down') }
    d.isHonest((await d.run(d.of([load()]))).verdict, 'passed')
    assert.deepEqual([d.loadOf().baseline?.outcome, /store is down/.test(d.loadOf().baseline!.why)], ['not-compared', true])
  })

  test('tells how far it is while it runs, beside the timeline', async () => {
    const input = d.of([load({ runTime: '20s' })])
    await d.temporal.door.start(input)
    await becomes(async () => (await d.temporal.door.progress(input.drillId)).length > 0, 'it tells how far it is')
    const [progress] = await d.temporal.door.progress(input.drillId)
    assert.equal(progress!.step, 'load')
    assert.match(progress!.text, /4 users {2}.*requests/)
    assert.ok((progress!.figures as LoadLive).requests > 0)
    await d.temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'seen enough' })
    await d.result(input)
    assert.deepEqual(await d.temporal.door.progress(input.drillId), [])
  })

  test('is ended within a second by an abort, and what it measured is kept', async () => {
    const input = d.of([load({ runTime: '30s' }), cut('a')])
    await d.temporal.door.start(input)
    await becomes(() => d.target.count > 20, 'load arrives')
    await d.temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'enough' })
    const abortedAt = performance.now()
    let last = { count: -1, atMs: abortedAt }
    await becomes(() => {
      if (d.target.count !== last.count) last = { count: d.target.count, atMs: performance.now() }
      return performance.now() - last.atMs > 500
    }, 'it grows quiet')
    assert.ok(last.atMs - abortedAt < 1500, `requests came for ${Math.round(last.atMs - abortedAt)} ms after the abort`)
    assert.equal((await d.result(input)).verdict, 'aborted')
    assert.ok(d.loadOf().total.requests > 15, 'the partial result is kept')
    assert.equal(d.loadOf().verdict, 'aborted')
    assert.deepEqual(d.world.calls, [])
  })

  test('whose worker dies is invalid with its last figures, and is never made twice', async () => {
    let made = 0
    let release = (): void => {}
    const over = new Promise<void>(resolve => { release = resolve })
    // As a worker that is killed: it has spoken, and speaks no more.
    d.dying = async () => {
      made++
      Context.current().heartbeat({ step: 'load', text: '10 users 20/s p99 5 ms' })
      await over
      throw new Error('too late')
    }
    try {
      const { verdict, why } = await d.run(d.of([load(), cut('a')]))
      assert.deepEqual([verdict, made, d.world.calls.length], ['invalid', 1, 0])
      assert.match(why, /the worker that made the load was lost; its last word: 10 users 20\/s p99 5 ms/)
    } finally {
      release()
    }
  })

  test('whose result the store does not take passes all the same, and its result comes later', async () => {
    d.storeIsDown = true
    const input = d.of([load()])
    const { verdict } = await d.run(input)
    assert.match(verdict, /passed|invalid/)
    assert.match(d.find(input, 'finding.raised').map(event => event.text).join('; '), /not in the store yet/)
    await d.results.ship()
    assert.equal(d.kept.length, 0)
    d.storeIsDown = false
    await d.results.ship()
    await d.results.ship()
    assert.equal(d.kept.length, 1, 'it is brought once the store is back, once')
    assert.equal(d.loadOf().runId, d.find(input, 'load.measured')[0]!.load.runId)
  })
})
