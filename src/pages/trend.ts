import { durationText } from '../drill/duration.js'
import { escapeHtml } from '../report/text.js'

/** One drill of a trend. */
export interface TrendPoint { verdict: string, rtaMs?: number, drillId: string }

const width = 140
const height = 28

/**
 * Recovery times of the last drills, oldest first, as small bars with the objective as a line; a drill that measured none is a dot on
 * the floor. @param rtoMs the objective, where there is one
 */
export function drawTrend (points: TrendPoint[], rtoMs?: number): string {
  if (points.length === 0) return ''
  const measured = points.map(point => point.rtaMs).filter(ms => ms !== undefined)
  // An objective far above would press all bars flat: it is drawn only where it is near.
  const top = Math.max(1, ...measured)
  const shown = rtoMs !== undefined && rtoMs <= top * 2
  const scale = shown ? Math.max(top, rtoMs) : top
  const step = width / Math.max(8, points.length)
  const marks = points.map(({ rtaMs, verdict, drillId }, index) => {
    const x = round(index * step + step / 2)
    const name = `<title>${escapeHtml(drillId)}: ${escapeHtml(verdict)}${rtaMs === undefined ? '' : `, ${durationText(rtaMs)}`}</title>`
    if (rtaMs === undefined) return `<circle class="${escapeHtml(verdict)}" cx="${x}" cy="${height - 3}" r="2">${name}</circle>`
    return `<line class="${escapeHtml(verdict)}" x1="${x}" x2="${x}" y1="${height}" y2="${round(height - Math.max(2, rtaMs / scale * (height - 3)))}" stroke-width="${round(step * 0.6)}">${name}</line>`
  })
  const line = shown ? `<line class="objective" x1="0" x2="${width}" y1="${round(height - rtoMs / scale * (height - 3))}" y2="${round(height - rtoMs / scale * (height - 3))}"/>` : ''
  const said = measured.length === 0 ? 'no recovery time measured' : `recovery times, oldest first: ${measured.map(durationText).join(', ')}`
  return `<svg class="trend" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(said)}">${marks.join('')}${line}</svg>`
}

function round (value: number): number {
  return Math.round(value * 10) / 10
}
