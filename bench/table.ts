import { isMet, ratioOf, type Figure, type Goal } from './measure.js'

const columns = ['', 'n', 'ours p50', 'p99', 'peer p50', 'p99', 'ratio', 'goal', '']

/** Figures as a table for a terminal: one line a goal (and one where there is none), with what was seen beside it below. */
export function tableOf (figures: Figure[]): string {
  const rows = figures.flatMap(figure => goalsOf(figure).map((goal, index) => ({ figure, goal, cells: cellsOf(figure, goal, index === 0) })))
  const widths = columns.map((title, column) => Math.max(title.length, ...rows.map(({ cells }) => cells[column]!.length)))
  const line = (cells: string[]): string => cells.map((cell, column) => column === 0 || column > 6 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join('  ').trimEnd()
  const lines = [line(columns)]
  for (const { figure, goal, cells } of rows) {
    lines.push(line(cells))
    if (goal !== goalsOf(figure).at(-1)) continue
    if (figure.peer) lines.push(`    peer: ${figure.peer.name}`)
    lines.push(...figure.notes.map(note => `    ${note}`))
  }
  return lines.join('\n')
}

function goalsOf ({ goals }: Figure): Array<Goal | undefined> {
  return goals.length === 0 ? [undefined] : goals
}

function cellsOf (figure: Figure, goal: Goal | undefined, isFirst: boolean): string[] {
  const { ours, peer, unit, absent } = figure
  const number = (value: number | undefined): string => value === undefined ? '' : textOf(value, unit)
  const measured = isFirst
    ? [figure.what, String(ours.n), number(ours.p50), number(ours.p99), number(peer?.p50), number(peer?.p99)]
    : ['', '', '', '', '', '']
  const ratio = ratioOf(figure, goal?.of ?? 'p50')?.toFixed(2) ?? ''
  if (goal === undefined) return [...measured, ratio, '', absent ?? '']
  return [...measured, ratio, goalText(goal, unit), absent ?? (isMet(figure, goal) ? 'met' : 'MISSED')]
}

function textOf (value: number, unit: Figure['unit']): string {
  switch (unit) {
    case 'ms': return `${value.toFixed(value < 100 ? 1 : 0)} ms`
    case 'cores': return value.toFixed(2)
    case 'MiB': return `${Math.round(value)} MiB`
    case 'events': return String(Math.round(value))
  }
}

export function goalText ({ of, ratio, below }: Goal, unit: Figure['unit']): string {
  return ratio === undefined ? `${of} < ${below} ${unit}` : `${of} ≤ ${ratio.toFixed(2)} ×`
}
