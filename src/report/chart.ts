import type { DrillReport } from '../drill/report.js'

const width = 1000
const height = 160
const colours = ['var(--work)', 'var(--verify)', 'var(--detect)', 'var(--people)']

/**
 * Latency (log scale, 1 ms to 1 s) and failures of the probe over the drill, as SVG. Its text is made of numbers and target names that
 * the caller escapes.
 */
export function latencyChart (report: DrillReport, escape: (text: string) => string): string {
  const { samples, drill } = report
  if (samples.length === 0) return ''
  const from = Math.min(drill.startedAtMs, samples[0]!.atMs)
  const to = Math.max(drill.endedAtMs ?? 0, samples.at(-1)!.atMs, from + 1)
  const x = (atMs: number): number => round((atMs - from) / (to - from) * width)
  const y = (ms: number): number => round(height - 18 - Math.log10(Math.min(1000, Math.max(1, ms))) / 3 * (height - 36))
  const targets = [...new Set(samples.map(sample => sample.target))]
  const outage = report.gantt.find(bar => bar.kind === 'outage')
  const marks = targets.flatMap((target, index) => samples.filter(sample => sample.target === target).map(sample => sample.ok
    ? `<circle cx="${x(sample.atMs)}" cy="${y(sample.latencyMs)}" r="1.6" fill="${colours[index % colours.length]}"/>`
    : `<line x1="${x(sample.atMs)}" x2="${x(sample.atMs)}" y1="${4 + index * 6}" y2="${9 + index * 6}" stroke="var(--bad)" stroke-width="1.5"/>`))
  const grid = [1, 10, 100, 1000].map(ms => `<line x1="0" x2="${width}" y1="${y(ms)}" y2="${y(ms)}" stroke="var(--line)"/><text x="2" y="${y(ms) - 2}">${ms} ms</text>`)
  const shade = outage ? [`<rect x="${x(outage.fromMs)}" y="0" width="${Math.max(1, x(outage.toMs) - x(outage.fromMs))}" height="${height - 18}" fill="var(--bad)" opacity="0.12"/>`] : []
  const legend = targets.map((target, index) => `<tspan fill="${colours[index % colours.length]}">● ${escape(target)}  </tspan>`).join('')
  const failed = samples.filter(sample => !sample.ok).length
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Latency of the probe: ${samples.length} looks, ${failed} failed">${[...shade, ...grid, ...marks].join('')}` +
    `<text x="0" y="${height - 4}">${legend}<tspan fill="var(--bad)">| failed</tspan></text></svg>`
}

function round (value: number): number {
  return Math.round(value * 10) / 10
}
