import type { Observation, ProbeEdge } from '../../src/drill/observation.js'
import { firstAckAfter } from './acks.js'
import type { CanaryTotals } from './canary.js'
import type { OrderTotals } from './customers.js'
import type { Standing } from './edges.js'
import { percentileMs, type Latencies } from './latency.js'

/** All that an observation knows so far, as plain data: a heartbeat's details, and what the next attempt goes on from. */
export interface LastWords {
  startedAtMs: number
  /** When this was true. */
  atMs: number
  /** Every target was good once, and a canary got through: said to the drill. */
  ready: boolean
  targets: Record<string, TargetTotals>
  canaries?: CanaryTotals
  orders?: OrderTotals
  /** The first outage of the database, by the probe. */
  outage?: { fromMs: number, toMs?: number }
  blind: Observation['blind']
  /** Edges that are not delivered to the drill yet. */
  undelivered: ProbeEdge[]
}

export interface TargetTotals { samples: number, failed: number, maxMs: number, latencies: Latencies, standing: Standing }

/** What an earlier attempt knew: of two accounts the later one, undefined where there is none that is whole. */
export function latestWords (...accounts: unknown[]): LastWords | undefined {
  return accounts.filter(isWords).sort((a, b) => b.atMs - a.atMs)[0]
}

function isWords (value: unknown): value is LastWords {
  return typeof value === 'object' && value !== null && 'atMs' in value && typeof value.atMs === 'number' && 'targets' in value && 'blind' in value && 'undelivered' in value
}

/** Takes up what an earlier attempt left: nobody looked since its last word, and what it had out is unknown. */
export function takeUp (words: LastWords, nowMs: number): LastWords {
  const next = structuredClone(words)
  next.blind.push({ fromMs: words.atMs, toMs: nowMs, reason: 'the worker of the probe was gone' })
  for (const target of Object.values(next.targets)) Object.assign(target.standing, { against: 0, sinceMs: 0 })
  if (next.canaries) {
    const { issued, acked, refused, unknown } = next.canaries
    next.canaries.unknown = unknown + Math.max(0, issued - acked - refused - unknown)
    // The silence while nobody wrote is no outage.
    delete next.canaries.acks.lastMs
  }
  if (next.orders) {
    const { issued, placed, refused, unknown } = next.orders
    next.orders.unknown = unknown + Math.max(0, issued - placed - refused - unknown)
  }
  return next
}

export function observationOf (words: LastWords, endedAtMs: number, intervalMs: number): Observation {
  const { canaries } = words
  return {
    startedAtMs: words.startedAtMs,
    endedAtMs,
    intervalMs,
    targets: Object.entries(words.targets).map(([name, { samples, failed, maxMs, latencies }]) => ({
      name, samples, failed, p50Ms: percentileMs(latencies, 0.5), p99Ms: percentileMs(latencies, 0.99), maxMs,
    })),
    canaries: canaries && {
      issued: canaries.issued,
      acked: canaries.acked,
      refused: canaries.refused,
      unknown: canaries.unknown,
      missed: canaries.missed,
      firstAckAfterOutageMs: firstAckAfter(canaries.acks, words.outage),
      // An outage that lasts to the end is a silence too.
      longestGapMs: Math.max(canaries.acks.longestGapMs, canaries.acks.lastMs === undefined ? 0 : endedAtMs - canaries.acks.lastMs),
    },
    ...(words.orders ? { orders: words.orders } : {}),
    blind: words.blind,
  }
}
