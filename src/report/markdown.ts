import { durationText } from '../drill/duration.js'
import { withoutControls } from '../drill/plain.js'
import type { DrillReport } from '../drill/report.js'
import { verdictText } from '../drill/words.js'
import { loadFacts } from './measured.js'
import { clockParts, eventText, timeOfDay, utc } from './text.js'

/** The report as Markdown: the one page first, evidence after. */
export function renderMarkdown (report: DrillReport): string {
  const { drill, judgement, clock, loss } = report
  const parts: string[] = [`# THIS IS A DRILL: ${md(drill.runbookTitle)}`]
  if (report.leftBehind.length > 0) parts.push(['**LEFT BEHIND**', ...report.leftBehind.map(left => `- ${md(left.title)}: ${md(left.message)}. By hand: ${code(left.byHand)}`)].join('\n'))
  parts.push(`**${verdictText[judgement.verdict]}**: ${md(judgement.why)}`)
  parts.push(table(['objective', 'target', 'achieved', 'margin', 'met'], report.objectives.map(line => [line.objective, line.target, line.achieved, line.margin ?? '', met(line.met)])))
  if (clockParts(clock).length > 0) parts.push('## Where the time went', table(['part', 'time'], clockParts(clock).map(part => [part.name, durationText(part.ms)])))
  if (loss) {
    parts.push('## Writes', table(['acknowledged', 'survived', 'lost', 'in doubt (there)', 'refused', 'doubled', 'alien'],
      [[loss.acked, loss.survived, loss.lost, `${loss.unknown} (${loss.unknownPresent})`, loss.refused, loss.doubled, loss.alien].map(String)]),
    `Second witness ${loss.witness.outcome}: ${md(loss.witness.detail)}`)
  }
  parts.push('## The drill', table(['what', ''], [
    ['drill', drill.drillId], ['runbook', `${drill.runbook} (${drill.type}), sha256 ${drill.runbookHash}`], ['environment', `${drill.environment.toUpperCase()} (${drill.tier})`],
    ['commander', drill.commander.name], ['approvers', drill.approvers.join(', ') || 'nobody'], ['from', `${utc(drill.startedAtMs)} UTC`],
    ['to', drill.endedAtMs === undefined ? 'not ended' : `${utc(drill.endedAtMs)} UTC`], ['parameters', JSON.stringify(drill.params)], ['Muster', drill.musterVersion],
  ]))
  parts.push('## Steps', table(['step', 'result', 'planned', 'took', 'what was seen'], report.steps.map(step => [
    step.title, step.state, step.expectedMs === undefined ? '' : durationText(step.expectedMs),
    step.startedAtMs !== undefined && step.endedAtMs !== undefined ? durationText(step.endedAtMs - step.startedAtMs) : '', step.summary ?? '',
  ])))
  section(parts, 'Decisions', ['gate', 'who', 'answer', 'through', 'reason', 'question stood'], report.decisions.map(one => [one.step, one.person, one.answer, one.verified ? one.door : `${one.door}, unverified`, one.reason ?? '', durationText(one.stoodMs)]))
  section(parts, 'Checks', ['check', 'outcome', 'observed', 'expected'], report.checks.map(one => [one.check, one.outcome, one.observed, one.expected]))
  for (const load of report.loads ?? []) section(parts, `Load: ${md(load.load.scenario)}`, ['what', ''], loadFacts(load, report))
  for (const { suite, checks = [] } of report.suites ?? []) {
    section(parts, `Smoke suite: ${md(suite.suite)}`, ['check', 'outcome', 'observed', 'expected', 'took'], checks.map(one => [one.title, one.outcome, one.observed, one.expected, durationText(one.ms)]))
  }
  section(parts, 'Undone', ['what', 'state', 'proof'], report.undo.map(line => [line.title, line.state, line.summary ?? '']))
  section(parts, 'Findings', ['severity', 'finding', 'owner', 'due'], report.findings.map(finding => [finding.severity, finding.text, '', '']))
  section(parts, 'Notes', ['time', 'who', 'note'], report.notes.map(note => [timeOfDay(note.atMs), note.person, note.text]))
  section(parts, 'Earlier drills', ['drill', 'when', 'verdict', 'recovery', 'slowest step'], report.earlier.map(one => [
    one.drillId, utc(one.startedAtMs), one.verdict, one.rtaTechnicalMs === undefined ? '' : durationText(one.rtaTechnicalMs), one.slowestStep ? `${one.slowestStep.id} ${durationText(one.slowestStep.ms)}` : '',
  ]))
  section(parts, 'Timeline (UTC)', ['time', '#', 'what', 'event'], report.timeline.map(event => {
    const { what, text } = eventText(event)
    return [timeOfDay(event.atMs), String(event.seq), what, text]
  }))
  parts.push('## Sign-off', table(['role', 'name', 'date', 'signature'], [['Commander', drill.commander.name, '', ''], ['Service owner', '', '', ''], ['Management', '', '', '']]))
  parts.push(`Report digest (SHA-256 of the canonical JSON): \`${report.digest}\`${report.chainHead ? `  \nTimeline chain head: \`${report.chainHead}\`` : ''}`)
  return `${parts.join('\n\n')}\n`
}

function section (parts: string[], title: string, head: string[], rows: string[][]): void {
  if (rows.length > 0) parts.push(`## ${title}`, table(head, rows))
}

function table (head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows.map(row => row.map(md))].map(row => `| ${row.join(' | ')} |`).join('\n')
}

function met (value: boolean | undefined): string {
  return value === undefined ? 'not judged' : value ? 'yes' : '**no**'
}

/** A command on one line: a line of its own in it could be a heading. */
function code (text: string): string {
  return `\`${withoutControls(text.replaceAll('`', "'"))}\``
}

/** Text of people and machines: nothing of it may become markup or break a table. */
function md (text: string): string {
  return withoutControls(text).replace(/[\\`*_[\]<>|#]/g, character => `\\${character}`)
}
