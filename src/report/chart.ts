import { round } from '../drill/course.js'
import { clockText } from '../drill/duration.js'
import type { DrillReport } from '../drill/report.js'

/** What the chart is drawn from: a report, or a drill that still runs. */
export type ChartFacts = Pick<DrillReport, 'samples' | 'gantt'> & {
  drill: { startedAtMs: number, endedAtMs?: number }
  /** `startedAtMs`: the clock's zero, the first failed look; before there is one, the drill's start. */
  clock: { startedAtMs?: number }
}

export const width = 1000
const height = 200
const floor = height - 38
/** Steps between two marks of the time axis, ms; the first with which there are at most ten marks. */
const stepsMs = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400].map(s => s * 1000)

/**
 * Latency (log scale, 1 ms to 1 s) and failures of the probe over the recovery clock, as SVG without styles of its own. Its text is
 * made of numbers and of target names that the caller escapes.
 */
export function latencyChart ({ samples, gantt, drill, clock }: ChartFacts, escape: (text: string) => string): string {
  if (samples.length === 0) return ''
  const { from, to } = rangeOf({ samples, drill })
  const zero = clock.startedAtMs ?? drill.startedAtMs
  const x = (atMs: number): number => round((Math.min(to, Math.max(from, atMs)) - from) / (to - from) * width)
  const y = (ms: number): number => round(floor - Math.log10(Math.min(1000, Math.max(1, ms))) / 3 * (floor - 18))
  const targets = [...new Set(samples.map(sample => sample.target))]
  const grid = [1, 10, 100, 1000].map(ms => `<line class="grid" x1="0" x2="${width}" y1="${y(ms)}" y2="${y(ms)}"/><text x="2" y="${y(ms) - 2}">${ms === 1000 ? '1 s' : `${ms} ms`}</text>`)
  const looks = targets.flatMap((target, index) => {
    const own = samples.filter(sample => sample.target === target)
    const good = own.filter(sample => sample.ok).map(sample => `M${x(sample.atMs)} ${y(sample.latencyMs)}h0`).join('')
    const failed = own.filter(sample => !sample.ok).map(sample => `M${x(sample.atMs)} ${4 + index % 4 * 7}v6`).join('')
    return [good && `<path class="look t${index % 4}" d="${good}"/>`, failed && `<path class="failed" d="${failed}"/>`]
  })
  const legend = targets.map((target, index) => `<tspan class="t${index % 4}">● </tspan><tspan>${escape(target)}   </tspan>`).join('')
  const failures = samples.filter(sample => !sample.ok).length
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Latency of the probe: ${samples.length} looks, ${failures} failed">` +
    `${[...bandsOf(gantt, x, floor), ...grid, ...looks, ...axis(from, to, zero, x, floor)].join('')}` +
    `<text x="0" y="${height - 4}">${legend}<tspan class="bad">┃ </tspan><tspan>failed   </tspan><tspan class="wait">┅ </tspan><tspan>waiting for people</tspan></text></svg>`
}

/** What every chart of a report spans, so that one can be held under the other. */
export function rangeOf ({ samples, drill }: Pick<ChartFacts, 'samples' | 'drill'>): { from: number, to: number } {
  const from = Math.min(drill.startedAtMs, samples[0]?.atMs ?? Infinity)
  return { from, to: Math.max(drill.endedAtMs ?? 0, samples.at(-1)?.atMs ?? 0, from + 1) }
}

/** The outage as a band, and under the floor when people were waited for; what lies outside of the chart is not drawn. */
export function bandsOf (gantt: ChartFacts['gantt'], x: (atMs: number) => number, floor: number): string[] {
  return gantt.filter(bar => bar.kind === 'outage' || bar.kind === 'waiting').map(bar => {
    const [left, right] = [x(bar.fromMs), x(bar.toMs)]
    return bar.kind === 'outage'
      ? `<rect class="outage" x="${left}" y="0" width="${round(Math.max(1, right - left))}" height="${floor}"/>`
      : `<line class="waiting" x1="${left}" x2="${round(Math.max(left + 1, right))}" y1="${floor + 4}" y2="${floor + 4}"/>`
  })
}

/** Marks of the recovery clock, whose zero is the first failed look. */
export function axis (from: number, to: number, zero: number, x: (atMs: number) => number, floor: number): string[] {
  const step = stepsMs.find(ms => (to - from) / ms <= 10) ?? 28_800_000
  const marks: string[] = []
  for (let atMs = zero + Math.ceil((from - zero) / step) * step; atMs <= to; atMs += step) {
    const left = x(atMs)
    const anchor = left < 20 ? 'start' : left > width - 20 ? 'end' : 'middle'
    marks.push(`<line class="grid" x1="${left}" x2="${left}" y1="${floor}" y2="${floor + 8}"/><text x="${left}" y="${floor + 19}" text-anchor="${anchor}">${atMs < zero ? '−' : ''}${clockText(Math.abs(atMs - zero))}</text>`)
  }
  return marks
}
