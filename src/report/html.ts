import { Eta } from 'eta'
import type { DrillReport } from '../drill/report.js'
import { verdictText } from '../drill/words.js'
import { renderBody } from './body.js'
import { style } from './style.js'
import { escapeHtml } from './text.js'

const eta = new Eta({ autoEscape: true, escapeFunction: escapeHtml })

/** `<%= %>` escapes; `<%~ %>` is used for the style and the body alone, which are ours. */
const template = eta.compile(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title><%= it.verdict %>: <%= it.drill.runbookTitle %> (<%= it.drill.drillId %>)</title><style><%~ it.style %></style></head><body>
<div class="drill">THIS IS A DRILL</div>
<%~ it.body %></body></html>
`)

/** The report as one self-contained page: no script, no external asset; it prints. */
export function renderHtml (report: DrillReport): string {
  return eta.render(template, { drill: report.drill, style, verdict: verdictText[report.judgement.verdict], body: renderBody(report) })
}
