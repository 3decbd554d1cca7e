import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { verifyEvidence, type Chain } from '../src/cli/evidence.js'
import type { DrillReport } from '../src/drill/report.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { loadSummary, type LoadResult } from '../src/drill/load.js'
import { suiteSummary, type SuiteRun } from '../src/drill/suite.js'
import { DrillError } from '../src/errors.js'
import { buildReport, renderBody, renderCsv, renderHtml, renderJson, renderMarkdown } from '../src/report/index.js'
import { thinned } from '../src/report/measured.js'
import { reportSchemaText } from '../src/report/schema.js'
import { canonicalJson, verifyChain } from '../src/store/chain.js'
import { ana, drillEvents, loss, probeSamples, type Ending } from './fixtures/events.js'

const endings: Ending[] = ['passed', 'passed-with-findings', 'failed', 'left-behind', 'aborted', 'invalid', 'blind', 'refused']
const chain: Chain = { canonicalJson, verifyChain, sha256: text => createHash('sha256').update(text).digest('hex') }
const published = readFileSync(new URL('../docs/report.schema.json', import.meta.url), 'utf8')
const validate = new Ajv({ strict: true, allErrors: true }).compile(JSON.parse(published) as object)

function reportOf (ending: Ending, change: (events: DrillEvent[]) => DrillEvent[] = events => events): DrillReport {
  const events = change(drillEvents(ending))
  const earlier = [{ drillId: 'earlier-1', startedAtMs: events[0]!.atMs - 86_400_000, verdict: 'passed', rtaTechnicalMs: 9000, slowestStep: { id: 'promote', ms: 1200 } }]
  return buildReport({ events, samples: probeSamples(events), earlier, chainHead: 'ab'.repeat(32) }, '0.1.0')
}

/** Every text that a person or a machine may have put into a drill, replaced. */
function withText (text: string): DrillReport {
  return reportOf('left-behind', events => events.map((event): DrillEvent => {
    const own = new Set(['type', 'step', 'entry', 'state', 'outcome', 'rto', 'rpo', 'door', 'answer', 'kind', 'verdict', 'severity', 'phase', 'id', 'source', 'runbookType', 'tier'])
    const put = (value: unknown, key: string): unknown => typeof value === 'string'
      ? own.has(key) ? value : text
      : Array.isArray(value)
        ? value.map(item => put(item, key))
        : value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, put(item, name)])) : value
    return put(event, '') as DrillEvent
  }))
}

for (const ending of endings) {
  test(`a drill that ends ${ending} has a report that the published schema takes, with its digest`, () => {
    const text = renderJson(reportOf(ending))
    assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors?.slice(0, 3)))
    assert.match(verifyEvidence(JSON.parse(text), chain).proven, /as it was made/)
  })

  test(`a drill that ends ${ending} is drawn whole in every form`, () => {
    const report = reportOf(ending)
    const [html, markdown, csv] = [renderHtml(report), renderMarkdown(report), renderCsv(report)]
    for (const drawn of [html, markdown]) {
      assert.match(drawn, /THIS IS A DRILL/)
      assert.doesNotMatch(drawn, /undefined|NaN|\[object|Infinity|null/)
      for (const word of ['Sign-off', report.digest, report.drill.drillId, report.drill.runbookHash, report.drill.musterVersion, 'ab'.repeat(32), 'earlier-1']) assert.ok(drawn.includes(word), word)
      for (const step of report.steps) assert.ok(drawn.includes(step.title), step.title)
    }
    for (const event of report.timeline) assert.ok(html.includes(`<td>${event.seq}<td>`), event.type)
    assert.equal(csv.split('\r\n').length, report.timeline.length + 2)
  })
}

test('the published schema is what the code says; if not: npm run docs', () => {
  assert.ok(published === reportSchemaText(), 'docs/report.schema.json is stale: npm run docs')
})

test('every field of the published schema says what it is, and every time and length its unit', () => {
  const look = (schema: Record<string, unknown>, path: string): void => {
    assert.equal(typeof schema['description'], 'string', path)
    if (/AtMs$|\.atMs$|\.(from|to|until|firstAckAfterOutage)Ms$/.test(path)) assert.match(String(schema['description']), /Epoch milliseconds, UTC\.$/, path)
    else if (/(Ms|\.ms)$/.test(path)) assert.match(String(schema['description']), /Milliseconds\.$/, path)
    for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>)) look(field, `${path}.${name}`)
    for (const one of (schema['anyOf'] ?? []) as Array<Record<string, unknown>>) look(one, `${path}|`)
    if (schema['items'] !== undefined) look(schema['items'] as Record<string, unknown>, `${path}[]`)
  }
  look(JSON.parse(published) as Record<string, unknown>, 'report')
})

test('the schema takes no field that it does not name and no verdict that there is not', () => {
  const report = reportOf('passed')
  assert.equal(validate(JSON.parse(canonicalJson({ ...report, secret: 1 }))), false)
  assert.equal(validate(JSON.parse(canonicalJson({ ...report, judgement: { ...report.judgement, verdict: 'green' } }))), false)
  assert.equal(validate(JSON.parse(canonicalJson({ ...report, timeline: [{ ...report.timeline[0], atMs: '10:00' }] }))), false)
})

test('one changed byte of a report is found', () => {
  const text = renderJson(reportOf('failed'))
  const changes: Array<[string, string]> = [['"verdict":"failed"', '"verdict":"passed"'], ['"lost":37', '"lost":36'], ['Ben Okafor', 'Ben 0kafor'], ['"atMs":1795', '"atMs":1794'], ['"schema":1', '"schema":2']]
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from)
    assert.throws(() => verifyEvidence(JSON.parse(text.replace(from, to)), chain), (error: unknown) => error instanceof DrillError && error.code === 'evidence.tampered', from)
  }
})

test('a report is the same whenever it is made, and its digest changes with any of its facts', () => {
  assert.equal(renderJson(reportOf('passed')), renderJson(reportOf('passed')))
  const digests = [reportOf('passed'), reportOf('passed', events => events.slice(0, -1)), buildReport({ events: drillEvents('passed'), samples: [], earlier: [] }, '0.1.0'), buildReport({ events: drillEvents('passed'), samples: [], earlier: [] }, '0.1.1')].map(report => report.digest)
  assert.equal(new Set(digests).size, digests.length)
})

test('of a drill of which nothing is recorded there is no report', () => {
  for (const events of [[], drillEvents('passed').slice(1)]) {
    assert.throws(() => buildReport({ events, samples: [], earlier: [] }, '0.1.0'), (error: unknown) => error instanceof DrillError && error.code === 'report.unavailable')
  }
})

test('the page has no script and nothing that is fetched', () => {
  for (const ending of endings) {
    const html = renderHtml(reportOf(ending))
    assert.doesNotMatch(html, /<script|<link|<img|<iframe|<object|<embed|javascript:|\son\w+=|\ssrc=|\shref=|@import|url\(|https?:/i)
  }
})

test('the inside of the page carries no style and no handler, so a strict policy takes it', () => {
  for (const ending of endings) assert.doesNotMatch(renderBody(reportOf(ending)), /\sstyle=|<style|\son\w+=|<script/, ending)
})

test('what people write is text on the page, never markup', () => {
  assert.match(renderHtml(reportOf('passed')), /&lt;script&gt;alert\(1\)&lt;\/script&gt;/)
  const html = renderHtml(withText('"><img src=x onerror=alert(1)>\'&'))
  assert.doesNotMatch(html, /<img/)
  assert.doesNotMatch(html, /title=""|="">/)
})

test('what was left behind comes before the verdict, with its command', () => {
  const report = reportOf('left-behind')
  for (const drawn of [renderHtml(report), renderMarkdown(report)]) {
    const body = drawn.slice(Math.max(0, drawn.indexOf('<main>')))
    const [left, command, verdict] = ['LEFT BEHIND', 'make pg1 a streaming standby', 'FAILED'].map(words => body.indexOf(words))
    assert.ok(left! > 0 && left! < command! && command! < verdict!, `${left} ${command} ${verdict}`)
  }
  for (const drawn of [renderHtml(reportOf('passed')), renderMarkdown(reportOf('passed'))]) assert.doesNotMatch(drawn, /LEFT BEHIND/)
})

const achieved = (report: DrillReport): Array<[string, string, boolean | undefined]> => report.objectives.map(line => [line.objective, line.achieved, line.met])

test('recovery stands twice, with and without waiting for people', () => {
  assert.deepEqual(achieved(reportOf('passed')).slice(0, 4), [
    ['Recovery time (RTO)', '13.2 s ± 100 ms', true],
    ['… without waiting for people', '4.94 s ± 100 ms', true],
    ['Recovery point (RPO)', '0 of 1391 acknowledged writes lost', true],
    ['Data integrity', '0 doubled, 0 alien, witnesses agree', true],
  ])
})

test('a missed objective says by how much', () => {
  const [rto, , rpo] = reportOf('failed').objectives
  assert.deepEqual([rto!.margin, rto!.met, rpo!.achieved, rpo!.margin, rpo!.met], ['15.3 s over', false, '37 of 1391 acknowledged writes lost, 1.24 s back', '1.24 s over', false])
})

test('one lost write with no time between it and the fault is not met', () => {
  const report = reportOf('passed', events => events.map(event => event.type === 'check.answered' && event.loss ? { ...event, loss: loss({ lost: 1, rpaMs: 0 }) } : event))
  assert.equal(report.objectives[2]!.met, false)
})

test('what was not measured is neither met nor missed; a system that stayed down missed it', () => {
  assert.deepEqual(achieved(reportOf('refused')), [['Recovery time (RTO)', 'no outage was seen', undefined], ['… without waiting for people', 'no outage was seen', undefined], ['Recovery point (RPO)', 'not measured', undefined]])
  const down = reportOf('passed', events => events.filter(event => event.type !== 'probe.up'))
  assert.deepEqual(achieved(down)[0], ['Recovery time (RTO)', 'did not recover', false])
})

test('a restore to an empty machine is held against both objectives, by what its checks measured', () => {
  const rebuilt = (lostMs: number, outcome: 'pass' | 'fail'): DrillReport => reportOf('refused', events => {
    const { seq, atMs } = events.at(-1)!
    const measured = (step: string, check: 'rebuild.loss' | 'rebuild.timely', output: Record<string, unknown>): DrillEvent[] => [
      { seq, atMs, type: 'check.answered', step, check, outcome, observed: '', expected: '' },
      { seq, atMs, type: 'step.finished', step, outcome: outcome === 'pass' ? 'passed' : 'failed', summary: '', output },
    ]
    return [...events.slice(0, -1), ...measured('timely', 'rebuild.timely', { tookMs: 95_000 }), ...measured('loss', 'rebuild.loss', { lostMs }), events.at(-1)!]
  })
  assert.deepEqual(achieved(rebuilt(0, 'pass')), [['Recovery time (RTO)', '1 min 35 s', true], ['Recovery point (RPO)', 'no acknowledged write lost', true]])
  const [rto, rpo] = rebuilt(1900, 'fail').objectives
  assert.deepEqual([rto!.met, rto!.margin, rpo!.achieved, rpo!.met, rpo!.margin], [false, '35.0 s over', 'the last 1.90 s of acknowledged writes lost', false, '1.90 s over'])
})

test('a tabletop has no recovery time', () => {
  const report = reportOf('passed', events => events.map(event => event.type === 'drill.started' ? { ...event, runbookType: 'tabletop' } : event))
  assert.deepEqual(report.objectives.map(line => line.objective).filter(objective => /Recovery time|waiting/.test(objective)), [])
})

test('who approved, who decided and how long the question stood is there', () => {
  const report = reportOf('passed')
  assert.deepEqual(report.drill.approvers, ['Ben Okafor'])
  assert.deepEqual(report.decisions.map(one => [one.person, one.answer, one.door, one.stoodMs]), [['Ben Okafor', 'approve', 'slack', 8200]])
  assert.deepEqual(reportOf('aborted').drill.approvers, [])
})

test('the time of an outage is a bar over all others, and every undo is one', () => {
  const { gantt, clock } = reportOf('left-behind')
  assert.deepEqual([gantt[0]!.kind, gantt[0]!.toMs - gantt[0]!.fromMs], ['outage', clock.rtaTechnicalMs])
  assert.deepEqual(gantt.filter(bar => bar.kind === 'undo').map(bar => bar.step), ['switch', 'promote', 'fence', 'break-primary', 'canaries.prepare'])
  assert.deepEqual(gantt.filter(bar => bar.kind === 'waiting').map(bar => bar.step), ['approve-failover'])
  assert.deepEqual(gantt.filter(bar => bar.toMs < bar.fromMs), [])
})

test('the chart marks every failed look and every good one', () => {
  for (const ending of ['passed', 'invalid'] as const) {
    const report = reportOf(ending)
    const svg = /<svg class="chart"[^]*?<\/svg>/.exec(renderHtml(report))![0]
    const marks = (kind: string): number => [...svg.matchAll(new RegExp(`<path class="${kind}[^"]*" d="([^"]*)"`, 'g'))].reduce((sum, [, path]) => sum + path!.split('M').length - 1, 0)
    const failed = report.samples.filter(sample => !sample.ok).length
    assert.equal(failed > 0, ending === 'passed')
    assert.equal(marks('failed'), failed)
    assert.equal(marks('look'), report.samples.length - failed)
  }
  assert.doesNotMatch(renderHtml({ ...reportOf('passed'), samples: [] }), /<svg class="chart"/)
})

/** RFC 4180, as a spreadsheet reads it. */
function parsed (csv: string): string[][] {
  return csv.trimEnd().split(/\r\n(?=\d+,)/).map(row => [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!))
}

test('the timeline as CSV comes back cell by cell, whatever is written in it', () => {
  const rows = parsed(renderCsv(withText('a "b", c\r\nd')))
  assert.deepEqual(rows[0], ['seq', 'time', 'type', 'what', 'text'])
  for (const row of rows) assert.equal(row.length, 5)
  assert.equal(rows.find(row => row[2] === 'note.added')![4], 'noted: a "b", c\r\nd')
  assert.match(renderCsv(withText('one\nmore')), /"noted: one\nmore"/)
  assert.deepEqual(rows[1]!.slice(0, 3), ['1', '2026-11-20T10:00:00.000Z', 'drill.started'])
})

test('no cell of the CSV is a formula', () => {
  for (const evil of ['=HYPERLINK("x")', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1']) {
    const report = reportOf('passed', events => events.map(event => event.type === 'step.started' ? { ...event, step: evil } : event))
    const cells = parsed(renderCsv(report)).flat()
    assert.ok(cells.includes(`'${evil}`), evil)
    assert.deepEqual(cells.filter(cell => /^[=+\-@\t\r]/.test(cell)), [])
  }
})

test('in Markdown no text breaks a table or becomes markup', () => {
  const evil = 'a | b `c` <script> *d* [e](f)\r\n## g'
  const markdown = renderMarkdown(withText(evil))
  const clean = 'a \\| b \\`c\\` \\<script\\> \\*d\\* \\[e\\](f) \\#\\# g'
  assert.ok(markdown.includes(clean), markdown.slice(0, 500))
  assert.doesNotMatch(markdown, /^## g/m)
  for (const line of markdown.split('\n').filter(line => line.startsWith('|'))) assert.doesNotMatch(line.replaceAll(/\\./g, ''), /<script|`c`|\*d\*/)
  const rows = markdown.split('\n').filter(line => line.startsWith('| '))
  const width = (row: string): number => row.replaceAll(/\\./g, '').split('|').length
  for (const [index, row] of rows.entries()) if (row.startsWith('| --- |')) assert.equal(width(row), width(rows[index + 1]!))
  assert.doesNotMatch(markdown, /\r/)
  assert.match(markdown, /By hand: `a \| b 'c'/)
})

test('notes stand in every form', () => {
  const report = reportOf('passed', events => events.map(event => event.type === 'note.added' ? { ...event, person: ana, text: 'pager was silent' } : event))
  for (const drawn of [renderHtml(report), renderMarkdown(report), renderCsv(report), renderJson(report)]) assert.match(drawn, /pager was silent/)
  assert.match(renderMarkdown(report), /## Notes\n\n.*\n.*\n\| 10:00:08\.600 \| Ana Lima \| pager was silent \|/)
})

/** A drill that fails over under a load, and the load's whole result: customers that felt the outage. */
function underLoad (whole = true) {
  const events = drillEvents('passed')
  const down = events.find(event => event.type === 'probe.down')!
  const result = {
    schema: 1, runId: 'load-abc', scenario: 'baseline', title: 'B', environment: 'lab', target: 'http://a', configHash: 'x', startedAtMs: down.atMs - 5000, durationMs: 12_000, plannedDurationMs: 12_000, users: 10,
    expectedRequestsPerSecond: 20, requestsPerSecond: 19.5,
    total: { requests: 234, errors: 40, responseMs: { p50: 4, p75: 6, p90: 9, p95: 800, p99: 2600, p999: 3000, max: 3100, mean: 90 } },
    endpoints: [], userTypes: [], series: [], quality: { planned: 240, sent: 240, missed: 3, skipped: 0, busiestLoop: 0.1 },
    points: Array.from({ length: 12 }, (_, second) => ({
      atMs: (second + 1) * 1000, users: 10, requests: 20, errors: second === 6 ? 20 : 0, missed: 0,
      ...(second === 6 ? {} : { p50Ms: 4, p95Ms: 6, p99Ms: second === 7 ? 2600 : 9 }),
    })),
    failures: [{ failure: 'http5xx', count: 40, examples: [] }], slow: { overMs: 1000, count: 7, examples: [] },
    thresholds: [{ threshold: { metric: 'errorShare', atMost: 0.01 }, text: 'errors at most 1 %', samples: 234, kept: false, why: 'errors at most 1 %: 17.1 %' }],
    resources: [{ name: 'api1 memory', unit: 'bytes', samples: [], min: 5e7, mean: 6e7, max: 7e7 }], leaks: [], baseline: { outcome: 'same', why: 'as before: P95 of <b>', runs: [] },
    verdict: 'failed', why: 'errors at most 1 %: 17.1 %', reasons: ['errors at most 1 %: 17.1 %'],
  } as unknown as LoadResult
  const suite = {
    schema: 'muster.smoke/1', suite: 'production', title: 'P', environment: 'lab', runId: 'smoke-abc', startedAtMs: 1, ms: 900, serialMs: 2000, thresholds: [], verdict: 'passed', why: 'all passed', reasons: [],
    checks: [{ id: 'tls', title: 'TLS is <i>good</i>', category: 'security', critical: true, outcome: 'pass', flaky: false, observed: 'TLSv1.3', expected: '1.2', startedAtMs: 1, ms: 40, tries: [], values: {} }],
  } as unknown as SuiteRun
  const end = events.pop()!
  events.push({ seq: end.seq, atMs: end.atMs, type: 'load.measured', step: 'hold', load: loadSummary(result, true) }, { seq: end.seq + 1, atMs: end.atMs, type: 'suite.answered', step: 'smoke', suite: suiteSummary(suite, true) }, { ...end, seq: end.seq + 2 })
  return { events, samples: probeSamples(events), earlier: [], results: whole ? [{ step: 'hold', kind: 'load' as const, result }, { step: 'smoke', kind: 'suite' as const, result: suite }] : [] }
}

test('a load is drawn over the recovery clock, with the outage as a band, its percentiles, and what it broke', () => {
  const report = buildReport(underLoad(), '0.1.0')
  assert.ok(validate(JSON.parse(renderJson(report))), JSON.stringify(validate.errors?.slice(0, 3)))
  const html = renderHtml(report)
  const chart = /<h2>Load: baseline<\/h2>.*?(<svg class="chart".*?<\/svg>)/s.exec(html)![1]!
  const outageIn = (svg: string) => /<rect class="outage" [^>]*width="[\d.]+"/.exec(svg)![0]
  assert.equal(outageIn(chart), outageIn(/<h2>Seen from outside<\/h2>.*?(<svg class="chart".*?<\/svg>)/s.exec(html)![1]!), 'both charts have one clock')
  const errors = /class="course bad" d="([^"]+)"/.exec(chart)![1]!.slice(1).split('L').map(point => point.split(' ').map(Number))
  const top = Math.min(...errors.map(([, y]) => y!))
  const { startedAtMs: from, endedAtMs: to } = report.drill
  const wanted = [6000, 7000].map(ms => (report.loads![0]!.load.startedAtMs + ms - from) / (to! - from) * 1000)
  const found = errors.filter(([, y]) => y === top).map(([x]) => x!)
  assert.ok(found.length === 2 && found.every((x, index) => Math.abs(x - wanted[index]!) < 0.1), `the errors of one second stand from ${found.join(' to ')}, not from ${wanted.join(' to ')}`)
  assert.match(chart, /aria-label="Latency and throughput of the load: 234 requests in 12\.0 s, 40 errors"/)
  assert.equal(/class="course t2" d="([^"]+)"/.exec(chart)![1]!.split('M').length - 1, 2, 'nothing is drawn where nothing was answered')
  assert.match(chart, /class="course bad"/)
  assert.match(html, /P99 2\.60 s, P99\.9 3\.00 s/)
  assert.match(html, /<th>BROKEN<td class="no">errors at most 1 %: 17\.1 %/)
  assert.match(html, /as before: P95 of &lt;b&gt;/)
  assert.match(html, /50 MB to 70 MB/)
  assert.match(html, /TLS is &lt;i&gt;good&lt;\/i&gt;/)
  assert.doesNotMatch(chart, /style=/)
  const markdown = renderMarkdown(report)
  assert.match(markdown, /## Load: baseline[\s\S]*40 http5xx[\s\S]*## Smoke suite: production[\s\S]*TLSv1\.3/)
})

test('a load whose whole result the store does not have keeps its figures, and draws nothing', () => {
  const report = buildReport(underLoad(false), '0.1.0')
  assert.ok(validate(JSON.parse(renderJson(report))), JSON.stringify(validate.errors?.slice(0, 3)))
  assert.deepEqual([report.loads!.length, report.loads![0]!.points, report.suites![0]!.checks], [1, undefined, undefined])
  assert.match(renderHtml(report), /<h2>Load: baseline<\/h2><table class="facts">/)
})

test('a drill without loads has no word of them', () => {
  assert.ok(!Object.hasOwn(reportOf('passed'), 'loads'))
  assert.doesNotMatch(renderHtml(reportOf('passed')), /Load:/)
})

test('of a long load the slowest second and the most errors of each part stay', () => {
  const points = Array.from({ length: 3600 }, (_, second) => ({
    atMs: second * 1000, users: 1, requests: 2, errors: second === 100 ? 9 : 0, missed: 0, p99Ms: second === 1000 ? 5000 : 10,
  }))
  const few = thinned(points, 300)
  assert.ok(few.length <= 300)
  assert.deepEqual([Math.max(...few.map(point => point.p99Ms!)), Math.max(...few.map(point => point.errors))], [5000, 9])
})
