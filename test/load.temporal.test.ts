import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApplicationFailure, Context } from '@temporalio/activity'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { createActivities, type ActivityDeps, type LoadCall, type ShardCall } from '../activities/index.js'
import { resultsIn, type Results, type ResultOnItsWay } from '../activities/results.js'
import type { Earlier } from '../src/drill/baseline.js'
import type { DrillInput } from '../src/drill/input.js'
import type { LoadLive, LoadResult, LoadScenario } from '../src/drill/load.js'
import type { LoadStep, Step } from '../src/drill/runbook.js'
import type { DrillEvent, EventOf, EventType } from '../src/drill/timeline.js'
import { DrillError } from '../src/errors.js'
import { readPart } from '../src/load/merge.js'
import { sendEdge, sendLoadUp } from '../src/temporal/drills.js'
import type { DrillResult } from '../workflows/drill.js'
import { startTarget, step as httpStep, type Target } from './fixtures/load.js'
import { ana, cut, drillOf, startTemporal, type TestTemporal } from './fixtures/temporal.js'
import { World } from './fixtures/world.js'

let temporal: TestTemporal
let world: World
let worker: { stop: () => Promise<void> }
let target: Target
let dir: string
let kept: ResultOnItsWay[]
let earlier: () => Promise<Earlier>
let storeIsDown = false
const parts = new Map<string, string>()
let results: Results
/** In the place of the real load. */
let lostShard = false
/** How much later the second shard reaches its worker. */
let shardDelayMs = 0
let toldToBegin: Array<number | undefined> = []
let dying: ((call: LoadCall) => Promise<never>) | undefined
/** What the target does; a test changes it while it is under load. */
let answer: (response: ServerResponse) => void

before(async () => {
  temporal = await startTemporal()
  const deps: Partial<ActivityDeps> = {
    results: { keep: async result => await results.keep(result), ship: async () => { await results.ship() } },
    earlierRuns: async () => await earlier(),
    sendLoadUp: async (drillId, step, shard) => { await sendLoadUp(temporal.client, drillId, step, shard) },
    saveShard: async (runId, shard, part) => { parts.set(`${runId} ${shard}`, part) },
    shardsOf: async runId => [...parts].filter(([key]) => key.startsWith(`${runId} `)).map(([, part]) => part),
    secret: async ref => { throw new DrillError('secret.missing', `${ref} is not set`) },
    log: () => {},
  }
  const real = createActivities(deps as ActivityDeps)
  const names = Object.keys(new World().activities())
  worker = await temporal.work({
    ...Object.fromEntries(names.map(name => [name, async (input: never) => await world.activities()[name]!(input)])),
    'load.run': async (call: LoadCall) => await (dying ?? real['load.run'])(call),
    'load.shard': async (call: ShardCall) => {
      if (lostShard && call.shard.index === 1) throw ApplicationFailure.nonRetryable('a generator died', 'load.failed')
      toldToBegin.push(call.beginAtMs)
      for (const untilMs = Date.now() + shardDelayMs; call.shard.index === 1 && Date.now() < untilMs; await sleep(100)) Context.current().heartbeat()
      return await real['load.shard'](call)
    },
    'load.merge': real['load.merge'], 'suite.run': real['suite.run'],
  })
})
after(async () => {
  await worker?.stop()
  await temporal?.stop()
})
beforeEach(async () => {
  world = new World()
  world.holderOf = async environment => await temporal.door.holder(environment)
  answer = response => { response.end('{}') }
  target = await startTarget((_request, response) => { answer(response) })
  dir = mkdtempSync(join(tmpdir(), 'muster-load-'))
  kept = []
  storeIsDown = false
  shardDelayMs = 0
  earlier = async () => ({ runs: [], otherConfigurations: 0 })
  results = resultsIn({
    dataDir: dir, patienceMs: 0, log: () => {},
    save: async result => {
      if (storeIsDown) throw new DrillError('store.down', 'the store is down')
      kept.push(result)
    },
  })
})
afterEach(async () => {
  await target.close()
  rmSync(dir, { recursive: true, force: true })
})

const scenario: LoadScenario = {
  name: 'try', title: 'A try', users: 4, runTime: '1s', spawnRate: 1000, every: '100ms', timeout: '1s', behaviour: 'b', mix: { Visitor: 1 },
  thresholds: [{ metric: 'errorShare', atMost: 0 }],
}
const load = (more: Partial<LoadStep> = {}): LoadStep => ({ id: 'load', kind: 'load', scenario: 'try', ...more })
const drill = (steps: Step[], { given = {}, hosts = ['127.0.0.1'] }: { given?: Partial<LoadScenario>, hosts?: string[] } = {}): DrillInput => drillOf(steps, {
  scenarios: { try: { ...scenario, ...given } },
  behaviours: { b: { name: 'b', userTypes: { Visitor: { tasks: [{ name: 't', weight: 1, steps: [httpStep('page')] }] } } } },
  environment: { api: { url: target.url, instances: [] }, load: { hosts } },
})
const result = async (input: DrillInput): Promise<DrillResult> => await temporal.client.workflow.getHandle(input.drillId).result() as DrillResult
const run = async (input: DrillInput): Promise<DrillResult> => {
  await temporal.door.start(input)
  return await result(input)
}
const find = <T extends EventType>(input: DrillInput, type: T): Array<EventOf<T>> =>
  (world.recorded.get(input.drillId) ?? []).filter((event): event is EventOf<T> => event.type === type)
const finished = (input: DrillInput, id: string): EventOf<'step.finished'> => find(input, 'step.finished').find(event => event.step === id)!
const loadOf = (index = 0): LoadResult => kept[index]!.result as LoadResult
async function until (good: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await good()) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  assert.fail(`never so: ${what}`)
}
/** Nothing arrives any more: the load has ended. */
async function assertQuiet (): Promise<void> {
  const count = target.count
  await new Promise(resolve => setTimeout(resolve, 400))
  assert.equal(target.count, count, 'requests still arrive')
}
/** Machines that test are busy with more than one thing: what the generator itself did is not what is tested here. */
const isHonest = (verdict: string, wanted: string): void => { assert.ok(verdict === wanted || (verdict === 'invalid' && /the generator/.test(loadOf().reasons.join())), `${verdict}, wanted ${wanted}: ${loadOf().reasons.join('; ')}`) }

describe('a load step', () => {
  test('puts load on the service; its figures are in the record and the whole result is kept', async () => {
    const input = drill([load()])
    isHonest((await run(input)).verdict, 'passed')
    const [measured] = find(input, 'load.measured')
    assert.equal(measured!.load.requests, loadOf().total.requests)
    assert.ok(target.count >= 20, `${target.count} requests`)
    assert.equal(loadOf().baseline?.outcome, 'first')
    assert.ok(loadOf().points.length >= 1, 'the course over time is in the whole result')
    assert.ok(JSON.stringify(measured).length < 3000, 'only figures enter the history')
    assert.deepEqual(readdirSync(join(dir, 'results')), [], 'what is in the store lies nowhere else')
  })

  test('that breaks an expectation fails the drill, and no step comes after it', async () => {
    answer = response => { response.statusCode = 500; response.end() }
    const input = drill([load(), cut('a')])
    isHonest((await run(input)).verdict, 'failed')
    assert.deepEqual(world.calls, [])
    assert.match(finished(input, 'load').error!.code, /^load\.(fail|blind)$/)
  })

  test('may be a finding only, as its runbook says', async () => {
    answer = response => { response.statusCode = 500; response.end() }
    const input = drill([load({ onFail: 'finding' }), cut('a')])
    assert.equal((await run(input)).verdict, 'passed-with-findings')
    assert.deepEqual(world.calls, ['do a', 'undo a'])
    assert.ok(find(input, 'finding.raised').length > 0)
  })

  test('over nothing is invalid, never passed', async () => {
    const input = drill([load()], { given: { thresholds: [], every: '5s', spawnRate: 0.1, users: 1, runTime: '300ms' } })
    answer = () => {}
    const { verdict, why } = await run(input)
    assert.equal(verdict, 'invalid', why)
    assert.equal(finished(input, 'load').error?.code, 'load.blind')
  })

  test('that may not go there sends nothing, and says which host is not on the list', async () => {
    const input = drill([load(), cut('a')], { hosts: ['other.example'] })
    assert.equal((await run(input)).verdict, 'failed')
    assert.match(finished(input, 'load').summary, /127\.0\.0\.1 is not on the list/)
    assert.equal(finished(input, 'load').error?.code, 'load.refused')
    assert.equal(target.count, 0)
    assert.deepEqual(world.calls, [])
  })

  test('slower than the runs before fails, and is held against runs of its own configuration', async () => {
    answer = response => { setTimeout(() => response.end('{}'), 60) }
    const asked: unknown[] = []
    earlier = async () => { asked.push(1); return { runs: [{ runId: 'one', p95Ms: 4 }, { runId: 'two', p95Ms: 6 }], otherConfigurations: 0 } }
    const input = drill([load()])
    isHonest((await run(input)).verdict, 'failed')
    assert.equal(loadOf().baseline?.outcome, 'worse')
    assert.match(loadOf().reasons.join('; '), /slower than before/)
    assert.equal(asked.length, 1)
  })

  test('whose earlier runs cannot be asked for is judged without them, and says so', async () => {
    earlier = async () => { throw new DrillError('store.down', 'the store is down') }
    isHonest((await run(drill([load()]))).verdict, 'passed')
    assert.deepEqual([loadOf().baseline?.outcome, /store is down/.test(loadOf().baseline!.why)], ['not-compared', true])
  })

  test('tells how far it is while it runs, beside the timeline', async () => {
    const input = drill([load({ runTime: '20s' })])
    await temporal.door.start(input)
    await until(async () => (await temporal.door.progress(input.drillId)).length > 0, 'it tells how far it is')
    const [progress] = await temporal.door.progress(input.drillId)
    assert.equal(progress!.step, 'load')
    assert.match(progress!.text, /4 users {2}.*requests/)
    assert.ok((progress!.figures as LoadLive).requests > 0)
    await temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'seen enough' })
    await result(input)
    assert.deepEqual(await temporal.door.progress(input.drillId), [])
  })

  test('is ended within a second by an abort, and what it measured is kept', async () => {
    const input = drill([load({ runTime: '30s' }), cut('a')])
    await temporal.door.start(input)
    await until(() => target.count > 20, 'load arrives')
    await temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'enough' })
    const abortedAt = performance.now()
    let last = { count: -1, atMs: abortedAt }
    await until(() => {
      if (target.count !== last.count) last = { count: target.count, atMs: performance.now() }
      return performance.now() - last.atMs > 500
    }, 'it grows quiet')
    assert.ok(last.atMs - abortedAt < 1500, `requests came for ${Math.round(last.atMs - abortedAt)} ms after the abort`)
    assert.equal((await result(input)).verdict, 'aborted')
    assert.ok(loadOf().total.requests > 15, 'the partial result is kept')
    assert.equal(loadOf().verdict, 'aborted')
    assert.deepEqual(world.calls, [])
  })

  test('whose worker dies is invalid with its last figures, and is never made twice', async () => {
    let made = 0
    let release = (): void => {}
    const over = new Promise<void>(resolve => { release = resolve })
    // As a worker that is killed: it has spoken, and speaks no more.
    dying = async () => {
      made++
      Context.current().heartbeat({ step: 'load', text: '10 users 20/s p99 5 ms' })
      await over
      throw new Error('too late')
    }
    try {
      const { verdict, why } = await run(drill([load(), cut('a')]))
      assert.deepEqual([verdict, made, world.calls.length], ['invalid', 1, 0])
      assert.match(why, /the worker that made the load was lost; its last word: 10 users 20\/s p99 5 ms/)
    } finally {
      dying = undefined
      release()
    }
  })

  test('whose result the store does not take passes all the same, and its result comes later', async () => {
    storeIsDown = true
    const input = drill([load()])
    const { verdict } = await run(input)
    assert.match(verdict, /passed|invalid/)
    assert.match(find(input, 'finding.raised').map(event => event.text).join('; '), /not in the store yet/)
    await results.ship()
    assert.equal(kept.length, 0)
    storeIsDown = false
    await results.ship()
    await results.ship()
    assert.equal(kept.length, 1, 'it is brought once the store is back, once')
    assert.equal(loadOf().runId, find(input, 'load.measured')[0]!.load.runId)
  })
})

describe('a load in shards', () => {
  test('is made by as many activities, and judged as if one had made it', async () => {
    const input = drill([load({ shards: 3, runTime: '4s' })], { given: { users: 5 } })
    isHonest((await run(input)).verdict, 'passed')
    const result = loadOf()
    assert.equal(result.total.requests, target.count, 'every request counts once')
    assert.deepEqual([result.users, Math.max(...result.points.map(point => point.users))], [5, 5])
    assert.equal(result.points.reduce((sum, point) => sum + point.requests, 0), result.total.requests)
    const { events } = await temporal.client.workflow.getHandle(input.drillId).fetchHistory()
    const names = events!.flatMap(event => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []).filter(name => name.startsWith('load.'))
    assert.deepEqual(names.sort(), ['load.merge', 'load.shard', 'load.shard', 'load.shard'])
  })

  test('begins everywhere at the same time, however late one of its workers hears of it; one that cannot makes it invalid', async () => {
    shardDelayMs = 800
    toldToBegin = []
    const nowMs = Date.now()
    const input = drill([load({ shards: 2 })])
    await run(input)
    assert.equal(toldToBegin.length, 2)
    assert.equal(toldToBegin[0], toldToBegin[1])
    assert.ok(toldToBegin[0]! > nowMs, 'while there is still time to get ready')
    const begins = [...parts].filter(([key]) => key.startsWith(loadOf().runId)).map(([, part]) => readPart(part).measured.startedAtMs)
    const { quality, reasons } = loadOf()
    assert.equal(quality.apartMs, Math.max(...begins) - Math.min(...begins))
    // A machine so busy that one was not ready in time made no such load, and says it.
    if (quality.apartMs > 1000) assert.match(reasons.join('; '), /the generators of its shards began .* apart/)
  })

  test('of which one begins far too late is invalid, and says how far apart', async () => {
    shardDelayMs = 8000
    const input = drill([load({ shards: 2, runTime: '5s' })])
    assert.equal((await run(input)).verdict, 'invalid')
    assert.match(loadOf().reasons.join('; '), /the generators of its shards began \d+\.\d+ s apart, at most 1\.00 s/)
  })

  test('is up once the users of every shard are there, ends as one, and keeps what each measured', async () => {
    const input = drill([load({ shards: 2, background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '300ms' }])
    await run(input)
    await assertQuiet()
    assert.equal(loadOf().total.requests, target.count)
    assert.equal(loadOf().isHeld, true)
  })

  test('that loses a shard is invalid, and its other shards end', async () => {
    lostShard = true
    try {
      const input = drill([load({ shards: 2, runTime: '30s' })])
      const { verdict, why } = await run(input)
      assert.equal(verdict, 'invalid', why)
      assert.match(why, /a generator died/)
      await assertQuiet()
    } finally {
      lostShard = false
    }
  })

  test('of a scenario that steps up is refused', async () => {
    const input = drill([load({ shards: 2 })], { given: { levels: { users: 2, every: '500ms' } } })
    assert.equal((await run(input)).verdict, 'failed')
    assert.match(finished(input, 'load').summary, /steps up/)
    assert.equal(target.count, 0)
  })
})

describe('a load that is held', () => {
  const countAt: Record<string, number> = {}
  const counted = (id: string): Step => ({ id, kind: 'check', check: 'http.ok', with: { url: id } })
  beforeEach(() => {
    const inner = world.activities.bind(world)
    world.activities = () => ({
      ...inner(), 'check.http.ok': async (input: { with: { url: string } }) => {
        countAt[input.with.url] = target.count
        return { outcome: 'pass', observed: 'good', expected: 'good' }
      }
    } as never)
  })

  test('is up before the next step, goes on beside the next ones, and ends by an undo', async () => {
    const input = drill([load({ background: true, runTime: '30s' }), cut('a'), { id: 'rest', kind: 'wait', for: '400ms' }, counted('before'), { id: 'end', kind: 'undo', of: 'load' }, counted('at-end'), { id: 'pause', kind: 'wait', for: '600ms' }, counted('after')])
    await run(input)
    assert.ok(countAt['before']! >= 4, 'all users were there before the next step')
    assert.equal(countAt['after'], countAt['at-end'], 'nothing arrives after its end')
    const order = (world.recorded.get(input.drillId) ?? []).map(event => event.type === 'step.started' || event.type === 'step.finished' ? `${event.type.slice(5)} ${event.step}` : event.type)
    assert.ok(order.indexOf('started a') < order.indexOf('finished load'), 'other steps ran meanwhile')
    assert.ok(order.indexOf('finished load') < order.indexOf('finished end'), 'its end is waited for')
    assert.equal(loadOf().isHeld, true)
    assert.notEqual(loadOf().verdict, 'aborted', 'its end is no abort')
    assert.equal(loadOf().baseline?.outcome, 'not-compared')
  })

  test('ends with the last step, before anything is undone', async () => {
    const input = drill([load({ background: true, runTime: '30s' }), cut('a')])
    await run(input)
    await assertQuiet()
    const types = (world.recorded.get(input.drillId) ?? []).map((event: DrillEvent) => event.type)
    assert.ok(types.indexOf('load.measured') < types.indexOf('undo.started'))
    assert.equal(kept.length, 1)
  })

  test('is ended by an abort, and its step says so', async () => {
    const input = drill([load({ background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '20s' }])
    await temporal.door.start(input)
    await until(async () => (await temporal.door.status(input.drillId)).steps.find(step => step.id === 'rest')?.state === 'running', 'the load is held')
    await temporal.door.abort(input.drillId, { person: ana, door: 'api', reason: 'enough' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.equal(finished(input, 'load').outcome, 'aborted')
    assert.ok(loadOf().total.requests > 0)
    await assertQuiet()
  })

  test('finds the errors that customers still get after the probe has seen the recovery', async () => {
    world.sendEdge = async (drillId, edge) => { await sendEdge(temporal.client, drillId, edge as never) }
    const observe = { probe: { interval: '100ms', timeout: '500ms', failures: 3, successes: 3 } }
    const after = async (failsAgain: boolean): Promise<string[]> => {
      const given = { thresholds: [{ metric: 'requestsPerSecond' as const, atLeast: 1 }], timeout: '1s' }
      const input = drill([load({ background: true, runTime: '30s', onFail: 'finding' }), { id: 'rest', kind: 'wait', for: '3500ms' }], { given })
      input.runbook.observe = observe
      await temporal.door.start(input)
      await until(async () => (await temporal.door.status(input.drillId)).steps.find(step => step.id === 'rest')?.state === 'running', 'the load is held')
      const fail = async (ms: number): Promise<void> => {
        answer = response => { response.statusCode = 503; response.end() }
        await new Promise(resolve => setTimeout(resolve, ms))
        answer = response => { response.end('{}') }
      }
      const downAtMs = Date.now()
      await sendEdge(temporal.client, input.drillId, { edge: 'down', target: 'api', firstFailedAtMs: downAtMs, confirmedAtMs: downAtMs, error: '503' })
      await fail(300)
      await sendEdge(temporal.client, input.drillId, { edge: 'up', target: 'api', firstGoodAtMs: Date.now(), confirmedAtMs: Date.now() })
      if (failsAgain) await fail(2500)
      await result(input)
      assert.ok(find(input, 'load.measured')[0]!.load.errors > 0, 'customers felt the outage')
      return find(input, 'finding.raised').map(event => event.text).filter(text => !/the generator/.test(text))
    }
    assert.deepEqual(await after(false), [])
    assert.match((await after(true)).join(), /customers still got errors \d.* after the probe had seen the recovery/)
  })

  test('that may not be made breaks nothing: no step comes after it', async () => {
    const input = drill([load({ background: true }), cut('a')], { hosts: ['other.example'] })
    assert.equal((await run(input)).verdict, 'failed')
    assert.deepEqual(world.calls, [])
  })

  test('that a threshold ends stops the drill at the next step', async () => {
    const thresholds = [{ metric: 'errorShare' as const, atMost: 0.5, abortOnFail: true, grace: '1s', window: '1s' }]
    const input = drill([load({ background: true, runTime: '30s' }), { id: 'rest', kind: 'wait', for: '4s' }, cut('a')], { given: { thresholds } })
    await temporal.door.start(input)
    await until(async () => (await temporal.door.status(input.drillId)).steps.find(step => step.id === 'rest')?.state === 'running', 'the load is held')
    answer = response => { response.statusCode = 500; response.end() }
    isHonest((await result(input)).verdict, 'failed')
    assert.deepEqual(world.calls, [], 'nothing is broken under a load that is gone')
    assert.equal(find(input, 'step.finished').filter(event => event.step === 'load').length, 1)
  })
})

describe('a suite step', () => {
  const suite = (status: number, params: Record<string, string> = { path: '/' }) => ({
    name: 'mine', title: 'Mine', params,
    checks: [{ id: 'page', category: 'health' as const, check: 'journey' as const, with: { steps: [{ name: 'page', request: { path: '{{ params.path }}' }, expect: { status } }] } }],
  })
  const suiteDrill = (status: number, more: Partial<Extract<Step, { kind: 'suite' }>> = {}, closed = false): DrillInput => drillOf([{ id: 'smoke', kind: 'suite', suite: 'mine', ...more }, cut('a')], {
    suites: { mine: suite(status) }, environment: { api: { url: closed ? 'http://127.0.0.1:1' : target.url, instances: [] } },
  })

  test('that passes is a pass, with its answers kept', async () => {
    const input = suiteDrill(200)
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(find(input, 'suite.answered').map(({ suite: { passed, failed, verdict } }) => [passed, failed, verdict]), [[1, 0, 'passed']])
    assert.equal(kept[0]!.kind, 'suite')
  })

  test('that fails ends the drill, or is a finding where the runbook says so', async () => {
    assert.equal((await run(suiteDrill(201))).verdict, 'failed')
    assert.deepEqual(world.calls, [])
    assert.equal((await run(suiteDrill(201, { onFail: 'finding' }))).verdict, 'passed-with-findings')
    assert.deepEqual(world.calls, ['do a', 'undo a'])
  })

  test('that cannot be asked is no pass', async () => {
    const input = suiteDrill(200, {}, true)
    const { verdict } = await run(input)
    assert.match(verdict, /failed|invalid/)
    assert.deepEqual(world.calls, [])
  })

  test('that is not there, or takes no such parameter, fails with its name', async () => {
    const unknown = suiteDrill(200, { suite: 'other' })
    assert.equal((await run(unknown)).verdict, 'failed')
    assert.match(finished(unknown, 'smoke').summary, /no suite "other"/)
    const wrong = suiteDrill(200, { params: { nothing: 'x' } })
    assert.equal((await run(wrong)).verdict, 'failed')
    assert.match(finished(wrong, 'smoke').summary, /no parameter "nothing"/)
  })
})
