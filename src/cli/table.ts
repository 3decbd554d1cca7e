import { columns, padEnd } from './text.js'
import type { Paint } from './paint.js'

/** Rows under a heading, each column as wide as its widest cell; the last one is as long as it is. */
export function tableLines (heading: string[], rows: string[][], paint: Paint): string[] {
  const widths = heading.map((title, index) => Math.max(columns(title), ...rows.map(row => columns(row[index] ?? ''))))
  const line = (cells: string[]): string => cells.map((cell, index) => index === cells.length - 1 ? cell : padEnd(cell, widths[index]!)).join('  ').trimEnd()
  return [paint('dim', line(heading)), ...rows.map(line)]
}
