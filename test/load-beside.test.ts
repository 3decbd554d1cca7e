import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { LoadLive, LoadResult } from '../src/drill/load.js'
import { trendOf } from '../src/drill/trend.js'
import type { LoadDoor } from '../src/cli/load-door.js'
import { DrillError } from '../src/errors.js'
import { leaksOf } from '../src/load/leaks.js'
import { seeded } from '../src/load/random.js'
import { resourcesOf } from '../src/load/resources.js'
import { runCli } from './fixtures/api.js'
import { planOf } from './fixtures/load.js'
import { serving } from './fixtures/loopback.js'

// What stands beside the requests of a load: growth, resources, and the command.

const minute = 60_000
/** A sample every 10 s for an hour: `perHour` of growth, and noise that is always the same. */
const series = (perHour: number, noise: number, seed = 5): Array<[number, number]> => {
  const random = seeded(seed)
  return Array.from({ length: 360 }, (_, index) => [index * 10_000, 100 + perHour * index / 360 + (random() - 0.5) * noise])
}

describe('a trend', () => {
  test('is found in the noise, and its slope is right', () => {
    const { perHour, p } = trendOf(series(30, 20))!
    assert.ok(Math.abs(perHour - 30) < 4, `${perHour} an hour`)
    assert.ok(p < 0.001, `p ${p}`)
  })

  test('of mere noise is chance', () => {
    for (const seed of [1, 2, 3, 4]) assert.ok(trendOf(series(0, 20, seed))!.p > 0.01, `seed ${seed}`)
  })

  test('of outliers alone is none: both tests shrug at them', () => {
    const samples = series(0, 2).map(([at, value], index): [number, number] => [at, index % 50 === 49 ? value + 1000 : value])
    assert.ok(Math.abs(trendOf(samples)!.perHour) < 2)
  })

  test('of too few samples, or of one value alone, is not made up', () => {
    assert.equal(trendOf(series(30, 1).slice(0, 9)), undefined)
    assert.ok(trendOf(series(0, 0))!.p > 0.99)
  })
})

describe('growth', () => {
  const rules = [{ series: 'api memory', perHourAtMost: 20 }, { series: 'p95', perHourAtMost: 50 }]
  const ask = (samples: Array<[number, number]>, { durationMs = 60 * minute, scale }: { durationMs?: number, scale?: number } = {}) => {
    const plan = planOf({ url: 'http://x', scenario: { leaks: rules }, plan: scale === undefined ? {} : { scale } })
    const points = samples.map(([atMs]) => ({ atMs, users: 1, requests: 1, errors: 0, missed: 0, p95Ms: 100 }))
    return leaksOf(plan, { points, durationMs }, [{ name: 'api memory', unit: 'bytes', samples, min: 0, mean: 0, max: 0 }])
  }

  test('above what is allowed is a leak; below, or flat, is none', () => {
    const [leak, p95] = ask(series(60, 10))
    assert.deepEqual([leak!.kept, p95!.kept], [false, true])
    assert.match(leak!.why, /^api memory grows by \d+.* an hour, at most 20: it leaks$/)
    assert.equal(ask(series(10, 10))[0]!.kept, true)
    assert.equal(ask(series(0, 10))[0]!.kept, true)
  })

  test('in the first ten minutes is warming up, and no leak', () => {
    const samples = series(0, 2).map(([at, value]): [number, number] => [at, at < 10 * minute ? value - 80 + at / 10 / minute * 80 : value])
    assert.equal(ask(samples)[0]!.kept, true)
  })

  test('that nobody measured, or not for long enough, is not judged, and that is never a pass', () => {
    const short = ask(series(60, 10).slice(0, 60), { durationMs: 10 * minute })
    assert.equal(short[0]!.kept, undefined)
    assert.match(short[0]!.why, /was not judged: 10 min 0 s are too short, at least 20 min/)
    const plan = planOf({ url: 'http://x', scenario: { leaks: rules } })
    const [blind] = leaksOf(plan, { points: [], durationMs: 60 * minute }, { blind: 'Prometheus could not be asked: refused' })
    assert.deepEqual([blind!.kept, /not judged: Prometheus could not be asked/.test(blind!.why)], [undefined, true])
  })
})

describe('resources of the target', () => {
  const environment = (prometheus: string) => ({ monitoring: { prometheus }, load: { hosts: ['x'], watch: [{ name: 'memory', query: 'mem', unit: 'bytes' as const }, { name: 'gone', query: 'gone', unit: 'count' as const }] } })
  const run = { startedAtMs: 1_000_000, durationMs: 60_000 }

  test('are read for the time of the run; a series that is not there is left out, not zero', async () => {
    const asked: URLSearchParams[] = []
    await serving((request, response) => {
      const { searchParams } = new URL(request.url!, 'http://x')
      asked.push(searchParams)
      const values = [[1000, '10'], [1001, 'NaN'], [1002, '30']]
      response.end(JSON.stringify({ status: 'success', data: { result: searchParams.get('query') === 'mem' ? [{ values }] : [] } }))
    }, async url => {
      assert.deepEqual(await resourcesOf(environment(url), run), [{ name: 'memory', unit: 'bytes', samples: [[0, 10], [2000, 30]], min: 10, mean: 20, max: 30 }])
    })
    assert.deepEqual([asked[0]!.get('start'), asked[0]!.get('end'), asked[0]!.get('step')], ['1000', '1060', '1'])
  })

  test('that cannot be asked for are blind, with the reason', async () => {
    assert.match(String((await resourcesOf(environment('http://127.0.0.1:1'), run) as { blind: string }).blind), /Prometheus could not be asked: .*ECONNREFUSED/)
    await serving((_, response) => { response.end('{"status":"error","error":"parse error"}') }, async url => {
      assert.deepEqual(await resourcesOf(environment(url), run), { blind: 'Prometheus could not be asked: parse error' })
    })
    assert.deepEqual(await resourcesOf({ load: { hosts: [] } }, run), { blind: 'the environment names nothing to watch (load.watch)' })
  })
})

describe('muster load', () => {
  const result = (verdict: LoadResult['verdict'], scenario = 'peak'): LoadResult => ({
    runId: 'load-1', scenario, verdict, why: 'because <b>', reasons: ['because', 'and so'], total: { requests: 7, errors: 1, responseMs: { p50: 1, p75: 2, p90: 3, p95: 4, p99: 5, p999: 6, max: 7, mean: 1 } },
    endpoints: [], failures: [{ failure: 'http5xx', count: 1, examples: [] }], quality: { missed: 2, latenessP99Ms: 0.5 }, requestsPerSecond: 7, slow: { count: 3 },
  }) as unknown as LoadResult
  const doorOf = (asked: unknown[], verdicts: Record<string, LoadResult['verdict']> = {}): LoadDoor => ({
    scenarios: ['baseline', 'peak'],
    run: async (one, { onLive }) => {
      asked.push(one)
      onLive({ atMs: 1000 } as LoadLive)
      if (one.scenario === 'nothing') throw new DrillError('scenario.unknown', 'there is no scenario "nothing"')
      return result(verdicts[one.scenario] ?? 'passed', one.scenario)
    },
    liveText: () => 'ten users',
    render: { markdown: () => '# M', html: () => '<p>H', prometheus: () => 'p 1' },
  })
  const muster = async (argv: string[], verdicts: Record<string, LoadResult['verdict']> = {}) => {
    const asked: unknown[] = []
    return { ...await runCli(['load', ...argv], 'http://127.0.0.1:1', { load: async () => doorOf(asked, verdicts) }), asked }
  }

  test('takes what load testers type, shows live figures, and ends with the verdict', async () => {
    const { code, out, asked } = await muster(['--env', 'lab', '--scenario', 'peak', '-u', '5', '-r', '2', '-t', '30s', '--scale', '0.5'])
    assert.deepEqual(asked, [{ environment: 'lab', scenario: 'peak', overrides: { users: 5, spawnRate: 2, runTime: '30s', scale: 0.5 }, allowProduction: false }])
    assert.equal(code, 0)
    assert.match(out, /peak: ten users/)
    assert.match(out, /PASSED {2}because\n {2}- and so/)
    assert.match(out, /7 requests a second, 3 over 1 s, 2 missed/)
  })

  for (const [verdict, code, strict] of [['passed', 0], ['passed-with-findings', 0], ['passed-with-findings', 1, true], ['failed', 1], ['aborted', 3], ['invalid', 5]] as const) {
    test(`a run that is ${verdict}${strict ? ' with --strict' : ''} is exit code ${code}`, async () => {
      assert.equal((await muster(['--env', 'lab', '--scenario', 'peak', ...strict ? ['--strict'] : []], { peak: verdict })).code, code)
    })
  }

  test('--all runs every scenario in its order, and the worst decides', async () => {
    const { code, asked, out } = await muster(['--env', 'lab', '--all'], { baseline: 'failed' })
    assert.deepEqual([code, asked.map(one => (one as { scenario: string }).scenario)], [1, ['baseline', 'peak']])
    assert.match(out, /FAILED[\s\S]*PASSED/)
  })

  test('--json is one document and nothing else; files are what the drawings say', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'muster-cli-load-'))
    try {
      const { out } = await muster(['--env', 'lab', '--scenario', 'peak', '--json', '--html', join(dir, 'h'), '--markdown', join(dir, 'm'), '--prometheus', join(dir, 'p')])
      assert.equal((JSON.parse(out) as LoadResult).runId, 'load-1')
      assert.deepEqual(['h', 'm', 'p'].map(name => readFileSync(join(dir, name), 'utf8')), ['<p>H', '# M', 'p 1'])
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  test('of all runs each has files of its own, and none is begun where one of them cannot be written', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'muster-cli-load-'))
    try {
      await muster(['--env', 'lab', '--all', '--html', join(dir, 'load.html'), '--prometheus', join(dir, 'p')])
      assert.deepEqual(readdirSync(dir).sort(), ['load-baseline.html', 'load-peak.html', 'p-baseline', 'p-peak'])
      const { code, asked } = await muster(['--env', 'lab', '--all', '--html', join(dir, 'load.html'), '--markdown', join(dir, 'none/load.md')])
      assert.deepEqual([code, asked], [2, []])
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  for (const [what, argv, words] of [
    ['no scenario', ['--env', 'lab'], /which scenario: --scenario baseline, peak, or --all/],
    ['both', ['--env', 'lab', '--scenario', 'peak', '--all'], /which scenario/],
    ['no users', ['--env', 'lab', '--scenario', 'peak', '-u', '0'], /a number above 0/],
    ['a scale that lengthens', ['--env', 'lab', '--scenario', 'peak', '--scale', '2'], /a share above 0 and below 1/],
    ['a time that is none', ['--env', 'lab', '--scenario', 'peak', '-t', 'soon'], /a duration such as 30s/],
    ['a file in no folder', ['--env', 'lab', '--all', '--html', '/nowhere/x.html'], /nowhere\/x-baseline\.html cannot be written/],
    ['a scenario that is not there', ['--env', 'lab', '--scenario', 'nothing'], /no scenario "nothing"/],
    ['no environment', ['--scenario', 'peak'], /--env/],
  ] as const) {
    test(`${what} is usage, told in a sentence`, async () => {
      const { code, err } = await muster([...argv])
      assert.equal(code, 2, err)
      assert.match(err, words)
    })
  }
})
