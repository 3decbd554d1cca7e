import { createHash } from 'node:crypto'
import { canonicalJson } from '../drill/canonical-json.js'
import type { DrillEvent } from '../drill/timeline.js'

export { canonicalJson }

/** An event with the hash that covers it and every one before. */
export interface ChainedEvent { event: DrillEvent, hash: string }

/** What `muster verify` proves: the whole timeline of a drill, and the hash that it ends with. */
export interface TimelineExport { drillId: string, events: ChainedEvent[], head: string }

/** Where a chain begins: what the first event's hash is made over. */
export const chainStart = '0'.repeat(64)

/** SHA-256 over the previous hash and the event's canonical JSON, hex. */
export function chainHash (previous: string, event: string): string {
  return createHash('sha256').update(previous).update(event).digest('hex')
}

export type Verification = { ok: true, events: number, head: string } | { ok: false, seq: number, problem: string }

/** The first event of an export that was changed, removed, added or moved. Pure; it trusts nothing in the export but `head`. */
export function verifyChain (exported: Pick<TimelineExport, 'events' | 'head'>): Verification {
  let hash = chainStart
  for (const [index, entry] of exported.events.entries()) {
    const seq = index + 1
    if (entry.event.seq !== seq) return { ok: false, seq, problem: `event ${seq} is missing or moved: ${entry.event.seq} stands in its place` }
    hash = chainHash(hash, canonicalJson(entry.event))
    if (entry.hash !== hash) return { ok: false, seq, problem: `event ${seq} (${entry.event.type}) was changed: its hash does not match` }
  }
  if (hash !== exported.head) {
    const seq = exported.events.length
    return { ok: false, seq: seq + 1, problem: `the timeline ends at event ${seq} with another hash than its head: events after it are missing, or the head was changed` }
  }
  return { ok: true, events: exported.events.length, head: hash }
}
