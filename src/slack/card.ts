import { clockText, durationText } from '../drill/duration.js'
import { clockLevel, type DrillStatus, type StepState, type StepStatus } from '../drill/status.js'
import type { Verdict } from '../drill/verdict.js'
import { actions, banner, button, context, fields, header, paragraphs, section, type Block, type Drawn } from './blocks.js'
import { runUrl, type Surroundings } from './surroundings.js'
import { escape, moment } from './text.js'

/** All blocks of a message together may have about 12,000 characters; a card stays well below, its steps within this. */
const stepsLength = 4500

const icons: Record<StepState, string> = { planned: '·', running: '▶', waiting: '⧖', passed: '✓', failed: '✗', finding: '❗', skipped: '–', aborted: '⊘' }
export const verdictWords: Record<Verdict, string> = { passed: '✅ PASSED', 'passed-with-findings': '☑️ PASSED WITH FINDINGS', failed: '❌ FAILED', invalid: '❓ INVALID: it proves nothing', aborted: '🚫 ABORTED' }

/** The one card of a drill, edited in place: where it stands, what it waits for, the clock, what is left behind, each step. */
export function drawCard (status: DrillStatus, around: Surroundings): Drawn {
  const now = stateOf(status)
  return {
    text: `${banner}: ${escape(status.runbookTitle)} in ${escape(status.environment.toUpperCase())}: ${escape(now.notice)}`,
    blocks: [
      header(`${banner} – ${status.runbookTitle}`),
      section(now.text),
      ...leftBehind(status),
      fields([
        `*Environment*\n*${escape(status.environment.toUpperCase())}* (${status.tier})`,
        `*Commander*\n${escape(status.commander.name)}`,
        `*Started*\n${moment(status.startedAtMs, '{date_short_pretty} {time_secs}')}`,
        `*Recovery clock*\n${clock(status, around.nowMs)}`,
        ...status.findings.length === 0 ? [] : [`*Findings*\n${status.findings.length}`],
        ...owed(status),
      ]),
      ...paragraphs(stepLines(status), stepsLength),
      actions('card', button({ id: 'run.view', text: 'View run', url: runUrl(around, status.drillId) }),
        ...status.phase === 'ended' ? [] : [button({ id: 'drill.abort', text: 'Abort', value: status.drillId })]),
      context(`${escape(status.drillId)} · ${escape(status.runbook)} ${status.runbookHash.slice(0, 12)} · event ${status.seq}`),
    ],
  }
}

/** What a message about the end says: the verdict, the numbers that it is about, and what a person still has to do. */
export function drawEnd (status: DrillStatus, loss: { lost: number, acked: number } | undefined, around: Surroundings): Drawn {
  const verdict = status.verdict ?? 'aborted'
  const { rtaTechnicalMs, rtaTechnicalWithoutWaitingMs } = status.clock
  const objective = status.objectives.rto === undefined ? '' : ` (objective ${status.objectives.rto})`
  return {
    text: `${banner}: ${escape(status.runbookTitle)} in ${escape(status.environment.toUpperCase())} is over: ${verdict}. ${escape(status.why ?? '')}`.slice(0, 3000),
    blocks: [
      section(`*${banner}* (${escape(status.environment.toUpperCase())}) is over: *${verdictWords[verdict]}*\n${escape(status.why ?? '', 1000)}`),
      ...leftBehind(status),
      ...rtaTechnicalMs === undefined && loss === undefined
        ? []
        : [fields([
            ...rtaTechnicalMs === undefined ? [] : [`*Recovery took*\n${durationText(rtaTechnicalMs)}${objective}`],
            ...rtaTechnicalWithoutWaitingMs === undefined ? [] : [`*Without waiting for people*\n${durationText(rtaTechnicalWithoutWaitingMs)}`],
            ...loss === undefined ? [] : [`*Acknowledged writes lost*\n${loss.lost} of ${loss.acked}`],
          ])],
      section(`<${runUrl(around, status.drillId)}|The report>`),
    ],
  }
}

function stateOf (status: DrillStatus): { text: string, notice: string } {
  if (status.phase === 'ended') {
    const verdict = status.verdict ?? 'aborted'
    return { text: `*${verdictWords[verdict]}*\n${escape(status.why ?? '', 1000)}`, notice: verdict }
  }
  if (status.phase === 'unwinding') return { text: '↩️ *Undoing what was done*', notice: 'undoing what was done' }
  if (status.waitingFor.length > 0) {
    const lines = status.waitingFor.map(waiting => waiting.kind === 'gate'
      ? `⧖ *Waiting for approval* (${waiting.approved} of ${waiting.approvals}, ${waiting.roles.join(' or ')}): ${escape(waiting.title)}, ${waiting.overdue ? 'overdue' : `until ${moment(waiting.deadlineAtMs)}`}`
      : `⧖ *Waiting for ${waiting.roles.join(' or ')}*: ${escape(waiting.title)}, until ${moment(waiting.deadlineAtMs)}`)
    return { text: lines.slice(0, 5).join('\n'), notice: `waiting for ${status.waitingFor[0]!.roles.join(' or ')}` }
  }
  const running = status.steps.filter(step => step.state === 'running')
  if (running.length > 0) return { text: `▶️ *Now:* ${running.slice(0, 5).map(step => escape(step.title)).join(', ')}`, notice: `now ${running[0]!.title}` }
  return { text: status.phase === 'admission' ? '🔎 *Looking whether it may start*' : '▶️ *Running*', notice: status.phase }
}

function leftBehind (status: DrillStatus): Block[] {
  if (status.leftBehind.length === 0) return []
  return paragraphs(['🟥 *LEFT BEHIND: not as it was, a person has to act*', ...status.leftBehind.map(line => `• ${escape(line.title)}: ${escape(line.message)}. By hand: ${escape(line.byHand, 500)}`)], 2500)
}

function clock (status: DrillStatus, nowMs: number): string {
  const objective = status.objectives.rto === undefined ? '' : ` of ${status.objectives.rto}`
  const light = { good: '🟢', near: '🟡', over: '🔴' }
  const { rtaTechnicalMs } = status.clock
  if (rtaTechnicalMs !== undefined) return `${light[clockLevel(rtaTechnicalMs, status.objectives)]} ${durationText(rtaTechnicalMs)}${objective}`
  if (status.outageSinceMs === undefined) return `–${objective}`
  const elapsed = (status.endedAtMs ?? nowMs) - status.outageSinceMs
  return `${light[clockLevel(elapsed, status.objectives)]} ${clockText(elapsed)}${objective}, ${status.endedAtMs === undefined ? 'running' : 'never recovered'}`
}

function owed (status: DrillStatus): string[] {
  if (status.ledger.length === 0) return []
  const done = status.ledger.filter(line => line.state === 'undone' || line.state === 'already').length
  return [`*Undone*\n${done} of ${status.ledger.length}`]
}

function stepLines (status: DrillStatus): string[] {
  return status.steps.map(step => `${icons[step.state]} ${escape(step.title, 120)}${took(step)}${step.state === 'passed' || step.summary === undefined ? '' : `: ${escape(step.summary, 160)}`}`)
}

function took (step: StepStatus): string {
  return step.startedAtMs === undefined || step.endedAtMs === undefined ? '' : ` (${durationText(step.endedAtMs - step.startedAtMs)})`
}
