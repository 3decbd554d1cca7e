import type { DrillPlan } from '../drill/plan.js'
import type { Verdict } from '../drill/verdict.js'
import { rows, type Db } from './pool.js'

/** A runbook's content in an environment. `hash`: SHA-256 of the file, hex. */
export interface Pair { runbook: string, environment: string, hash: string }

/** How a runbook stands in an environment. */
export interface Standing extends Pair {
  verified: DrillPlan['verified']
  /** Its last drills that have ended there, oldest first: the trend. */
  last: Array<{ drillId: string, atMs: number, verdict: Verdict, rtaMs?: number, leftBehind: number }>
}

/**
 * For each pair whether this very content passed its last drill there, and the last drills. Refused, aborted and invalid drills
 * prove nothing, for or against. @param count of drills for the trend
 */
export async function standings (db: Db, pairs: Pair[], count: number): Promise<Standing[]> {
  if (pairs.length === 0) return []
  const found = await rows<Pair & { passed: boolean | null, other: boolean, last: Array<Omit<Standing['last'][number], 'rtaMs'> & { rtaMs: number | null }> }>(db, `
    select p.runbook, p.environment, p.hash,
      (select verdict like 'passed%' from drills d
        where d.runbook = p.runbook and d.environment = p.environment and d.runbook_hash = p.hash and phase = 'ended' and verdict in ('passed', 'passed-with-findings', 'failed')
        order by ended_at_ms desc limit 1) as passed,
      exists (select from drills d
        where d.runbook = p.runbook and d.environment = p.environment and d.runbook_hash <> p.hash and phase = 'ended' and verdict in ('passed', 'passed-with-findings')) as other,
      coalesce((select json_agg(d order by d."atMs") from (
        select drill_id as "drillId", created_at_ms as "atMs", verdict, rta_technical_ms as "rtaMs", left_behind as "leftBehind" from drills
        where runbook = p.runbook and environment = p.environment and phase = 'ended'
        order by created_at_ms desc, drill_id desc limit $4) d), '[]') as last
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality as p (runbook, environment, hash, place) order by place`,
  [pairs.map(pair => pair.runbook), pairs.map(pair => pair.environment), pairs.map(pair => pair.hash), count])
  return found.map(({ passed, other, last, ...pair }) => ({
    ...pair,
    verified: passed ? 'verified' : other ? 'changed' : 'never',
    last: last.map(({ rtaMs, ...drill }) => ({ ...drill, ...(rtaMs === null ? {} : { rtaMs }) })),
  }))
}

/** Whether this very content of a runbook passed its last drill in an environment. */
export async function verifiedState (db: Db, runbook: string, environment: string, hash: string): Promise<DrillPlan['verified']> {
  return (await standings(db, [{ runbook, environment, hash }], 0))[0]!.verified
}
