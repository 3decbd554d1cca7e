import type { LedgerLine } from '../drill/status.js'
import type { OwedEntry } from '../drill/owed.js'
import type { Phase } from '../drill/timeline.js'
import { rows, type Db } from './pool.js'

/** What any drill owes, the oldest first: of drills that run, of those whose workflow is gone, and what was left behind. */
export async function owed (db: Db, filters: { environment?: string } = {}): Promise<OwedEntry[]> {
  const found = await rows<{ drill_id: string, environment: string, phase: Phase, line: LedgerLine }>(db, `
    select drill_id, environment, phase, line from drills, json_array_elements(status->'ledger') as line
    where status is not null and (phase <> 'ended' or left_behind > 0)
      and ($1::text is null or environment = $1)
      and line->>'state' in ('owed', 'undoing', 'left-behind')
    order by created_at_ms, drill_id`, [filters.environment ?? null])
  return found.map(({ drill_id: drillId, environment, phase, line }) => ({
    drillId, environment, phase, entry: line.entry, title: line.title, byHand: line.byHand,
    state: line.state === 'left-behind' ? 'left-behind' : 'owed', ...line.summary === undefined ? {} : { message: line.summary },
  }))
}

/** Ids of drills that have begun and not ended, as far as the record goes. @param olderThanMs begun at least so long ago */
export async function unended (db: Db, olderThanMs: number): Promise<string[]> {
  const found = await rows<{ drill_id: string }>(db, `select drill_id from drills
    where phase not in ('ended', 'reserved') and started_at_ms < $1 order by created_at_ms limit 200`, [Date.now() - olderThanMs])
  return found.map(row => row.drill_id)
}
