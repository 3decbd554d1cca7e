import { clockText, durationText } from '../drill/duration.js'
import { depthOf } from '../drill/nesting.js'
import type { DrillStatus, StepState, StepStatus, Waiting } from '../drill/status.js'
import { styled, type Line, type Style } from './paint.js'
import { clean, clip, columns, padEnd, padStart, wrap, wrapCommand } from './text.js'

const icons: Record<StepState, { icon: string, style: Style }> = {
  planned: { icon: '·', style: 'dim' },
  running: { icon: '▷', style: ['cyan', 'bold'] },
  waiting: { icon: '⧖', style: ['yellow', 'bold'] },
  passed: { icon: '✓', style: 'green' },
  failed: { icon: '✗', style: ['red', 'bold'] },
  finding: { icon: '!', style: 'yellow' },
  skipped: { icon: '–', style: 'dim' },
  aborted: { icon: '⊘', style: 'magenta' },
}

const over = (step: StepStatus): boolean => step.state === 'passed' || step.state === 'skipped'

/**
 * The steps as lines, one each, and below those that need it: the wait for a person, the error of a failed one. Where there are
 * more than `room` lines, what is done folds to one line, then what is still to come.
 */
export function stepLines (status: DrillStatus, now: number, width: number, room: number, progress: ReadonlyMap<string, string> = new Map()): Line[] {
  const waits = new Map(status.waitingFor.map(waiting => [waiting.step, waiting]))
  const titles = titleWidth(status.steps, width)
  const blocks = status.steps.map(step => ({
    step,
    lines: [
      stepLine(step, depthOf(status.steps, step), now, width, titles),
      ...below(step, waits.get(step.id), now, width),
      ...farLines(step, progress.get(step.id), width),
    ],
  }))
  const count = (list: typeof blocks): number => list.reduce((sum, block) => sum + block.lines.length, 0)
  if (count(blocks) <= room) return blocks.flatMap(block => block.lines)

  const firstOpen = blocks.findIndex(block => !over(block.step))
  const done = firstOpen === -1 ? blocks.length : firstOpen
  // The last one that was done stays: it is what people talk about.
  const folded = Math.max(0, Math.min(done - 1, count(blocks) - room + 1))
  const rest = blocks.slice(folded)
  const head = folded > 0 ? [foldLine(blocks.slice(0, folded).map(block => block.step), titles)] : []
  const lines = [...head, ...rest.flatMap(block => block.lines)]
  if (lines.length <= room) return lines
  const lastBusy = rest.findLastIndex(block => block.step.state !== 'planned')
  const shown = [...head, ...rest.slice(0, lastBusy + 1).flatMap(block => block.lines)]
  const coming = rest.slice(lastBusy + 1)
  const fit = Math.max(0, room - shown.length - 1)
  return [...shown, ...coming.slice(0, fit).flatMap(block => block.lines), ...coming.length > fit ? [['  ', styled('dim', `· ${coming.length - fit} more to come`)]] : []]
}

function titleWidth (steps: StepStatus[], width: number): number {
  const longest = Math.max(12, ...steps.map(step => columns(clean(step.title)) + 2 * depthOf(steps, step)))
  return Math.min(longest, Math.max(12, Math.floor(width * 0.5) - 6))
}

function stepLine (step: StepStatus, depth: number, now: number, width: number, titles: number): Line {
  const { icon, style } = icons[step.state]
  const indent = '  '.repeat(depth)
  const quiet = step.state === 'planned' || step.state === 'skipped'
  const title = padEnd(clip(indent + clean(step.title), titles), titles)
  const took = tookOf(step, now)
  const late = took !== undefined && step.expectedMs !== undefined && took > step.expectedMs * 1.5 && took - step.expectedMs > 1000
  const times: Line = width < 50
    ? []
    : [
        styled(late ? 'yellow' : 'dim', padStart(took === undefined ? '' : step.endedAtMs === undefined ? clockText(took) : durationText(took), 12)),
        styled('dim', padEnd(step.expectedMs === undefined || step.state === 'skipped' ? '' : ` of ${durationText(step.expectedMs)}`, 15)),
      ]
  const tries = step.attempts !== undefined && step.attempts > 1 ? [styled('yellow', `try ${step.attempts}  `)] : []
  const summary = step.state === 'waiting' || step.summary === undefined || step.error !== undefined || width < 90 ? '' : clean(step.summary)
  return ['  ', styled(style, icon), ' ', quiet ? styled('dim', title) : step.state === 'running' || step.state === 'waiting' ? styled('bold', title) : title, ...times, ...tries, styled('dim', summary)]
}

function tookOf (step: StepStatus, now: number): number | undefined {
  if (step.startedAtMs === undefined) return undefined
  if (step.endedAtMs !== undefined) return step.endedAtMs - step.startedAtMs
  return Math.max(0, now - step.startedAtMs)
}

function below (step: StepStatus, waiting: Waiting | undefined, now: number, width: number): Line[] {
  if (waiting) return waitingLines(waiting, now, width)
  if (step.state !== 'failed' && step.state !== 'finding' && step.state !== 'aborted') return []
  const text = step.error?.message ?? (width < 90 || step.state === 'failed' ? step.summary : undefined)
  if (text === undefined) return []
  const style = step.state === 'failed' ? 'red' : 'yellow'
  return wrap(clean(text), width - 6).slice(0, 4).map(line => ['      ', styled(style, line)])
}

function farLines (step: StepStatus, text: string | undefined, width: number): Line[] {
  return text === undefined || step.state !== 'running' ? [] : wrap(clean(text), width - 6).slice(0, 2).map(line => ['      ', styled('cyan', line)])
}

/** Unmistakable: what is asked of whom, how long they have, and the command to paste. */
function waitingLines (waiting: Waiting, now: number, width: number): Line[] {
  const left = waiting.deadlineAtMs - now
  const time = left >= 0 ? `${clockText(left)} left` : `${clockText(-left)} overdue`
  const what = waiting.kind === 'gate' ? `waiting for approval ${waiting.approved}/${waiting.approvals}, ${time}` : `waiting for a person to do it, ${time}`
  const style: Style = left < 120_000 ? ['red', 'bold'] : ['yellow', 'bold']
  const command = waiting.command
  const head: Line[] = columns(what) + columns(command) + 12 <= width
    ? [['    ', styled(style, `⧖ ${what} `), styled('yellow', '→ '), styled('bold', command)]]
    : [['    ', styled(style, `⧖ ${what}`)], ...wrapCommand(command, width - 8).map((line, index): Line => [index === 0 ? '    ' : '      ', styled('yellow', index === 0 ? '→ ' : ''), styled('bold', line)])]
  const about = [
    waiting.kind === 'task' ? `do: ${waiting.title}` : undefined,
    waiting.effect === undefined ? undefined : `on approve: ${waiting.effect}`,
    waiting.risk === undefined ? undefined : `it can break: ${waiting.risk}`,
    waiting.canAnswer === undefined ? undefined : `can answer now: ${waiting.canAnswer}`,
    `who: ${waiting.roles.join(' or ')}${waiting.votes.length > 0 ? `; so far ${waiting.votes.map(vote => `${vote.name} ${vote.answer === 'approve' ? 'approved' : 'rejected'}`).join(', ')}` : ''}${waiting.onTimeout === undefined ? '' : `; if nobody answers: ${waiting.onTimeout}`}`,
  ].filter(text => text !== undefined)
  return [...head, ...about.flatMap(text => wrap(clean(text), width - 6).slice(0, 3)).map((line): Line => ['      ', styled('dim', line)])]
}

function foldLine (steps: StepStatus[], titles: number): Line {
  const from = Math.min(...steps.map(step => step.startedAtMs ?? Infinity))
  const to = Math.max(...steps.map(step => step.endedAtMs ?? -Infinity))
  const skipped = steps.filter(step => step.state === 'skipped').length
  const text = `${steps.length} steps done${skipped > 0 ? `, ${skipped} of them skipped` : ''}`
  return ['  ', styled('green', '✓'), ' ', padEnd(text, titles), styled('dim', Number.isFinite(from) && Number.isFinite(to) ? padStart(durationText(to - from), 12) : '')]
}
