import { pathOf, round } from '../../drill/course.js'
import { durationText } from '../../drill/duration.js'

export interface Line { name: string, className: string, points: Array<[atMs: number, value: number | undefined]> }

const width = 900
const height = 180
const left = 64
const bottom = 22
const maxPoints = 300

/**
 * Lines over time as inline SVG. A second without a value breaks its line: nothing is drawn where nothing was measured. Of long runs
 * each point is the highest of its part, so that no peak is averaged away.
 */
export function lineChart (lines: Line[], { toMs, label, unit }: { toMs: number, label: string, unit: (value: number) => string }): string {
  const thinned = lines.map(line => ({ ...line, points: thin(line.points, toMs) }))
  const top = Math.max(...thinned.flatMap(({ points }) => points.map(([, value]) => value ?? 0)), 0) * 1.05 || 1
  const x = (atMs: number): number => round(left + atMs / Math.max(1, toMs) * (width - left))
  const y = (value: number): number => round((height - bottom) * (1 - value / top))
  const grid = [0, 0.5, 1].map(share => `<line x1="${left}" x2="${width}" y1="${y(top * share)}" y2="${y(top * share)}" class="grid"/><text x="${left - 6}" y="${Math.max(10, y(top * share) + 4)}" text-anchor="end">${unit(top * share)}</text>`)
  const times = [0, 0.5, 1].map(share => `<text x="${x(toMs * share)}" y="${height - 6}" text-anchor="${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}">${durationText(toMs * share)}</text>`)
  const paths = thinned.map(({ className, points }) => `<path class="${className}" d="${pathOf(points.map(([atMs, value]) => [x(atMs), value === undefined ? undefined : y(value)]))}"/>`)
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${[...grid, ...times, ...paths].join('')}</svg>`
}

function thin (points: Line['points'], toMs: number): Line['points'] {
  if (points.length <= maxPoints) return points
  const parts = new Map<number, [number, number | undefined]>()
  for (const [atMs, value] of points) {
    const part = Math.min(maxPoints - 1, Math.floor(atMs / toMs * maxPoints))
    const kept = parts.get(part)
    if (kept === undefined || (value ?? -1) > (kept[1] ?? -1)) parts.set(part, [atMs, value])
  }
  return [...parts].sort(([one], [other]) => one - other).map(([, point]) => point)
}
