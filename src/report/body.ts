import { Eta } from 'eta'
import { durationText } from '../drill/duration.js'
import type { DrillReport } from '../drill/report.js'
import { verdictText } from '../drill/words.js'
import { latencyChart } from './chart.js'
import { loadChart } from './load-chart.js'
import { loadFacts } from './measured.js'
import { clockParts, escapeHtml, eventText, timeOfDay, utc } from './text.js'

const eta = new Eta({ autoEscape: true, escapeFunction: escapeHtml })

/** `<%= %>` escapes; `<%~ %>` is used for the charts alone, which are ours. Nothing has a style of its own: the run page forbids that. */
const template = eta.compile(`<main>
<h1><%= it.drill.runbookTitle %></h1>
<p class="sub"><%= it.drill.environment.toUpperCase() %> (<%= it.drill.tier %>) · <%= it.utc(it.drill.startedAtMs) %> UTC · led by <%= it.drill.commander.name %> · <code><%= it.drill.drillId %></code></p>
<% if (it.leftBehind.length) { %><section class="left"><h2>LEFT BEHIND</h2><% it.leftBehind.forEach(left => { %><p><b><%= left.title %></b>: <%= left.message %><br>By hand: <code><%= left.byHand %></code></p><% }) %></section><% } %>
<section class="verdict <%= it.judgement.verdict %>"><strong><%= it.verdict %></strong><%= it.judgement.why %>
<% if (it.judgement.reasons.length > 1) { %><ul><% it.judgement.reasons.slice(1).forEach(reason => { %><li><%= reason %></li><% }) %></ul><% } %></section>
<div class="wide" tabindex="0" role="region" aria-label="Objectives"><table><thead><tr><th>Objective<th>Target<th>Achieved<th>Margin<th>Met?</tr></thead><tbody>
<% it.objectives.forEach(line => { %><tr><td><%= line.objective %><td><%= line.target %><td class="num"><%= line.achieved %><td class="num"><%= line.margin ?? '' %><td class="<%= line.met === undefined ? 'dim' : line.met ? 'yes' : 'no' %>"><%= line.met === undefined ? 'not judged' : line.met ? 'yes' : 'NO' %></tr><% }) %>
</tbody></table></div>
<% if (it.parts.length) { %><h2>Where the time went</h2><svg class="bar" role="img" aria-label="Recovery time by part"><% it.parts.forEach(part => { %><line class="<%= part.kind %>" x1="<%= part.left %>%" x2="<%= part.right %>%" y1="17" y2="17"/><% }) %></svg>
<p class="keys"><% it.parts.forEach(part => { %><span><i class="key <%= part.kind %>"></i><%= part.name %> <b><%= it.took(part.ms) %></b></span><% }) %></p>
<p class="dim">From the first failed probe; error of each time <%= it.clock.errorMs === undefined ? 'unknown' : '± ' + it.took(it.clock.errorMs) %>. RTA and RPA (what was achieved) are words of the industry, in neither NIST SP 800-34 nor ISO 22301.</p><% } %>
<% if (it.loss) { %><h2>Writes</h2><p><b><%= it.loss.lost %></b> of <b><%= it.loss.acked %></b> acknowledged writes lost · <%= it.loss.unknown %> in doubt, <%= it.loss.unknownPresent %> of them there · <%= it.loss.refused %> refused · <%= it.loss.doubled %> doubled · <%= it.loss.alien %> alien<% if (it.loss.lost) { %> · lost over <%= it.took(it.loss.lostSpanMs) %>, <%= it.loss.lostBytes %> bytes of log<% } %>.</p>
<p>Second witness, the failed node’s own log: <b class="<%= it.loss.witness.outcome === 'agrees' ? 'yes' : 'no' %>"><%= it.loss.witness.outcome %></b>: <%= it.loss.witness.detail %></p><% } %>
<% if (it.chart) { %><h2>Seen from outside</h2><div class="wide" tabindex="0" role="region" aria-label="Chart of the probe"><%~ it.chart %></div><% } %>
<% it.loads.forEach(load => { %><h2>Load: <%= load.scenario %></h2><% if (load.chart) { %><div class="wide" tabindex="0" role="region" aria-label="Chart of the load"><%~ load.chart %></div><% } %><table class="facts"><tbody><% load.facts.forEach(([name, value]) => { %><tr><th><%= name %><td class="<%= name === 'BROKEN' ? 'no' : '' %>"><%= value %></tr><% }) %></tbody></table><% }) %>
<h2>What happened when</h2><div class="gantt"><% it.gantt.forEach(bar => { %><div class="row"><div class="name" title="<%= bar.title %>"><%= bar.title %></div><svg class="lane" role="img" aria-label="<%= it.took(bar.toMs - bar.fromMs) %>"><line class="<%= bar.kind %>" x1="<%= it.left(bar) %>%" x2="<%= it.right(bar) %>%" y1="8" y2="8"/></svg></div><% }) %></div>
<p class="keys"><span><i class="key outage"></i>outage</span><span><i class="key work"></i>step</span><span><i class="key waiting"></i>waiting for people</span><span><i class="key undo"></i>undo</span></p>
</main>
<section class="evidence">
<h2>The drill</h2><table class="facts"><tbody><% it.facts.forEach(([name, value]) => { %><tr><th><%= name %><td><%= value %></tr><% }) %></tbody></table>
<% it.sections.filter(section => section.rows.length).forEach(section => { %><h2><%= section.title %></h2><div class="wide" tabindex="0" role="region" aria-label="<%= section.title %>"><table><thead><tr><% section.head.forEach(cell => { %><th><%= cell %><% }) %></tr></thead><tbody><% section.rows.forEach(row => { %><tr><% row.forEach(cell => { %><td><%= cell %><% }) %></tr><% }) %></tbody></table></div><% }) %>
<h2>Sign-off</h2><table class="sign"><thead><tr><th>Role<th>Name<th>Date<th>Signature</tr></thead><tbody><tr><td>Commander<td><%= it.drill.commander.name %><td><td></tr><tr><td>Service owner<td><td><td></tr><tr><td>Management<td><td><td></tr></tbody></table>
<p class="dim">Report digest, SHA-256 of the canonical JSON: <code><%= it.digest %></code><% if (it.chainHead) { %><br>Timeline chain head: <code><%= it.chainHead %></code><% } %><br>Prove either with <code>muster verify FILE</code>.</p>
</section>
`)

/** The report as the inside of a page, from the headline to the digests. */
export function renderBody (report: DrillReport): string {
  const { drill } = report
  const from = Math.min(drill.startedAtMs, ...report.gantt.map(bar => bar.fromMs))
  const to = Math.max(drill.endedAtMs ?? 0, ...report.gantt.map(bar => bar.toMs), from + 1)
  const share = (ms: number): number => Number((ms / (to - from) * 100).toFixed(2))
  return eta.render(template, {
    ...report,
    verdict: verdictText[report.judgement.verdict],
    utc,
    took: durationText,
    parts: partsOf(report),
    chart: latencyChart(report, escapeHtml),
    loads: (report.loads ?? []).map(section => ({ scenario: section.load.scenario, chart: loadChart(section, report), facts: loadFacts(section, report) })),
    left: (bar: { fromMs: number }) => share(bar.fromMs - from),
    // Wide enough to be seen, however short it was.
    right: (bar: { fromMs: number, toMs: number }) => share(Math.max(bar.toMs - from, bar.fromMs - from + (to - from) / 400)),
    facts: factsOf(report),
    sections: sectionsOf(report),
  })
}

/** The parts of the recovery time, each with its place on the bar in percent. */
function partsOf (report: DrillReport) {
  const parts = clockParts(report.clock)
  const whole = parts.reduce((sum, part) => sum + part.ms, 0)
  let before = 0
  return parts.map(part => {
    const left = before / whole * 100
    before += part.ms
    return { ...part, left: left.toFixed(2), right: (before / whole * 100).toFixed(2) }
  })
}

function factsOf ({ drill }: DrillReport): string[][] {
  return [
    ['Runbook', `${drill.runbook} (${drill.type})`], ['Content', `sha256 ${drill.runbookHash}`], ['Environment', `${drill.environment.toUpperCase()}, tier ${drill.tier}`],
    ['Commander', drill.commander.name], ['Approvers', drill.approvers.join(', ') || 'nobody'], ['From', `${utc(drill.startedAtMs)} UTC`],
    ['To', drill.endedAtMs === undefined ? 'not ended' : `${utc(drill.endedAtMs)} UTC`], ['Parameters', JSON.stringify(drill.params)], ['Muster', drill.musterVersion],
  ]
}

function sectionsOf (report: DrillReport): Array<{ title: string, head: string[], rows: string[][] }> {
  const maybe = (ms: number | undefined): string => ms === undefined ? '' : durationText(ms)
  return [
    { title: 'Steps', head: ['Step', 'Result', 'Planned', 'Took', 'Tries', 'What was seen'], rows: report.steps.map(step => [step.title, step.state, maybe(step.expectedMs), step.startedAtMs !== undefined && step.endedAtMs !== undefined ? durationText(step.endedAtMs - step.startedAtMs) : '', String(step.attempts ?? ''), step.summary ?? '']) },
    { title: 'Decisions', head: ['Gate', 'Who', 'Answer', 'Through', 'Reason', 'At (UTC)', 'The question stood'], rows: report.decisions.map(one => [one.step, one.person, one.answer, one.verified ? one.door : `${one.door}, unverified`, one.reason ?? '', timeOfDay(one.atMs), durationText(one.stoodMs)]) },
    { title: 'Checks', head: ['Check', 'Outcome', 'Observed', 'Expected'], rows: report.checks.map(one => [one.check, one.outcome, one.observed, one.expected]) },
    ...(report.suites ?? []).map(({ suite, checks = [] }) => ({ title: `Smoke suite: ${suite.suite}`, head: ['Check', 'Outcome', 'Observed', 'Expected', 'Took'], rows: checks.map(one => [one.title, one.outcome, one.observed, one.expected, maybe(one.ms)]) })),
    { title: 'Undone', head: ['What', 'State', 'Proof'], rows: report.undo.map(line => [line.title, line.state, line.summary ?? '']) },
    { title: 'Findings and actions', head: ['Severity', 'Finding', 'Owner', 'Due'], rows: report.findings.map(finding => [finding.severity, finding.text, '', '']) },
    { title: 'Notes', head: ['At (UTC)', 'Who', 'Note'], rows: report.notes.map(note => [timeOfDay(note.atMs), note.person, note.text]) },
    { title: 'Earlier drills', head: ['Drill', 'When (UTC)', 'Verdict', 'Recovery', 'Slowest step'], rows: report.earlier.map(one => [one.drillId, utc(one.startedAtMs), one.verdict, maybe(one.rtaTechnicalMs), one.slowestStep ? `${one.slowestStep.id}, ${durationText(one.slowestStep.ms)}` : '']) },
    { title: 'Timeline (UTC)', head: ['#', 'Time', 'What', 'Event'], rows: report.timeline.map(event => { const { what, text } = eventText(event); return [String(event.seq), timeOfDay(event.atMs), what, text] }) },
  ]
}
