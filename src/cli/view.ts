import { clockText, durationMs } from '../drill/duration.js'
import { clockLevel, type DrillStatus, type LedgerLine } from '../drill/status.js'
import { recoveryText, stateText, verdictText } from '../drill/words.js'
import { paintOf, render, spread, styled, type Line, type Style } from './paint.js'
import { stepLines } from './step-lines.js'
import { clean, wrap } from './text.js'

export interface ViewOptions {
  /** Epoch ms, by the drill's clock. */
  now: number
  /** Columns. */
  width: number
  /** Rows that may be used; steps fold to fit. Without it everything is shown. */
  height?: number
  colour: boolean
  /** Since when nothing was heard of Muster, epoch ms. */
  lostSinceMs?: number
  /** How far steps are that take long, one line each, by their ids. */
  progress?: ReadonlyMap<string, string>
}

/** The live view of a drill: a pure drawing of its status, as lines without line ends, none wider than `width`. */
export function viewOf (status: DrillStatus, options: ViewOptions): string[] {
  const { width, now, height = Infinity } = options
  const top = [...header(status, now, width), ...leftBehind(status, width), ...recovery(status, now, width), []]
  const bottom = [...ledger(status, width), ...findings(status, width), ...contact(options)]
  const room = Math.max(4, height - top.length - bottom.length)
  const lines = [...top, ...stepLines(status, now, width, room, options.progress), ...bottom]
  const paint = paintOf(options.colour)
  return lines.slice(0, height).map(line => render(line, width, paint))
}

function header (status: DrillStatus, now: number, width: number): Line[] {
  const ran = (status.endedAtMs ?? now) - status.startedAtMs
  const where = `${status.environment.toUpperCase()} (${status.tier})`
  return [
    spread([styled(['bold', 'inverse'], ' THIS IS A DRILL '), ' ', styled('bold', clean(status.runbookTitle))], [state(status)], width),
    spread(
      [' ', styled(status.tier === 'production' ? ['red', 'bold'] : 'bold', where), styled('dim', ` · ${status.drillId} · ${clean(status.commander.name)}`)],
      [styled('dim', clockText(ran))], width),
  ]
}

function state (status: DrillStatus): { text: string, style: Style } {
  const text = stateText(status)
  if (status.verdict !== undefined) return verdictMark(status.verdict)
  if (status.waitingFor.length > 0) return { text, style: ['yellow', 'bold'] }
  switch (status.phase) {
    case 'admission': return { text, style: 'cyan' }
    case 'unwinding': return { text, style: ['magenta', 'bold'] }
    case 'waiting': return { text, style: 'yellow' }
    case 'ended': return { text, style: 'bold' }
    case 'running': return { text, style: ['cyan', 'bold'] }
  }
}

/** A verdict in words and colour, the same wherever it is drawn. */
export function verdictMark (verdict: NonNullable<DrillStatus['verdict']>): { text: string, style: Style } {
  return { text: verdictText[verdict], style: [verdictColours[verdict], 'bold'] }
}

const verdictColours = { passed: 'green', 'passed-with-findings': 'yellow', failed: 'red', invalid: 'magenta', aborted: 'magenta' } as const

function leftBehind (status: DrillStatus, width: number): Line[] {
  return status.leftBehind.flatMap((one): Line[] => [
    [],
    ...wrap(clean(`LEFT BEHIND: ${one.title} (${one.message})`), width - 2).map((line): Line => [' ', styled(['red', 'bold'], line)]),
    ...wrap(clean(`→ ${one.byHand}`), width - 4).map((line): Line => ['   ', styled('red', line)]),
  ])
}

/** The headline: how long the outage lasts, against what it may. */
function recovery (status: DrillStatus, now: number, width: number): Line[] {
  const { clock, objectives } = status
  const rto = objectives.rto === undefined ? undefined : durationMs(objectives.rto)
  const hurt = clock.startedAtMs !== undefined
  if (!hurt && (rto === undefined || status.phase === 'ended')) return []
  const elapsed = clock.rtaTechnicalMs ?? (hurt ? Math.max(0, (status.endedAtMs ?? now) - clock.startedAtMs!) : undefined)
  const level = elapsed === undefined ? 'good' : clockLevel(clock.rtaBusinessMs ?? elapsed, objectives)
  const style: Style = level === 'over' ? ['red', 'bold'] : level === 'near' ? ['yellow', 'bold'] : ['green', 'bold']
  const text = `${elapsed === undefined ? '--:--' : clockText(elapsed)}${rto === undefined ? '' : ` / ${clockText(rto)}`}`
  const said = recoveryText(status, now)
  const size = rto === undefined ? 0 : Math.max(0, Math.min(40, width - 17 - text.length - said.length - 2))
  return [[], [' ', styled('dim', 'recovery clock '), styled(elapsed === undefined ? 'dim' : style, text), ...bar(elapsed === undefined || rto === undefined ? 0 : elapsed / rto, size, style), ' ', styled('dim', said)]]
}

function bar (share: number, size: number, style: Style): Line {
  if (size < 8) return []
  const full = Math.min(size, share > 0 ? Math.max(1, Math.round(share * size)) : 0)
  return [' ', styled(style, '━'.repeat(full)), styled('dim', '─'.repeat(size - full))]
}

const undoIcons: Record<LedgerLine['state'], { icon: string, style: Style, text: string }> = {
  owed: { icon: '·', style: 'dim', text: 'owed' },
  undoing: { icon: '↶', style: ['magenta', 'bold'], text: 'undoing' },
  already: { icon: '✓', style: 'green', text: 'was so already' },
  undone: { icon: '✓', style: 'green', text: 'undone' },
  'left-behind': { icon: '✗', style: ['red', 'bold'], text: 'LEFT BEHIND' },
}

function ledger (status: DrillStatus, width: number): Line[] {
  const { ledger } = status
  if (ledger.length === 0) return []
  const owed = ledger.filter(line => line.state === 'owed' || line.state === 'undoing').length
  if (ledger.every(line => line.state === 'owed') && status.phase !== 'unwinding') {
    return [[], ['  ', styled('dim', `↶ ${owed === 1 ? 'one step is' : `${owed} steps are`} still to be undone; an abort undoes ${owed === 1 ? 'it' : 'them'} at once`)]]
  }
  if (status.phase === 'ended' && ledger.every(line => line.state === 'undone' || line.state === 'already')) {
    return [[], ['  ', styled('green', '✓'), ` everything is back as it was: ${ledger.length === 1 ? 'the undo' : `${ledger.length} undos`} verified`]]
  }
  return [[], [' ', styled('dim', 'putting it back')], ...[...ledger].reverse().map((line): Line => {
    const { icon, style, text } = undoIcons[line.state]
    return ['  ', styled(style, icon), ' ', clean(line.title), styled(line.state === 'left-behind' ? style : 'dim', `  ${text}${line.summary === undefined || width < 80 ? '' : `: ${clean(line.summary)}`}`)]
  })]
}

function findings (status: DrillStatus, width: number): Line[] {
  if (status.findings.length === 0) return []
  const shown = status.findings.slice(0, 4)
  const more = status.findings.length - shown.length
  return [[], ...shown.flatMap(finding => wrap(clean(`${finding.severity} finding: ${finding.text}`), width - 4).slice(0, 2)
    .map((line, index): Line => ['  ', styled('yellow', index === 0 ? '! ' : '  '), line])), ...more > 0 ? [['    ', styled('dim', `and ${more} more in the report`)]] : []]
}

function contact (options: ViewOptions): Line[] {
  if (options.lostSinceMs === undefined) return []
  return [[], [' ', styled(['yellow', 'bold'], `no contact with Muster for ${clockText(options.now - options.lostSinceMs)}; the drill goes on, trying again`)]]
}
