import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { judgeLoad, judgeThreshold, thresholdText } from '../src/drill/load-verdict.js'
import type { LoadQuality } from '../src/drill/load.js'
import { compileBehaviour } from '../src/load/compile.js'
import { countsOf, dealUsers } from '../src/load/deal.js'
import { Gathering } from '../src/load/gathering.js'
import type { Window } from '../src/load/generator.js'
import { Histogram } from '../src/load/histogram.js'
import { mergeRuns, readPart, writePart } from '../src/load/merge.js'
import { seeded } from '../src/load/random.js'
import { Series, type SeriesWindow } from '../src/load/series.js'
import { measure, Tally } from '../src/load/tally.js'
import { planOf, step } from './fixtures/load.js'

const good: LoadQuality = { planned: 100, sent: 100, missed: 0, skipped: 0, latenessP99Ms: 2, busiestLoop: 0.1 }

describe('adding up', () => {
  test('the tally of the shards is the tally of all samples, to the last bucket', () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.double({ min: 0, max: 150_000, noNaN: true }), fc.boolean())
    fc.assert(fc.property(fc.array(sample, { minLength: 1, maxLength: 300 }), samples => {
      const series = (): Series => new Series({ endpoint: 'page', userType: 'Visitor' })
      const shards = [series(), series(), series(), series()]
      const whole = series()
      for (const [at, ms, failed] of samples) for (const one of [shards[at]!, whole]) one.record(ms, ms / 2, failed ? 'http5xx' : undefined, ms > 1000)
      const [one, nested, all] = [new Tally(), new Tally(), new Tally()]
      const windows = shards.flatMap(shard => shard.take() ?? [])
      // Two are added up first, as a worker does, and the rest to what it sends.
      one.add(windows.slice(0, 2))
      nested.add(one.export())
      nested.add(windows.slice(2))
      all.add([whole.take()!])
      const [parts, entire] = [nested.export()[0]!, all.export()[0]!]
      assert.deepEqual(nested.figures(), all.figures())
      assert.deepEqual(Buffer.from(parts.response), Buffer.from(entire.response))
      assert.deepEqual(Buffer.from(parts.service), Buffer.from(entire.service))
      assert.deepEqual({ ...parts, response: 0, service: 0 }, { ...entire, response: 0, service: 0 })
      for (const each of [...shards, whole, one, nested, all]) each.destroy()
    }), { numRuns: 40 })
  })

  test('what the shards measured, merged after a way over the wire, is what one run of all of them measures: figures, lateness, and every second', () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 }), fc.double({ min: 0, max: 3000, noNaN: true }), fc.boolean())
    fc.assert(fc.property(fc.array(sample, { minLength: 1, maxLength: 200 }), samples => {
      const shards = [0, 1, 2].map(() => new Gathering(1, () => {}, true))
      const whole = new Gathering(3, () => {})
      for (let second = 0; second < 4; second++) {
        for (const [number, shard] of shards.entries()) {
          const series = new Series({ endpoint: 'page', userType: 'Visitor' })
          const lateness = Histogram.create()
          for (const [of, at, ms, failed] of samples) {
            if (of !== number || at !== second) continue
            series.record(ms, ms / 2, failed ? 'http5xx' : undefined, ms > 1000)
            lateness.recordMs(ms / 100)
          }
          const taken = series.take()
          const window: Window = {
            generator: 0, index: second, fromMs: second * 1000, toMs: (second + 1) * 1000, users: number + 1, planned: 5, sent: 4, missed: { Visitor: number }, skipped: 1,
            series: taken ? [taken] : [], lateness: lateness.encode(), loop: number / 10, examples: [], slow: [], last: second === 3,
          }
          shard.add(window)
          whole.add({ ...window, generator: number })
          series.destroy()
          lateness.destroy()
        }
      }
      const parts = shards.map(shard => readPart(writePart({ measured: shard.measured(1_000_000, 4000), endedBy: [] })))
      const { responses: _, ...merged } = mergeRuns(parts, []).measured
      const one = whole.measured(1_000_000, 4000)
      const bytes = (windows: SeriesWindow[]) => windows.map(({ response, service, ...rest }) => ({ ...rest, response: Buffer.from(response).toString('base64'), service: Buffer.from(service).toString('base64') }))
      assert.deepEqual(bytes(merged.series), bytes(one.series))
      assert.deepEqual({ ...merged, series: 0, lateness: Buffer.from(merged.lateness).toString('base64') }, { ...one, series: 0, lateness: Buffer.from(one.lateness).toString('base64') })
      for (const each of [...shards, whole]) each.destroy()
    }), { numRuns: 30 })
  })

  test('shards that began at different times are laid over each other by their clocks, and the earliest end of a threshold counts', () => {
    const threshold = { metric: 'errorShare' as const, atMost: 0 }
    const part = (startedAtMs: number, endedAtMs: number) => {
      const gathering = new Gathering(1, () => {}, true)
      const lateness = Histogram.create()
      gathering.add({
        generator: 0, index: 0, fromMs: 0, toMs: 1000, users: 1, planned: 1, sent: 1, missed: {}, skipped: 0,
        series: [], lateness: lateness.encode(), loop: 0, examples: [], slow: [], last: true,
      })
      lateness.destroy()
      const measured = gathering.measured(startedAtMs, 1000)
      gathering.destroy()
      return { measured, endedBy: [[0, endedAtMs]] as Array<[number, number]> }
    }
    const { measured, endedBy } = mergeRuns([part(10_000, 900), part(12_000, 700)], [threshold])
    assert.deepEqual([measured.startedAtMs, measured.durationMs, measured.points.map(({ atMs, users }) => [atMs, users])], [10_000, 3000, [[1000, 1], [3000, 1]]])
    assert.equal(endedBy.get(threshold), 700)
  })

  test('percentiles are those of an exact sort within a tenth of a percent', () => {
    const random = seeded(3)
    const values = Array.from({ length: 20_000 }, () => Math.round(1 + random() ** 6 * 5_000_000) / 1000)
    const histogram = Histogram.create()
    for (const ms of values) histogram.recordMs(ms)
    const sorted = values.toSorted((a, b) => a - b)
    for (const percentile of [50, 75, 90, 95, 99, 99.9]) {
      const exact = sorted[Math.ceil(sorted.length * percentile / 100) - 1]!
      const ours = histogram.percentileMs(percentile)!
      assert.ok(Math.abs(ours - exact) <= exact * 0.001 + 0.001, `p${percentile}: ${ours}, exactly ${exact}`)
    }
    histogram.destroy()
  })

  test('an empty histogram has no percentile', () => {
    const histogram = Histogram.create()
    assert.equal(histogram.percentileMs(99), undefined)
    histogram.recordMs(500_000)
    assert.equal(histogram.count, 1, 'what is longer than its range counts as the longest')
    histogram.destroy()
  })

  test('connections that never came to be have no response time; what the end cut off is no request', () => {
    const series = new Series({ endpoint: 'page', userType: 'Visitor' })
    series.record(1, 1, 'connect', false)
    series.record(3000, 3000, 'timeout', true)
    series.record(5, 5, 'aborted', false)
    const window = series.take()!
    const tally = new Tally()
    tally.add([window])
    assert.equal(tally.figures().requests, 2)
    assert.equal(tally.figures().errors, 2)
    assert.equal(tally.timed(), 1)
    assert.deepEqual(tally.failures(), { connect: 1, timeout: 1, aborted: 1 })
    tally.destroy()
    series.destroy()
  })
})

describe('judging', () => {
  test('a threshold over nothing, or over too little, is not kept', () => {
    const tally = new Tally()
    const counts = { seconds: 10, planned: 0, missed: 0 }
    for (const metric of ['responseMs', 'serviceMs', 'errorShare', 'missedShare', 'requestsPerSecond'] as const) {
      const { kept, why } = judgeThreshold({ metric, atMost: 1000 }, measure({ metric, atMost: 1000 }, tally, counts))
      assert.equal(kept, false, metric)
      assert.match(why, /: nothing to judge it by, 0 of at least 1 requests$/)
    }
    tally.destroy()
    assert.equal(judgeThreshold({ metric: 'errorShare', atMost: 1, minSamples: 20 }, { value: 0, samples: 19 }).why, 'errors at most 100 %: nothing to judge it by, 19 of at least 20 requests')
  })

  test('the limit itself is kept, and what is beyond it is told with its value', () => {
    assert.equal(judgeThreshold({ metric: 'responseMs', stat: 'p99', atMost: 500 }, { value: 500, samples: 1 }).kept, true)
    assert.equal(judgeThreshold({ metric: 'responseMs', stat: 'p99', atMost: 500 }, { value: 501, samples: 1 }).why, 'p99 response time at most 500 ms: 501 ms')
    assert.equal(judgeThreshold({ metric: 'requestsPerSecond', atLeast: 19 }, { value: 18.94, samples: 1 }).why, 'requests a second at least 19: 18.9')
    assert.equal(thresholdText({ metric: 'errorShare', atMost: 0.001, endpoint: 'checkout', userType: 'AdminUser' }), 'errors of checkout of AdminUser at most 0.1 %')
  })

  test('validity comes before the verdict', () => {
    const thresholds = [judgeThreshold({ metric: 'responseMs', atMost: 1 }, { value: 2, samples: 1 })]
    const judged = (quality: Partial<LoadQuality>, requests = 100) => judgeLoad({ quality: { ...good, ...quality }, requests, thresholds, broken: [], findings: [] })
    assert.equal(judged({}).verdict, 'failed')
    assert.match(judged({ latenessP99Ms: 26 }).why, /^the generator was late itself: p99 26 ms/)
    assert.match(judged({ busiestLoop: 0.81 }).why, /^the generator was busy 81 % of the time, at most 80 %/)
    assert.match(judged({ skipped: 6 }).why, /^the generator left out 6 % of the plan for reasons of its own/)
    assert.match(judged({}, 0).why, /^no request came to an end/)
    assert.match(judged({ planned: 0 }, 0).why, /^no request was ever due/)
    for (const quality of [{ latenessP99Ms: 26 }, { busiestLoop: 0.81 }, { skipped: 6 }, { apartMs: 1001 }]) assert.equal(judged(quality).verdict, 'invalid')
    assert.equal(judgeLoad({ quality: { ...good, skipped: 50 }, requests: 1, thresholds, broken: [], findings: [], cancelled: 'ended by hand' }).verdict, 'aborted')
  })

  test('a shortened run says so in its verdict', () => {
    const facts = { quality: good, requests: 100, thresholds: [judgeThreshold({ metric: 'errorShare', atMost: 1 }, { value: 0, samples: 1 })], broken: [], findings: [], shortened: 'a try' }
    assert.equal(judgeLoad(facts).why, 'kept its threshold (a try)')
    assert.deepEqual(judgeLoad({ ...facts, broken: ['it leaks'] }).reasons, ['it leaks (a try)'])
  })
})

describe('dealing users', () => {
  test('users are dealt by largest remainder: ten of 70/20/10 are 7, 2 and 1', () => {
    const mix = { BaselineUser: 70, PeakUser: 20, AdminUser: 10 }
    assert.deepEqual(countsOf(10, mix), { BaselineUser: 7, PeakUser: 2, AdminUser: 1 })
    assert.deepEqual(countsOf(4, mix), { BaselineUser: 3, PeakUser: 1, AdminUser: 0 })
    const mixes = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 100 }), { minKeys: 1, maxKeys: 5 })
    fc.assert(fc.property(fc.integer({ min: 1, max: 500 }), mixes, (users, mix) => {
      const counts = countsOf(users, mix)
      const total = Object.values(mix).reduce((sum, share) => sum + share, 0)
      assert.equal(Object.values(counts).reduce((sum, count) => sum + count, 0), users)
      for (const [type, count] of Object.entries(counts)) assert.ok(Math.abs(count - users * mix[type]! / total) < 1, `${type}: ${count}`)
    }))
  })

  test('a ramp and levels say when each user begins, and no two are in step', () => {
    const { scenario } = planOf({ url: 'http://x', scenario: { users: 20, spawnRate: 1, every: '500ms' } })
    const starts = dealUsers(scenario, 1).map(({ startMs }) => startMs)
    for (const [index, startMs] of starts.entries()) assert.ok(startMs >= index * 1000 && startMs < index * 1000 + 500, `user ${index} begins at ${startMs}`)
    const stepped = dealUsers({ ...scenario, spawnRate: 10, levels: { users: 10, every: '60s' } }, 1).map(({ startMs }) => startMs)
    assert.ok(stepped[9]! < 2000 && stepped[10]! >= 60_000 && stepped[19]! < 62_000, stepped.join(' '))
    assert.equal(new Set(starts.map(startMs => Math.round(startMs % 500))).size > 15, true)
  })

  test('tasks are drawn by weight, the same from the same seed, and one of weight 0 never', () => {
    const tasks = Object.entries({ a: 3, none: 0, b: 1 }).map(([name, weight]) => ({ name, weight, steps: [step(name)] }))
    const behaviour = { name: 'b', userTypes: { V: { tasks } } }
    const type = compileBehaviour(behaviour, { basePath: '/', headers: {} }).get('V')!
    const draw = (seed: number): string[] => { const random = seeded(seed); return Array.from({ length: 400 }, () => type.draw(random())[0]!.series.endpoint) }
    assert.deepEqual(draw(5), draw(5))
    const count = draw(5).filter(endpoint => endpoint === 'a').length
    assert.ok(count > 260 && count < 340, `a was drawn ${count} times of 400`)
    assert.ok(!draw(5).includes('none'))
    assert.equal(type.draw(0.9999999)[0]!.series.endpoint, 'b')
  })

  test('beyond 200 names endpoints are counted together', () => {
    const steps = Array.from({ length: 250 }, (_, index) => step(`page ${index}`))
    const compiled = compileBehaviour({ name: 'b', userTypes: { V: { tasks: [{ name: 't', weight: 1, steps }] } } }, { basePath: '/', headers: {} }).get('V')!.draw(0)
    assert.equal(new Set(compiled.map(({ series }) => series.endpoint)).size, 201)
    assert.equal(compiled.at(-1)!.series.endpoint, 'other')
  })
})
