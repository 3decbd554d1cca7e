import type { ProbeSample } from '../drill/observation.js'
import { rows, type Db } from './pool.js'

/** The same samples again change nothing. */
export async function appendSamples (db: Db, drillId: string, samples: ProbeSample[]): Promise<void> {
  if (samples.length === 0) return
  await rows(db, `insert into probe_samples (drill_id, target, at_ms, latency_ms, ok, error)
    select $1, * from unnest($2::text[], $3::float8[], $4::real[], $5::bool[], $6::text[]) on conflict do nothing`,
  // PostgreSQL's text holds no NUL, and an error is somebody else's text.
  [drillId, samples.map(sample => sample.target), samples.map(sample => sample.atMs), samples.map(sample => sample.latencyMs), samples.map(sample => sample.ok),
    samples.map(sample => sample.error?.replaceAll('\0', '') ?? null)])
}

/**
 * Samples for a chart, in order of time, at most `maxPoints`. Where there are more, time is cut into equal parts, and of each part
 * and target the slowest good one and the first failed one are kept: no failure and no peak is averaged away.
 */
export async function readSamples (db: Db, drillId: string, { maxPoints = 1000 }: { maxPoints?: number } = {}): Promise<ProbeSample[]> {
  const found = await rows<{ target: string, at_ms: number, latency_ms: number, ok: boolean, error: string | null }>(db, `
    with span as (
      select min(at_ms) as first, max(at_ms) as last, count(*) as samples, greatest(1, floor($2::int / (2.0 * nullif(count(distinct target), 0)))) as parts
      from probe_samples where drill_id = $1
    ), parted as (
      select s.*, case when span.samples <= $2 then row_number() over (partition by target order by at_ms)
        else least(span.parts - 1, floor((at_ms - first) / nullif(last - first, 0) * span.parts)) end as part
      from probe_samples s, span where drill_id = $1
    )
    select distinct on (target, part, ok) target, at_ms, latency_ms, ok, error from parted
    order by target, part, ok, case when ok then -latency_ms end, at_ms`, [drillId, maxPoints])
  return found
    .map(row => ({ target: row.target, atMs: row.at_ms, latencyMs: row.latency_ms, ok: row.ok, ...(row.error === null ? {} : { error: row.error }) }))
    .sort((a, b) => a.atMs - b.atMs)
}
