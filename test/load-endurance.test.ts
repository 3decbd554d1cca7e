import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import type { LoadResult, LoadScenario } from '../src/drill/load.js'
import { serving } from './fixtures/loopback.js'

// `muster load --scenario endurance`, as it is typed, against targets that do get worse: the delivered scenario with its own rules for
// growth, shortened by --scale, and a Prometheus that tells what the target held at the time.

const delivered = parse(readFileSync('runbooks/load/endurance.yaml', 'utf8')) as LoadScenario
const scenario = { ...delivered, users: 20, every: '1s', behaviour: 'page', mix: { Visitor: 1 } }
const behaviour = { userTypes: { Visitor: { tasks: [{ name: 'page', weight: 1, steps: [{ name: 'page', request: { path: '/' } }] }] } } }

interface Target { answer: RequestListener, memory: () => number }
interface Endured { code: number, result: LoadResult, growth: Record<string, LoadResult['leaks'][number]>, page: string }

/** What `query_range` answers: at each step what was last seen before it. */
function range (url: string, seen: ReadonlyArray<[atMs: number, value: number]>): string {
  const { searchParams } = new URL(url, 'http://x')
  const [start, end, step] = ['start', 'end', 'step'].map(name => Number(searchParams.get(name))) as [number, number, number]
  const values: Array<[number, string]> = []
  for (let at = start; at <= end; at += step) {
    const last = seen.findLast(([atMs]) => atMs <= at * 1000)
    if (last !== undefined) values.push([at, String(last[1])])
  }
  return JSON.stringify({ status: 'success', data: { result: [{ values }] } })
}

async function endure ({ answer, memory }: Target, ...argv: string[]): Promise<Endured> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-endurance-'))
  const seen: Array<[number, number]> = []
  const scrape = setInterval(() => { seen.push([Date.now(), memory()]) }, 200)
  try {
    return await serving((request, response) => {
      if (request.url!.startsWith('/api/v1/query_range')) response.end(range(request.url!, seen))
      else answer(request, response)
    }, async url => {
      const files: Record<string, object> = {
        'load/endurance': scenario, 'load/users/page': behaviour,
        'environments/there': { tier: 'lab', api: { url, instances: [] }, monitoring: { prometheus: url }, load: { hosts: ['127.0.0.1'], watch: [{ name: 'api1 memory', query: 'memory', unit: 'bytes' }] } },
      }
      for (const folder of ['load/users', 'environments']) mkdirSync(join(dir, folder), { recursive: true })
      for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, `${name}.yaml`), stringify(content))
      const page = join(dir, 'page.md')
      const { code, stdout, stderr } = await promisify(execFile)(process.execPath,
        ['--import', 'tsx', 'src/cli/main.ts', 'load', '--env', 'there', '--scenario', 'endurance', ...argv, '--json', '--markdown', page],
        { env: { PATH: process.env.PATH, MUSTER_HOME: dir, MUSTER_RUNBOOKS: dir }, maxBuffer: 64 * 1024 * 1024 })
        .then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), (error: { code: number, stdout: string, stderr: string }) => error)
      assert.ok(stdout !== '', stderr)
      const result = JSON.parse(stdout) as LoadResult
      return { code, result, growth: Object.fromEntries(result.leaks.map(leak => [leak.series, leak])), page: readFileSync(page, 'utf8') }
    })
  } finally {
    clearInterval(scrape)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Of a machine that is busy with other things the run itself may be invalid; what grew is told all the same. */
function failed ({ code, result }: Endured): void {
  const { verdict, reasons } = result
  assert.ok((verdict === 'failed' && code === 1) || (verdict === 'invalid' && code === 5 && /the generator/.test(reasons.join())), `${verdict}, ${code}: ${reasons.join('; ')}`)
}

describe('muster load --scenario endurance', { concurrency: true }, () => {
  // 21.6 s, of which the first 3.6 s are the warm-up.
  const shortened = ['--scale', '0.006']

  test('of a target that keeps what it was sent fails, and says that its memory leaks', async () => {
    const kept: Buffer[] = []
    const run = await endure({
      answer: (_, response) => { kept.push(Buffer.alloc(64 * 1024, 1)); response.end('{}') },
      memory: () => kept.reduce((sum, { length }) => sum + length, 0),
    }, ...shortened)
    assert.match(run.growth['api1 memory']!.why, /^api1 memory grows by \d+(\.\d+)? an hour, at most 50000000: it leaks$/)
    assert.match(run.page, /## Growth[\s\S]*api1 memory grows by .*: it leaks/)
    failed(run)
    if (run.result.verdict === 'failed') assert.match(run.result.reasons.join('; '), /api1 memory grows by .*: it leaks/)
  })

  test('of a target that gets slower and slower fails, and says that its P95 drifts; its memory, which stays, is no leak', async () => {
    let firstMs: number | undefined
    const run = await endure({
      // 30 ms more each second: far above what a busy machine adds now and then.
      answer: (_, response) => {
        firstMs ??= performance.now()
        setTimeout(() => response.end('{}'), 5 + (performance.now() - firstMs) * 0.03)
      },
      memory: () => 1_000_000,
    }, ...shortened)
    assert.match(run.growth.p95!.why, /^p95 grows by \d+(\.\d+)? an hour, at most 50: it drifts$/)
    assert.deepEqual([run.growth['api1 memory']!.kept, run.growth['api1 memory']!.why], [true, 'api1 memory does not grow: 0 an hour, at most 50000000'])
    assert.deepEqual([run.growth['api2 memory']!.kept, run.growth['api2 memory']!.why], [undefined, 'api2 memory was not judged: it was not measured'])
    failed(run)
  })

  for (const [what, argv, why] of [
    ['is too short for its rule', ['-t', '8s', '-r', '20'], /^api1 memory was not judged: 8(\.\d+)? s are too short, at least 20 min/],
    ['has too few samples', ['--scale', '0.002', '-r', '20'], /^api1 memory was not judged: too few samples after the first 1\.2/],
  ] as const) {
    test(`of a target that leaks in a run that ${what} says that it was not judged, and that is no pass`, async () => {
      let held = 0
      const run = await endure({ answer: (_, response) => { held += 1_000_000; response.end('{}') }, memory: () => held }, ...argv)
      const { kept, why: said } = run.growth['api1 memory']!
      assert.equal(kept, undefined)
      assert.match(said, why)
      assert.notEqual(run.result.verdict, 'passed')
      // What fails names what broke alone.
      if (run.result.verdict === 'passed-with-findings') assert.ok(run.result.reasons.includes(said), run.result.reasons.join('; '))
    })
  }
})
