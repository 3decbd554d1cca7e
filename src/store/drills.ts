import type { Tier } from '../drill/environment.js'
import type { DrillReport } from '../drill/report.js'
import type { DrillStatus, Waiting } from '../drill/status.js'
import type { Phase } from '../drill/timeline.js'
import type { Verdict } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import { rows, type Db } from './pool.js'

/** One line of a list of drills. `reserved`: asked for, and nothing recorded of it yet. */
export interface DrillRow {
  drillId: string
  createdAtMs: number
  parent?: string
  runbook: string
  runbookTitle: string
  runbookType: string
  runbookHash: string
  environment: string
  tier: Tier
  commander: { id: string, name: string }
  phase: Phase | 'reserved'
  verdict?: Verdict
  why?: string
  startedAtMs?: number
  endedAtMs?: number
  rtaTechnicalMs?: number
  rtaWithoutWaitingMs?: number
  rtaBusinessMs?: number
  rpaMs?: number
  lost?: number
  leftBehind: number
  findings: number
  slowestStep?: { id: string, ms: number }
  waitingFor: Waiting[]
  lastSeq: number
  chainHead?: string
}

export interface Reservation extends Pick<DrillRow, 'drillId' | 'runbook' | 'runbookTitle' | 'runbookType' | 'runbookHash' | 'environment' | 'tier' | 'commander'> {
  /** The caller's own; the same key of the same commander gives the same drill. */
  idempotencyKey?: string
  /** SHA-256 of the request, hex: the key with another one is refused. */
  requestHash: string
}

/**
 * Takes a drill id before the workflow starts, so that a retried request finds its drill.
 * @returns `earlier` with the drill of the same key and request. Throws `drill.exists` where the key or the id stands for another request.
 */
export async function reserveDrill (db: Db, reservation: Reservation): Promise<{ state: 'created' | 'earlier', drillId: string }> {
  const { drillId, idempotencyKey, requestHash, commander } = reservation
  const created = await rows(db, `insert into drills (drill_id, idempotency_key, request_hash, runbook, runbook_title, runbook_type, runbook_hash, environment, tier, commander_id, commander_name)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing returning drill_id`,
  [drillId, idempotencyKey ?? null, requestHash, reservation.runbook, reservation.runbookTitle, reservation.runbookType, reservation.runbookHash,
    reservation.environment, reservation.tier, commander.id, commander.name])
  if (created.length > 0) return { state: 'created', drillId }
  const [earlier] = await rows<{ drill_id: string, request_hash: string | null }>(db, `select drill_id, request_hash from drills
    where (commander_id = $1 and idempotency_key = $2) or drill_id = $3
    order by (drill_id = $3) limit 1`, [commander.id, idempotencyKey ?? null, drillId])
  if (earlier?.request_hash === requestHash) return { state: 'earlier', drillId: earlier.drill_id }
  throw new DrillError('drill.exists', idempotencyKey === undefined
    ? `Drill ${drillId} is there already`
    : `The idempotency key was used for another request: drill ${earlier?.drill_id ?? drillId}`)
}

/** Gives a reserved id back, where the start failed for good and nothing is recorded; a drill with a record stays. */
export async function releaseDrill (db: Db, drillId: string): Promise<void> {
  await rows(db, 'delete from drills where drill_id = $1 and last_seq = 0', [drillId])
}

export interface DrillFilters {
  environment?: string
  runbook?: string
  verdict?: Verdict
  /** `running`: every one that has not ended. */
  state?: 'running' | 'waiting' | 'ended'
  /** Asked for at or after, epoch ms. */
  from?: number
  /** Asked for before, epoch ms. */
  to?: number
}

/** Newest first. `next` is the cursor of the page after, absent on the last one. @param page.limit 1 to 200, default 50 */
export async function listDrills (db: Db, filters: DrillFilters = {}, page: { limit?: number, cursor?: string } = {}): Promise<{ drills: DrillRow[], next?: string }> {
  const limit = Math.min(200, Math.max(1, page.limit ?? 50))
  const after = page.cursor === undefined ? undefined : readCursor(page.cursor)
  const values: unknown[] = []
  const conditions: string[] = []
  // Only the conditions that are asked for, so that each has an index that fits.
  const where = (condition: (...places: string[]) => string, ...wanted: unknown[]): void => {
    if (wanted.some(value => value === undefined)) return
    conditions.push(condition(...wanted.map(value => `$${values.push(value)}`)))
  }
  where(place => `environment = ${place}`, filters.environment)
  where(place => `runbook = ${place}`, filters.runbook)
  where(place => `verdict = ${place}`, filters.verdict)
  if (filters.state === 'running') conditions.push("phase <> 'ended'")
  if (filters.state === 'waiting') conditions.push("phase <> 'ended' and json_array_length(status->'waitingFor') > 0")
  if (filters.state === 'ended') conditions.push("phase = 'ended'")
  where(place => `created_at_ms >= ${place}`, filters.from)
  where(place => `created_at_ms < ${place}`, filters.to)
  where((atMs, drillId) => `(created_at_ms, drill_id) < (${atMs}, ${drillId})`, after?.atMs, after?.drillId)
  const found = await rows<Row>(db, `select ${columns} from drills
    ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
    order by created_at_ms desc, drill_id desc limit ${limit + 1}`, values)
  const drills = found.slice(0, limit).map(drillOf)
  const last = drills.at(-1)
  return { drills, ...(found.length > limit && last ? { next: writeCursor(last) } : {}) }
}

export async function findDrill (db: Db, drillId: string): Promise<DrillRow | undefined> {
  const [row] = await rows<Row>(db, `select ${columns} from drills where drill_id = $1`, [drillId])
  return row && drillOf(row)
}

/** The status as it is recorded: for when the workflow does not answer, or is gone. */
export async function recordedStatus (db: Db, drillId: string): Promise<DrillStatus | undefined> {
  const [row] = await rows<{ status: DrillStatus | null }>(db, 'select status from drills where drill_id = $1', [drillId])
  return row?.status ?? undefined
}

/** Drills with a record that have not ended, newest first. */
export async function runningDrills (db: Db, environment: string): Promise<DrillRow[]> {
  const found = await rows<Row>(db, `select ${columns} from drills where environment = $1 and phase not in ('ended', 'reserved')
    order by created_at_ms desc, drill_id desc limit 100`, [environment])
  return found.map(drillOf)
}

/** The newest ended drills of a runbook in an environment, as a report compares itself with. */
export async function lastDrills (db: Db, runbook: string, environment: string, count: number, options: { except?: string } = {}): Promise<DrillReport['earlier']> {
  const found = await rows<Row>(db, `select ${columns} from drills
    where runbook = $1 and environment = $2 and phase = 'ended' and drill_id <> $3
      and created_at_ms <= coalesce((select created_at_ms from drills where drill_id = $3), 9e15)
    order by created_at_ms desc, drill_id desc limit $4`, [runbook, environment, options.except ?? '', count])
  return found.map(drillOf).map(({ drillId, startedAtMs, createdAtMs, verdict, rtaTechnicalMs, slowestStep }) =>
    ({ drillId, startedAtMs: startedAtMs ?? createdAtMs, verdict: verdict ?? 'aborted', rtaTechnicalMs, slowestStep }))
}

const columns = `drill_id, created_at_ms, parent, runbook, runbook_title, runbook_type, runbook_hash, environment, tier, commander_id, commander_name,
  phase, verdict, why, started_at_ms, ended_at_ms, rta_technical_ms, rta_without_waiting_ms, rta_business_ms, rpa_ms, lost, left_behind, findings,
  slowest_step, slowest_step_ms, status->'waitingFor' as waiting_for, last_seq, head`

interface Row {
  drill_id: string, created_at_ms: number, parent: string | null, runbook: string, runbook_title: string, runbook_type: string, runbook_hash: string
  environment: string, tier: Tier, commander_id: string, commander_name: string, phase: Phase | 'reserved', verdict: Verdict | null, why: string | null
  started_at_ms: number | null, ended_at_ms: number | null, rta_technical_ms: number | null, rta_without_waiting_ms: number | null, rta_business_ms: number | null
  rpa_ms: number | null, lost: number | null, left_behind: number, findings: number, slowest_step: string | null, slowest_step_ms: number | null
  waiting_for: Waiting[] | null, last_seq: number, head: string
}

function drillOf (row: Row): DrillRow {
  return {
    drillId: row.drill_id,
    createdAtMs: row.created_at_ms,
    parent: row.parent ?? undefined,
    runbook: row.runbook,
    runbookTitle: row.runbook_title,
    runbookType: row.runbook_type,
    runbookHash: row.runbook_hash,
    environment: row.environment,
    tier: row.tier,
    commander: { id: row.commander_id, name: row.commander_name },
    phase: row.phase,
    verdict: row.verdict ?? undefined,
    why: row.why ?? undefined,
    startedAtMs: row.started_at_ms ?? undefined,
    endedAtMs: row.ended_at_ms ?? undefined,
    rtaTechnicalMs: row.rta_technical_ms ?? undefined,
    rtaWithoutWaitingMs: row.rta_without_waiting_ms ?? undefined,
    rtaBusinessMs: row.rta_business_ms ?? undefined,
    rpaMs: row.rpa_ms ?? undefined,
    lost: row.lost ?? undefined,
    leftBehind: row.left_behind,
    findings: row.findings,
    slowestStep: row.slowest_step === null ? undefined : { id: row.slowest_step, ms: row.slowest_step_ms ?? 0 },
    waitingFor: row.waiting_for ?? [],
    lastSeq: row.last_seq,
    chainHead: row.last_seq === 0 ? undefined : row.head,
  }
}

function writeCursor (drill: DrillRow): string {
  return Buffer.from(`${drill.createdAtMs} ${drill.drillId}`).toString('base64url')
}

function readCursor (cursor: string): { atMs: number, drillId: string } {
  const match = /^(\d{1,16}) ([\x20-\x7e]{1,255})$/.exec(Buffer.from(cursor, 'base64url').toString())
  if (!match) throw new DrillError('input.invalid', 'The cursor is none that a list of drills gave')
  return { atMs: Number(match[1]), drillId: match[2]! }
}
