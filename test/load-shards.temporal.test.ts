import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPart } from '../src/load/merge.js'
import { load, loadDrills } from './fixtures/load-drills.js'

const d = loadDrills()

describe('a load in shards', () => {
  test('is made by as many activities, and judged as if one had made it', async () => {
    const input = d.of([load({ shards: 3, runTime: '4s' })], { given: { users: 5 } })
    d.isHonest((await d.run(input)).verdict, 'passed')
    const result = d.loadOf()
    assert.equal(result.total.requests, d.target.count, 'every request counts once')
    assert.deepEqual([result.users, Math.max(...result.points.map(point => point.users))], [5, 5])
    assert.equal(result.points.reduce((sum, point) => sum + point.requests, 0), result.total.requests)
    const { events } = await d.temporal.client.workflow.getHandle(input.drillId).fetchHistory()
    const names = events!.flatMap(event => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []).filter(name => name.startsWith('load.'))
    assert.deepEqual(names.sort(), ['load.merge', 'load.shard', 'load.shard', 'load.shard'])
  })

  test('begins everywhere at the same time, however late one of its workers hears of it; one that cannot makes it invalid', async () => {
    d.shardDelayMs = 800
    const nowMs = Date.now()
    const input = d.of([load({ shards: 2 })])
    await d.run(input)
    assert.equal(d.toldToBegin.length, 2)
    assert.equal(d.toldToBegin[0], d.toldToBegin[1])
    assert.ok(d.toldToBegin[0]! > nowMs, 'while there is still time to get ready')
    const begins = [...d.parts].filter(([key]) => key.startsWith(d.loadOf().runId)).map(([, part]) => readPart(part).measured.startedAtMs)
    const { quality, reasons } = d.loadOf()
    assert.equal(quality.apartMs, Math.max(...begins) - Math.min(...begins))
    // A machine so busy that one was not ready in time made no such load, and says it.
    if (quality.apartMs > 1000) assert.match(reasons.join('; '), /the generators of its shards began .* apart/)
  })

  test('of which one begins far too late is invalid, and says how far apart', async () => {
    d.shardDelayMs = 8000
    const input = d.of([load({ shards: 2, runTime: '5s' })])
    assert.equal((await d.run(input)).verdict, 'invalid')
    assert.match(d.loadOf().reasons.join('; '), /the generators of its shards began \d+\.\d+ s apart, at most 1\.00 s/)
  })

  test('is up once the users of every shard are there, ends as one, and keeps what each measured', async () => {
    const input = d.of([load({ shards: 2, background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '300ms' }])
    await d.run(input)
    await d.assertQuiet()
    assert.equal(d.loadOf().total.requests, d.target.count)
    assert.equal(d.loadOf().isHeld, true)
  })

  test('that loses a shard is invalid, and its other shards end', async () => {
    d.lostShard = true
    const { verdict, why } = await d.run(d.of([load({ shards: 2, runTime: '30s' })]))
    assert.equal(verdict, 'invalid', why)
    assert.match(why, /a generator died/)
    await d.assertQuiet()
  })

  test('of a scenario that steps up is refused', async () => {
    const input = d.of([load({ shards: 2 })], { given: { levels: { users: 2, every: '500ms' } } })
    assert.equal((await d.run(input)).verdict, 'failed')
    assert.match(d.finished(input, 'load').summary, /steps up/)
    assert.equal(d.target.count, 0)
  })
})
