import type { DrillEvent } from '../drill/timeline.js'
import { DrillError } from '../errors.js'

/** The pure part of src/store/chain.ts, handed in by the entry file. */
export interface Chain {
  canonicalJson: (value: unknown) => string
  verifyChain: (exported: TimelineExport) => { ok: true, events: number, head: string } | { ok: false, seq: number, problem: string }
  sha256: (text: string) => string
}

interface Entry { event: DrillEvent, hash: string }
interface TimelineExport { drillId: string, events: Entry[], head: string }

/**
 * Proves a file of `muster export` (its hash chain) or of `muster report --format json` (its digest).
 * @throws DrillError `evidence.tampered` naming the first bad event, `input.invalid` where the file is neither
 */
export function verifyEvidence (value: unknown, chain: Chain): { drillId: string, proven: string, head?: string, digest?: string } {
  if (isExport(value)) {
    const result = chain.verifyChain(value)
    if (!result.ok) throw new DrillError('evidence.tampered', `${value.drillId} is not as it was recorded: ${result.problem}`, { details: { seq: result.seq } })
    return { drillId: value.drillId, proven: `all ${result.events} events are as they were recorded; the chain ends with ${result.head.slice(0, 16)}…`, head: result.head }
  }
  if (isReport(value)) {
    const { digest, ...rest } = value
    const computed = chain.sha256(chain.canonicalJson(rest))
    if (computed !== digest) throw new DrillError('evidence.tampered', `the report of ${value.drill.drillId} was changed: its content does not give its digest`)
    return { drillId: value.drill.drillId, proven: `the report is as it was made (digest ${digest.slice(0, 16)}…)${value.chainHead === undefined ? '' : `; compare its chain head ${value.chainHead.slice(0, 16)}… with an export`}`, digest, head: value.chainHead }
  }
  throw new DrillError('input.invalid', 'this is neither an export nor a report: take it from `muster export` or `muster report --format json`')
}

function isExport (value: unknown): value is TimelineExport {
  const one = value as { drillId?: unknown, events?: unknown, head?: unknown } | null
  return typeof one?.drillId === 'string' && typeof one.head === 'string' && Array.isArray(one.events) &&
    one.events.every((entry: Partial<Entry> | null) => typeof entry?.hash === 'string' && typeof entry.event?.seq === 'number')
}

function isReport (value: unknown): value is { digest: string, chainHead?: string, drill: { drillId: string } } {
  const one = value as { schema?: unknown, digest?: unknown, drill?: { drillId?: unknown } } | null
  return one?.schema !== undefined && typeof one.digest === 'string' && typeof one.drill?.drillId === 'string'
}
