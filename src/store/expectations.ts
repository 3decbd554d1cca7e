import type { DrillStatus } from '../drill/status.js'
import { rows, type Db } from './pool.js'

const kept = 20

/** Median duration of each step over the last twenty passed drills of a runbook (in one environment, where it is named), ms. */
export async function expectations (db: Db, runbook: string, environment?: string): Promise<Record<string, number>> {
  const found = await rows<{ step: string, ms: number }>(db, `
    with newest as (
      select drill_id from step_durations where runbook = $1 and ($2::text is null or environment = $2)
      group by drill_id order by max(ended_at_ms) desc limit ${kept}
    )
    select step, percentile_cont(0.5) within group (order by ms) as ms
    from step_durations join newest using (drill_id) where runbook = $1 group by step`, [runbook, environment ?? null])
  return Object.fromEntries(found.map(row => [row.step, Math.round(row.ms)]))
}

/** Keeps the durations of a drill that has passed, and lets go of the oldest. */
export async function recordDurations (db: Db, status: DrillStatus): Promise<void> {
  const steps = status.steps.filter(step => step.startedAtMs !== undefined && step.endedAtMs !== undefined)
  if (steps.length === 0) return
  await rows(db, `insert into step_durations (runbook, environment, drill_id, ended_at_ms, step, ms)
    select $1, $2, $3, $4, * from unnest($5::text[], $6::float8[]) on conflict do nothing`,
  [status.runbook, status.environment, status.drillId, Math.round(status.endedAtMs ?? 0), steps.map(step => step.id), steps.map(step => step.endedAtMs! - step.startedAtMs!)])
  await rows(db, `delete from step_durations where runbook = $1 and environment = $2 and drill_id not in (
      select drill_id from step_durations where runbook = $1 and environment = $2 group by drill_id order by max(ended_at_ms) desc limit ${kept})`,
  [status.runbook, status.environment])
}
