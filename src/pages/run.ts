import { durationMs } from '../drill/duration.js'
import { depthOf } from '../drill/nesting.js'
import type { ProbeSample } from '../drill/observation.js'
import type { Progress } from '../drill/progress.js'
import { clockLevel, type DrillStatus, type StepStatus } from '../drill/status.js'
import type { DrillEvent } from '../drill/timeline.js'
import { recoveryText, stateText } from '../drill/words.js'
import { latencyChart } from '../report/chart.js'
import { ganttOf } from '../report/gantt.js'
import { escapeHtml, eventText } from '../report/text.js'
import { render } from './render.js'

/** What the run page is drawn from. */
export interface Run {
  events: DrillEvent[]
  /** The fold of the events. */
  status: DrillStatus
  samples: ProbeSample[]
  /** How far its steps are that take long. */
  progress: Progress[]
  /** Epoch ms. */
  nowMs: number
  links: Link[]
}

export interface Link { text: string, url: string }

/** The parts of the page that are kept up to date, in their order. `asks` alone differs from one viewer to the next. */
export const regionNames = ['state', 'left', 'clock', 'now', 'progress', 'asks', 'steps', 'probe', 'owed', 'findings', 'log'] as const
export type RegionName = typeof regionNames[number]
export type Regions = Partial<Record<RegionName, string>>

/** Every region that is the same for all viewers. */
export function drawRegions (run: Run): Regions {
  return {
    state: render('run/state', { ...run, state: stateText(run.status) }),
    left: run.status.leftBehind.length === 0 ? '' : render('run/left', run),
    clock: drawClock(run),
    now: render('run/now', { now: nowOf(run) }),
    progress: drawProgress(run),
    steps: render('run/steps', { steps: stepLines(run) }),
    probe: drawProbe(run),
    owed: render('run/owed', { lines: [...run.status.ledger].reverse(), ended: run.status.phase === 'ended' }),
    findings: run.status.findings.length === 0 ? '' : render('run/findings', run),
    log: render('run/log', { events: logOf(run.events) }),
  }
}

/** What goes on, one line each: what people are waited for, what runs. */
export function nowOf ({ status }: Pick<Run, 'status'>): string[] {
  const waiting = status.waitingFor.map(one => one.kind === 'gate'
    ? `Waiting for approval: ${one.title} (${one.approved} of ${one.approvals})`
    : `Waiting for ${one.roles.join(' or ')}: ${one.title}`)
  const parents = new Set(status.steps.map(step => step.parent))
  const running = status.steps.filter(step => step.state === 'running' && !parents.has(step.id)).map(step => `Running: ${step.title}`)
  const undoing = status.ledger.filter(line => line.state === 'undoing').map(line => `Undoing: ${line.title}`)
  const lines = [...waiting, ...running, ...undoing]
  if (lines.length > 0) return lines
  const state = stateText(status)
  return [`${state[0]!.toUpperCase()}${state.slice(1)}`]
}

function drawClock ({ status, nowMs }: Run): string {
  const { clock, objectives } = status
  const rtoMs = objectives.rto === undefined ? undefined : durationMs(objectives.rto)
  const runs = clock.startedAtMs !== undefined && clock.recoveredAtMs === undefined && status.phase !== 'ended'
  const elapsedMs = clock.rtaTechnicalMs ?? (clock.startedAtMs === undefined ? undefined : Math.max(0, (status.endedAtMs ?? nowMs) - clock.startedAtMs))
  return render('run/clock', {
    rtoMs,
    rpo: objectives.rpo,
    elapsedMs,
    sinceMs: runs ? clock.startedAtMs : undefined,
    share: elapsedMs === undefined || rtoMs === undefined || rtoMs === 0 ? 0 : Math.min(100, elapsedMs / rtoMs * 100).toFixed(1),
    level: elapsedMs === undefined ? 'none' : clockLevel(clock.rtaBusinessMs ?? elapsedMs, objectives),
    words: recoveryText(status, nowMs),
  })
}

function drawProgress ({ status, progress }: Run): string {
  if (progress.length === 0) return ''
  const titles = new Map(status.steps.map(({ id, title }) => [id, title]))
  return render('run/progress', { progress: progress.map(({ step, text }) => ({ title: titles.get(step) ?? step, text })) })
}

function drawProbe ({ events, status, samples }: Run): string {
  const chart = latencyChart({ samples, gantt: ganttOf(events, status), drill: status, clock: status.clock }, escapeHtml)
  return chart === '' ? '' : render('run/probe', { chart })
}

export interface StepLine extends StepStatus {
  /** How deep it lies inside others. */
  depth: number
  icon: string
  /** Its length, while it runs so far, ms. */
  tookMs?: number
  /** Since when it runs, where it does. */
  sinceMs?: number
  /** Much longer than planned, by the rule of the terminal's view. */
  late: boolean
  /** Places on the drill's own time axis, percent; planned begins where the step did. */
  bar?: { from: string, to: string, planned?: string }
}

const icons: Record<StepStatus['state'], string> = { planned: '·', running: '▷', waiting: '‖', passed: '✓', failed: '✗', finding: '!', skipped: '–', aborted: '⊘' }

/** How often the bars of what still runs grow, ms: in between nothing has to be drawn anew. */
const growMs = 10_000

/** One line a step, planned against actual. */
export function stepLines ({ status, nowMs }: Pick<Run, 'status' | 'nowMs'>): StepLine[] {
  const startMs = status.startedAtMs
  const end = status.endedAtMs ?? startMs + Math.ceil(Math.max(1, nowMs - startMs) / growMs) * growMs
  const share = (atMs: number): string => (Math.min(1, Math.max(0, (atMs - startMs) / Math.max(1, end - startMs))) * 100).toFixed(2)
  const barOf = (from: number, to: number, expectedMs: number | undefined): StepLine['bar'] => ({
    // Wide enough to be seen, however short it was.
    from: share(from), to: share(Math.max(from + (end - startMs) / 200, to)), ...(expectedMs === undefined ? {} : { planned: share(from + expectedMs) }),
  })
  return status.steps.map(step => {
    const { startedAtMs, endedAtMs, expectedMs } = step
    const open = startedAtMs !== undefined && endedAtMs === undefined && status.phase !== 'ended'
    const tookMs = startedAtMs === undefined ? undefined : Math.max(0, (endedAtMs ?? status.endedAtMs ?? nowMs) - startedAtMs)
    return {
      ...step,
      depth: depthOf(status.steps, step),
      icon: icons[step.state],
      ...(tookMs === undefined ? {} : { tookMs }),
      ...(open ? { sinceMs: startedAtMs } : {}),
      late: tookMs !== undefined && expectedMs !== undefined && tookMs > expectedMs * 1.5 && tookMs - expectedMs > 1000,
      ...(startedAtMs === undefined ? {} : { bar: barOf(startedAtMs, endedAtMs ?? end, expectedMs) }),
    }
  })
}

/** The newest first. */
function logOf (events: DrillEvent[]): Array<{ seq: number, atMs: number, what: string, text: string }> {
  return events.map(event => ({ seq: event.seq, atMs: event.atMs, ...eventText(event) })).reverse()
}
