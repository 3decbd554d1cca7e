import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { restoreCache } from '../activities/redis/restore.js'
import { controlOf } from '../src/control/control.js'
import { stepContext } from './fixtures/database-lab.js'
import { drillLab, type DrillLab } from './fixtures/drill-lab.js'

// `muster smoke` and `muster start smoke` as people type them, on one lab: two doors, and behind both the same answers.

const suite = (target: number, more = ''): string => `
title: The same through both doors
checks:
  - { id: api, title: "it is <alive> & \\"ready\\"", category: health, check: journey, with: { steps: [{ name: live, request: { path: /livez }, expect: { status: 200 } }] } }
  - { id: cache, category: health, check: cache, retries: 0 }
  - id: wish
    category: journeys
    check: journey
    retries: 0
    with:
      steps:
        - { name: log in, request: { method: POST, path: /v1/log-in, json: { email: '{{ accounts.customer.email }}', password: '{{ accounts.customer.password }}' } }, capture: { token: $.token } }
        - { name: make, request: { method: POST, path: /v1/wishes, token: '{{ token }}', json: { productId: 2, note: '{{ nonce }}' } }, expect: { status: 201 }, capture: { wish: $.id } }
        - { name: remove, always: true, request: { method: DELETE, path: '/v1/wishes/{{ wish }}', token: '{{ token }}' }, expect: { status: 204 } }
  - { id: tls, category: security, check: tls, with: { days: 1 } }
  - { id: logs, category: monitoring, check: logs }
${more}
thresholds:
  - { metric: certificate, unit: days, target: ${target}, alert: 1, from: { check: tls, value: daysLeft } }
`
const suites = {
  'smoke/good': suite(2),
  'smoke/short': suite(100_000),
  'smoke/unseen': `${suite(2, '  - { id: figures, category: monitoring, check: figures, with: { queries: { nothing: nothing_has_this_name }, within: 100ms } }')}  - { metric: nothing, target: 1, alert: 2, from: { check: figures, value: nothing } }\n`,
}

const formats = ['json', 'junit', 'prometheus', 'html'] as const
type Drawn = Record<typeof formats[number], string>

/** Without what no two runs have in common: when they ran, how long things took, and what they are called. */
function timeless (text: string, runId: string): string {
  return text.replaceAll(runId, 'RUN')
    .replaceAll(/"(startedAtMs|ms|serialMs)": [\d.]+/g, '"$1": 0')
    .replaceAll(/\b(time|timestamp)="[^"]*"/g, '$1=""')
    .replaceAll(/^(drill_\w+_seconds\{.*\}) [\d.e-]+$/gm, '$1 0')
    .replaceAll(/\d{4}-\d\d-\d\d [\d:.]+ UTC/g, 'then')
    .replaceAll(/(\d+ min )?\b\d+(\.\d+)? m?s\b/g, 'some time')
}

describe('muster smoke and muster start smoke', { timeout: 280_000 }, () => {
  let fixture: DrillLab
  before(async () => { fixture = await drillLab({ runbooks: suites }) })
  after(async () => { await fixture?.down() })

  /** Without Temporal and store, as a process of its own. */
  async function here (name: string, strict: string[]): Promise<{ code: number, drawn: Drawn }> {
    const { root, lab } = fixture
    const file = (format: string): string => join(root, `${name}.${format}`)
    const files = formats.filter(format => format !== 'json').flatMap(format => [`--${format}`, file(format)])
    const env = { PATH: process.env.PATH, MUSTER_HOME: root, MUSTER_RUNBOOKS: join(root, 'runbooks') }
    const { code, stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'smoke', '--env', lab.name, '--suite', name, '--json', ...files, ...strict], { env })
      .then(({ stdout }) => ({ code: 0, stdout }), (error: { code: number, stdout: string }) => error)
    const read = (format: string): string => readFileSync(file(format), 'utf8')
    return { code, drawn: { json: stdout, junit: read('junit'), prometheus: read('prometheus'), html: read('html') } }
  }

  /** As a drill; its results by the command that the end of the watch names. */
  async function durably (name: string, strict: string[]): Promise<{ code: number, drawn: Drawn }> {
    const { muster, lab } = fixture
    const { code, out, err } = await muster('start', 'smoke', '--env', lab.name, '--suite', name, '--watch', ...strict)
    const told = /muster (result \S+ \S+) --format junit --out \S+\.xml/.exec(out.replaceAll(/ \\\n +/g, ' '))?.[1]
    assert.ok(told, `the end of the watch says how to get the results:\n${out}${err}`)
    const drawn: Partial<Drawn> = {}
    for (const format of formats) {
      const { code, out, err } = await muster(...told.split(' '), '--format', format)
      assert.equal(code, 0, err)
      drawn[format] = out
    }
    return { code, drawn: drawn as Drawn }
  }

  async function same (name: string, verdict: string, code: number, ...strict: string[]): Promise<void> {
    const runs = await Promise.all([here(name, strict), durably(name, strict)])
    const plain = runs.map(({ drawn }) => {
      const { runId, verdict } = JSON.parse(drawn.json) as { runId: string, verdict: string }
      return { verdict, drawn: Object.fromEntries(formats.map(format => [format, timeless(drawn[format], runId)])) as Drawn }
    })
    assert.deepEqual(plain.map(run => run.verdict), [verdict, verdict], plain[0]!.drawn.json)
    for (const format of formats) assert.equal(plain[1]!.drawn[format], plain[0]!.drawn[format], format)
    assert.deepEqual(runs.map(run => run.code), [code, code])
  }

  it('say the same of a whole lab, in every format, and end with the same code', async () => { await same('good', 'passed', 0) })

  it('of a figure between target and alert, where findings fail', async () => { await same('short', 'passed-with-findings', 1, '--strict') })

  it('of a figure that nobody has', async () => { await same('unseen', 'invalid', 5) })

  it('of a lab whose cache is dead', async () => {
    const { cache } = fixture.environment
    await controlOf(cache!.nodes[0]!.control).kill()
    try {
      await same('good', 'failed', 1)
    } finally {
      await restoreCache(cache!, stepContext(), { home: true })
    }
  })
})
