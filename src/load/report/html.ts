import { Eta } from 'eta'
import { durationText } from '../../drill/duration.js'
import type { LoadResult } from '../../drill/load.js'
import { msText, valueText } from '../../drill/load-text.js'
import { lineChart } from './chart.js'
import { aboutText, qualityText, resourceRow, rowOf, rowTitles, shareText, verdictText } from './text.js'

const eta = new Eta({ autoEscape: true })

/** `<%= %>` escapes; `<%~ %>` is used for the style and the charts alone, which are ours. */
const template = eta.compile(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title><%= it.verdict %>: <%= it.result.title %> (<%= it.result.runId %>)</title><style><%~ it.style %></style></head><body>
<div class="drill">THIS IS A DRILL</div><main>
<h1><%= it.result.title %></h1>
<p class="sub"><%= it.result.environment %> · <%= new Date(it.result.startedAtMs).toISOString() %> · <%= it.about %> · <code><%= it.result.runId %></code></p>
<section class="verdict <%= it.result.verdict %>"><strong><%= it.verdict %></strong> <%= it.result.why %>
<% if (it.result.reasons.length > 1) { %><ul><% it.result.reasons.slice(1).forEach(reason => { %><li><%= reason %></li><% }) %></ul><% } %></section>
<% it.tables.forEach(table => { %><h2><%= table.title %></h2><% if (table.note) { %><p class="dim"><%= table.note %></p><% } %><%~ table.chart ?? '' %>
<% if (table.rows.length) { %><table><thead><tr><% table.titles.forEach(title => { %><th><%= title %></th><% }) %></tr></thead><tbody>
<% table.rows.forEach(row => { %><tr><% row.forEach(cell => { %><td class="<%= cell === 'NO' ? 'no' : '' %>"><%= cell %></td><% }) %></tr><% }) %></tbody></table><% } %><% }) %>
</main></body></html>
`)

interface Table { title: string, note?: string, chart?: string, titles: string[], rows: string[][] }

/** The report of a run as one page without anything from outside. */
export function renderHtml (result: LoadResult): string {
  return eta.render(template, { result, style, verdict: verdictText[result.verdict], about: aboutText(result), tables: tablesOf(result) })
}

function tablesOf (result: LoadResult): Table[] {
  const { points, total, endpoints, userTypes, thresholds, levels, breaking, failures, slow, resources, leaks, baseline } = result
  const toMs = Math.max(result.durationMs, 1)
  const rateOf = (of: 'requests' | 'errors' | 'missed') => points.map((point, index): [number, number] => [point.atMs, point[of] / Math.max(0.2, (point.atMs - (points[index - 1]?.atMs ?? 0)) / 1000)])
  const tables: Array<Table | undefined> = [
    { title: 'Expectations', titles: ['expectation', 'measured', 'kept'], rows: thresholds.map(({ text, why, kept }) => [text, why.slice(text.length + 2), kept ? 'yes' : 'NO']) },
    {
      title: 'Response times', note: 'From the intended time of each request to the last byte of its answer. Over time: P50, P95 and P99 of each second.', titles: ['', ...rowTitles],
      chart: lineChart([
        { name: 'p99', className: 'third', points: points.map(({ atMs, p99Ms }) => [atMs, p99Ms]) },
        { name: 'p95', className: 'second', points: points.map(({ atMs, p95Ms }) => [atMs, p95Ms]) },
        { name: 'p50', className: 'first', points: points.map(({ atMs, p50Ms }) => [atMs, p50Ms]) },
      ], { toMs, label: 'Response time over time', unit: msText }),
      rows: [['all', ...rowOf(total)], ...endpoints.map(one => [one.endpoint, ...rowOf(one)]), ...userTypes.map(one => [`${one.userType} (${one.users})`, ...rowOf(one)])],
    },
    {
      title: 'Throughput', note: qualityText(result), titles: [], rows: [],
      chart: lineChart([{ name: 'requests', className: 'first', points: rateOf('requests') }, { name: 'missed', className: 'second', points: rateOf('missed') }, { name: 'errors', className: 'third', points: rateOf('errors') }],
        { toMs, label: 'Requests, missed ones and errors a second', unit: value => String(Math.round(value)) }),
    },
    levels && { title: 'Loads', note: breaking, titles: ['users', 'requests a second', 'P99', 'errors', 'gave'], rows: levels.map(level => [String(level.users), String(level.requestsPerSecond), msText(level.p99Ms), shareText(level.errorShare ?? 0, 1), level.broken.map(({ text }) => text).join('; ') || 'held']) },
    { title: 'Failures', note: failures.length === 0 ? 'None.' : undefined, titles: ['kind', 'count', 'first examples'], rows: failures.map(({ failure, count, examples }) => [failure, String(count), examples.map(({ atMs, endpoint, message }) => `${durationText(atMs)} ${endpoint}: ${message}`).join('; ')]) },
    { title: `Requests over ${durationText(slow.overMs)}`, note: slow.count === 0 ? 'None.' : `${slow.count}; the slowest of them:`, titles: ['at', 'endpoint', 'user', 'response', 'service', 'answer'], rows: slow.examples.map(one => [durationText(one.atMs), one.endpoint, one.userType, msText(one.responseMs), msText(one.serviceMs), one.outcome]) },
    'blind' in resources
      ? { title: 'Resources of the target', note: `Not measured: ${resources.blind}.`, titles: [], rows: [] }
      : { title: 'Resources of the target', titles: ['', 'least', 'mean', 'most'], rows: resources.map(resourceRow) },
    ...'blind' in resources ? [] : resources.map(({ name, unit, samples }): Table => ({ title: name, titles: [], rows: [], chart: lineChart([{ name, className: 'first', points: samples }], { toMs, label: 'Resource over time', unit: value => valueText(value, unit) }) })),
    leaks.length === 0 ? undefined : { title: 'Growth', titles: ['what was found'], rows: leaks.map(({ why }) => [why]) },
    baseline && { title: 'Against earlier runs', note: baseline.why, titles: ['run', 'P95'], rows: baseline.runs.map(({ runId, p95Ms }) => [runId, msText(p95Ms)]) },
  ]
  return tables.filter(table => table !== undefined)
}

const style = `:root { --line: #d7dbe0; --dim: #5d6875; --one: #1f6feb; --two: #c77700; --three: #c0262d }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0; color: #16202b } main { max-width: 1040px; margin: 0 auto; padding: 0 20px 40px } .drill { background: #7a1f1f; color: #fff; text-align: center; font-weight: 700; letter-spacing: .1em; padding: 4px }
h1 { margin: 18px 0 2px } h2 { margin: 26px 0 6px; font-size: 17px } .sub, .dim { color: var(--dim) } code { font: 13px ui-monospace, monospace }
.verdict { border-left: 6px solid var(--dim); padding: 10px 14px; background: #f4f6f8 } .verdict.passed, .verdict.passed-with-findings { border-color: #1a7f37 } .verdict.failed { border-color: var(--three) } .verdict.invalid, .verdict.aborted { border-color: var(--two) }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow-wrap: anywhere } th { color: var(--dim); font-weight: 600 } .no { color: var(--three); font-weight: 700 }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: var(--dim) } .grid { stroke: var(--line) } path { fill: none; stroke-width: 1.5 } .first { stroke: var(--one) } .second { stroke: var(--two) } .third { stroke: var(--three) }
@media print { main { max-width: none } h2, tr { break-inside: avoid } }`
