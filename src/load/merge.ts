import type { FailureExample, LoadPoint, LoadThreshold, SlowRequest } from '../drill/load.js'
import { examplesEach, slowKept, type Measured } from './gathering.js'
import { Histogram } from './histogram.js'
import type { MeasuredRun } from './measure.js'
import { percentilesOf, Tally } from './tally.js'

/**
 * What the shards of a scenario measured, as if one had: counts and histograms add up exactly, seconds are laid over each other by the clocks
 * of the machines.
 * @param thresholds of the scenario, in the order in which the parts name those that ended them
 */
export function mergeRuns (parts: readonly ShardPart[], thresholds: readonly LoadThreshold[]): MeasuredRun {
  const endedBy = new Map<LoadThreshold, number>()
  for (const [index, atMs] of parts.flatMap(part => part.endedBy)) endedBy.set(thresholds[index]!, Math.min(atMs, endedBy.get(thresholds[index]!) ?? Infinity))
  const cancelled = parts.find(part => part.cancelled !== undefined)?.cancelled
  const begins = parts.map(part => part.measured.startedAtMs)
  return {
    measured: mergeMeasured(parts.map(part => part.measured)), apartMs: Math.max(...begins) - Math.min(...begins), endedBy,
    ...(cancelled === undefined ? {} : { cancelled }),
  }
}

/** What one shard hands over: plain but for the bytes of its histograms. */
export interface ShardPart {
  measured: Measured
  cancelled?: string
  endedBy: Array<[threshold: number, atMs: number]>
}

function mergeMeasured (parts: readonly Measured[]): Measured {
  const startedAtMs = Math.min(...parts.map(part => part.startedAtMs))
  const sum = (of: (part: Measured) => number): number => parts.reduce((total, part) => total + of(part), 0)
  const tally = new Tally()
  const lateness = Histogram.create()
  const missed: Record<string, number> = {}
  for (const part of parts) {
    tally.add(part.series)
    lateness.addEncoded(part.lateness)
    for (const [type, count] of Object.entries(part.missed)) missed[type] = (missed[type] ?? 0) + count
  }
  const merged: Measured = {
    startedAtMs,
    durationMs: Math.max(...parts.map(part => part.startedAtMs - startedAtMs + part.durationMs)),
    series: tally.export(),
    lateness: lateness.encode(),
    planned: sum(part => part.planned), sent: sum(part => part.sent), skipped: sum(part => part.skipped), missed,
    busiestLoop: Math.max(...parts.map(part => part.busiestLoop)),
    points: mergePoints(parts, startedAtMs),
    examples: firstOf(parts.flatMap(part => moved(part.examples, part.startedAtMs - startedAtMs))),
    slow: parts.flatMap(part => moved(part.slow, part.startedAtMs - startedAtMs)).sort((one, other) => other.responseMs - one.responseMs).slice(0, slowKept),
  }
  tally.destroy()
  lateness.destroy()
  return merged
}

function moved<T extends FailureExample | SlowRequest> (all: T[], byMs: number): T[] {
  return all.map(one => ({ ...one, atMs: one.atMs + byMs }))
}

/** The first few of each kind. */
function firstOf (examples: FailureExample[]): FailureExample[] {
  const kept: FailureExample[] = []
  for (const example of examples.sort((one, other) => one.atMs - other.atMs)) {
    if (kept.filter(({ failure }) => failure === example.failure).length < examplesEach) kept.push(example)
  }
  return kept
}

function mergePoints (parts: readonly Measured[], startedAtMs: number): LoadPoint[] {
  const seconds = new Map<number, { point: LoadPoint, response: Histogram }>()
  for (const { points, responses = [], startedAtMs: begin } of parts) {
    for (const [index, point] of points.entries()) {
      const atMs = point.atMs + begin - startedAtMs
      // By its number: the last second of a shard may be a short one.
      const at = index + Math.round((begin - startedAtMs) / 1000)
      let second = seconds.get(at)
      if (second === undefined) seconds.set(at, second = { point: { atMs: 0, users: 0, requests: 0, errors: 0, missed: 0 }, response: Histogram.create() })
      for (const field of ['users', 'requests', 'errors', 'missed'] as const) second.point[field] += point[field]
      second.point.atMs = Math.max(second.point.atMs, atMs)
      if (responses[index] !== undefined) second.response.addEncoded(responses[index])
    }
  }
  return [...seconds].sort(([one], [other]) => one - other).map(([, { point, response }]) => {
    const { p50, p95, p99 } = percentilesOf(response) ?? {}
    response.destroy()
    return p50 === undefined ? point : { ...point, p50Ms: p50, p95Ms: p95, p99Ms: p99 }
  })
}

/** A part as text, its bytes in base64. */
export function writePart (part: ShardPart): string {
  return JSON.stringify(part, function (this: Record<string, unknown>, key: string, value: unknown) {
    // A Buffer turns itself into a list of numbers before this is asked.
    const raw = this[key]
    return raw instanceof Uint8Array ? { base64: Buffer.from(raw).toString('base64') } : value
  })
}

export function readPart (text: string): ShardPart {
  return JSON.parse(text, (_key, value: unknown) => {
    const { base64 } = (value ?? {}) as { base64?: unknown }
    return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : value
  }) as ShardPart
}
