import { pathOf, round } from '../drill/course.js'
import { durationText } from '../drill/duration.js'
import type { LoadPoint } from '../drill/load.js'
import type { DrillReport, LoadSection } from '../drill/report.js'
import { axis, bandsOf, rangeOf, width } from './chart.js'

const height = 240
const floor = height - 38
/** Latency above, from 1 ms to 10 s on a log scale; requests a second below. */
const latencyFloor = 130
const rateTop = 146

/**
 * Latency and throughput of a load over the recovery clock, as SVG without styles of its own: what customers felt while the outage lasted. It
 * spans what the probe's chart does. A second in which nothing was answered breaks the line of the latency; rates are steps, a second wide.
 */
export function loadChart ({ load, points = [] }: LoadSection, { gantt, clock, drill, samples }: Pick<DrillReport, 'gantt' | 'clock' | 'drill' | 'samples'>): string {
  if (points.length === 0) return ''
  const begin = load.startedAtMs
  const { from, to } = rangeOf({ samples, drill })
  const x = (atMs: number): number => round((Math.min(to, Math.max(from, atMs)) - from) / (to - from) * width)
  const latency = (ms: number): number => round(latencyFloor - Math.log10(Math.min(10_000, Math.max(1, ms))) / 4 * (latencyFloor - 12))
  const most = Math.max(1, ...points.map((point, index) => rateOf(points, index, point.requests, begin)))
  const rate = (value: number): number => round(floor - value / most * (floor - rateTop))
  const startOf = (index: number): number => points[index - 1]?.atMs ?? begin
  const course = (className: string, path: string): string => path === '' ? '' : `<path class="course ${className}" d="${path}"/>`
  const line = (className: string, value: (point: LoadPoint) => number | undefined): string => course(className, pathOf(points.map((point, index) => {
    const ms = value(point)
    return [x((startOf(index) + point.atMs) / 2), ms === undefined ? undefined : latency(ms)]
  })))
  const steps = (className: string, count: (point: LoadPoint) => number): string => course(className, pathOf(points.flatMap((point, index) => {
    const y = rate(rateOf(points, index, count(point), begin))
    return [[x(startOf(index)), y], [x(point.atMs), y]]
  })))
  const lines = [
    line('t1', ({ p50Ms }) => p50Ms),
    line('t2', ({ p99Ms }) => p99Ms),
    steps('t0', ({ requests }) => requests),
    points.some(({ errors }) => errors > 0) ? steps('bad', ({ errors }) => errors) : '',
  ]
  const grid = [1, 10, 100, 1000, 10_000].map(ms => `<line class="grid" x1="0" x2="${width}" y1="${latency(ms)}" y2="${latency(ms)}"/><text x="2" y="${latency(ms) - 2}">${ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}</text>`)
  const scale = `<line class="grid" x1="0" x2="${width}" y1="${rate(most)}" y2="${rate(most)}"/><text x="2" y="${rate(most) + 12}">${Math.round(most)} a second</text>`
  const legend = '<tspan class="t1">● </tspan><tspan>P50   </tspan><tspan class="t2">● </tspan><tspan>P99   </tspan><tspan class="t0">● </tspan><tspan>requests a second   </tspan><tspan class="bad">● </tspan><tspan>errors a second</tspan>'
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Latency and throughput of the load: ${load.requests} requests in ${durationText(load.durationMs)}, ${load.errors} errors">` +
    `${[...bandsOf(gantt, x, floor), ...grid, scale, ...lines, ...axis(from, to, clock.startedAtMs ?? drill.startedAtMs, x, floor)].join('')}<text x="0" y="${height - 4}">${legend}</text></svg>`
}

/** A second with a part of its time alone still has its rate. */
function rateOf (points: readonly LoadPoint[], index: number, count: number, begin: number): number {
  const spanMs = points[index]!.atMs - (points[index - 1]?.atMs ?? begin)
  // Of thinned points each stands for one second.
  return count / Math.min(1, Math.max(0.2, spanMs / 1000))
}
