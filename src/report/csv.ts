import type { DrillReport } from '../drill/report.js'
import { eventText } from './text.js'

/** The timeline as RFC 4180, times in UTC. */
export function renderCsv (report: DrillReport): string {
  const rows = report.timeline.map(event => {
    const { what, text } = eventText(event)
    return [event.seq, new Date(event.atMs).toISOString(), event.type, what, text]
  })
  return [['seq', 'time', 'type', 'what', 'text'], ...rows].map(row => row.map(cell).join(',')).join('\r\n') + '\r\n'
}

/** Quoted where it must be. A cell that a spreadsheet would run as a formula is made text. */
function cell (value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
