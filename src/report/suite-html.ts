import { Eta } from 'eta'
import { durationText } from '../drill/duration.js'
import { figure, type SmokeOutcome, type SuiteRun, type ThresholdRow } from '../drill/suite.js'
import { style } from './style.js'
import { verdictText } from '../drill/words.js'
import { escapeHtml, utc } from './text.js'

const eta = new Eta({ autoEscape: true, escapeFunction: escapeHtml })

const outcomeText: Record<SmokeOutcome, [text: string, kind: string]> = {
  pass: ['pass', 'yes'], fail: ['FAIL', 'no'], blind: ['BLIND', 'no'], 'not-configured': ['not configured', 'dim'], skipped: ['not asked', 'dim'],
}
const levelText: Record<ThresholdRow['outcome'], [text: string, kind: string]> = {
  green: ['green', 'yes'], between: ['finding', 'near'], alert: ['ALERT', 'no'], blind: ['BLIND', 'no'], 'not-configured': ['not configured', 'dim'],
}

const template = eta.compile(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title><%= it.verdict %>: <%= it.run.title %> (<%= it.run.environment %>)</title><style><%~ it.style %>.near { color: var(--near); font-weight: 600 }</style></head><body>
<main>
<h1><%= it.run.title %></h1>
<p class="sub"><%= it.run.environment.toUpperCase() %> · <%= it.utc(it.run.startedAtMs) %> UTC · took <%= it.took(it.run.ms) %> (its checks together <%= it.took(it.run.serialMs) %>) · <code><%= it.run.runId %></code></p>
<section class="verdict <%= it.run.verdict %>"><strong><%= it.verdict %></strong><%= it.run.why %>
<% if (it.run.reasons.length > 1) { %><ul><% it.run.reasons.slice(1).forEach(reason => { %><li><%= reason %></li><% }) %></ul><% } %></section>
<% it.groups.forEach(group => { %><h2><%= group.name %></h2><table><thead><tr><th>Check<th>Outcome<th>Seen<th>Took</tr></thead><tbody>
<% group.checks.forEach(check => { %><tr><td><%= check.title %><br><code><%= check.id %></code><td class="<%= it.outcome(check)[1] %>"><%= it.outcome(check)[0] %><% if (check.flaky) { %> <span class="near">flaky</span><% } %><td><%= check.observed %><% if (check.outcome === 'fail' || check.outcome === 'blind') { %><br><span class="dim">expected: <%= check.expected %></span><% } %><% if (check.cleanUp && !check.cleanUp.cleaned) { %><br><span class="no">left behind: <%= check.cleanUp.observed %></span><% } %>
<% if (check.steps) { %><details<% if (check.outcome !== 'pass') { %> open<% } %>><summary class="dim"><%= check.steps.length %> steps</summary><% check.steps.forEach(step => { %><div><span class="<%= step.outcome === 'pass' ? 'yes' : step.outcome === 'fail' ? 'no' : 'dim' %>"><%= step.outcome %></span> <%= step.name %>: <%= step.observed %></div><% }) %></details><% } %><td class="num"><%= check.ms === 0 ? '' : it.took(check.ms) %></tr><% }) %></tbody></table><% }) %>
<% if (it.run.thresholds.length) { %><h2>thresholds</h2><table><thead><tr><th>Metric<th>Measured<th>Target<th>Alert<th>Outcome</tr></thead><tbody>
<% it.run.thresholds.forEach(row => { %><tr><td><%= row.metric %><td class="num"><%= row.value === undefined ? '' : it.figure(row.value, row.unit) %><td class="num"><%= it.figure(row.target, row.unit) %><td class="num"><%= it.figure(row.alert, row.unit) %><td class="<%= it.level(row)[1] %>"><%= it.level(row)[0] %></tr><% }) %></tbody></table><% } %>
</main></body></html>
`)

/** The run as one self-contained page: no script, no external asset. */
export function renderSuiteHtml (run: SuiteRun): string {
  const groups = [...new Set(run.checks.map(check => check.category))].map(name => ({ name, checks: run.checks.filter(check => check.category === name) }))
  return eta.render(template, {
    run, groups, style, utc, figure, took: durationText, verdict: verdictText[run.verdict],
    outcome: ({ outcome }: { outcome: SmokeOutcome }) => outcomeText[outcome],
    level: ({ outcome }: ThresholdRow) => levelText[outcome],
  })
}
