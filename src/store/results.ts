import { isReference, runsCompared, type Earlier } from '../drill/baseline.js'
import type { LoadResult } from '../drill/load.js'
import type { SuiteRun } from '../drill/suite.js'
import type { WholeResult } from '../drill/whole-result.js'
import { rows, type Db } from './pool.js'

/** The same run again changes nothing. */
export async function saveResult (db: Db, drillId: string, stored: WholeResult): Promise<void> {
  const { kind, step, result } = stored
  const load = kind === 'load' ? stored.result : undefined
  await rows(db, `insert into results (run_id, drill_id, step, kind, name, environment, started_at_ms, verdict, target, config_hash, p95_ms, is_reference, result)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing`, [
    result.runId, drillId, step, kind, load?.scenario ?? (result as SuiteRun).suite, result.environment, result.startedAtMs, result.verdict,
    load?.target ?? null, load?.configHash ?? null, load?.total.responseMs?.p95 ?? null, load !== undefined && isReference(load), JSON.stringify(result),
  ])
}

/** The results of a drill's steps, in the order in which they began; those of one step where it is named. */
export async function resultsOf (db: Db, drillId: string, step?: string): Promise<WholeResult[]> {
  return await rows<WholeResult>(db, 'select step, kind, result from results where drill_id = $1 and ($2::text is null or step = $2) order by started_at_ms, run_id', [drillId, step ?? null])
}

/** What a load is held against: the last accepted runs of its very configuration against its target. */
export async function earlierRuns (db: Db, { scenario, target, configHash }: Pick<LoadResult, 'scenario' | 'target' | 'configHash'>): Promise<Earlier> {
  const [runs, others] = await Promise.all([
    rows<{ runId: string, p95Ms: number }>(db, `select run_id as "runId", p95_ms as "p95Ms" from results
      where kind = 'load' and name = $1 and target = $2 and config_hash = $3 and is_reference order by started_at_ms desc, run_id limit ${runsCompared}`, [scenario, target, configHash]),
    rows<{ count: number }>(db, `select count(*)::int as count from results
      where kind = 'load' and name = $1 and target = $2 and config_hash <> $3 and is_reference`, [scenario, target, configHash]),
  ])
  return { runs, otherConfigurations: others[0]!.count }
}

/** What one shard of a load measured. The same again changes nothing; parts that nobody needs any more go. */
export async function saveShard (db: Db, runId: string, shard: number, part: string): Promise<void> {
  await rows(db, 'insert into load_shards (run_id, shard, part) values ($1, $2, $3) on conflict do nothing', [runId, shard, part])
  await rows(db, "delete from load_shards where recorded_at < now() - interval '2 days'", [])
}

export async function shardsOf (db: Db, runId: string): Promise<string[]> {
  return (await rows<{ part: string }>(db, 'select part from load_shards where run_id = $1 order by shard', [runId])).map(({ part }) => part)
}
