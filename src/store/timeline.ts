import type pg from 'pg'
import { recoveryClock } from '../drill/clock.js'
import { foldStatus, withClock, type DrillStatus } from '../drill/status.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { canonicalJson, chainHash, type ChainedEvent, type TimelineExport } from './chain.js'
import { recordDurations } from './expectations.js'
import { rows, transaction, type Db, type Store } from './pool.js'

/** What the recovery clock is made from. Few a drill; read again when one of `clockMoves` arrives, not at each append. */
const clockTypes = [
  'fault.struck', 'probe.down', 'probe.up', 'probe.ended', 'outage.detected', 'gate.opened', 'gate.closed', 'task.opened',
  'step.finished', 'check.answered',
] as const
const clockMoves = new Set<string>(['fault.struck', 'probe.down', 'probe.up', 'probe.ended', 'outage.detected', 'drill.ended'])

interface Head { last_seq: number, head: string, status: DrillStatus | null }

/**
 * Records events, all or none. The same again changes nothing; another content under a recorded number, or a gap, throws
 * `store.append`. Appends to one drill queue on its row. The drill's row is brought up to date in the same transaction.
 * @returns the number of the last event recorded
 */
export async function appendEvents (pool: pg.Pool, drillId: string, events: DrillEvent[]): Promise<{ lastSeq: number, head: string }> {
  return await transaction(pool, async db => {
    const [first] = events
    if (first?.type === 'drill.started') await ensureDrill(db, drillId, first)
    const [drill] = await rows<Head>(db, 'select last_seq, head, status from drills where drill_id = $1 for update', [drillId])
    if (!drill) throw new DrillError('store.append', `Drill ${drillId} has no record yet; its timeline begins with drill.started`)
    const fresh = await unrecorded(db, drillId, drill.last_seq, events)
    if (fresh.length === 0) return { lastSeq: drill.last_seq, head: drill.head }
    const texts = fresh.map(canonicalJson)
    let head = drill.head
    const hashes = texts.map(text => {
      head = chainHash(head, text)
      return head
    })
    await rows(db, `insert into timeline (drill_id, seq, at_ms, type, event, hash)
      select $1, * from unnest($2::int[], $3::bigint[], $4::text[], $5::json[], $6::text[])`,
    [drillId, fresh.map(event => event.seq), fresh.map(event => Math.round(event.atMs)), fresh.map(event => event.type), texts, hashes])
    await keepCurrent(db, drillId, drill.status ?? undefined, fresh, head)
    const lastSeq = fresh.at(-1)!.seq
    await rows(db, 'select pg_notify($1, $2)', ['muster_timeline', `${drillId} ${lastSeq}`])
    return { lastSeq, head }
  })
}

async function ensureDrill (db: Db, drillId: string, event: EventOf<'drill.started'>): Promise<void> {
  await rows(db, `insert into drills (drill_id, created_at_ms, runbook, runbook_title, runbook_type, runbook_hash, environment, tier, commander_id, commander_name)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
  [drillId, Math.round(event.atMs), event.runbook, event.runbookTitle, event.runbookType, event.runbookHash, event.environment, event.tier,
    event.commander.id, event.commander.name])
}

/** The events after the recorded ones, once the others are proven to be the same and no number is missing. */
async function unrecorded (db: Db, drillId: string, lastSeq: number, events: DrillEvent[]): Promise<DrillEvent[]> {
  const known = events.filter(event => event.seq <= lastSeq)
  const fresh = events.filter(event => event.seq > lastSeq)
  for (const [index, event] of fresh.entries()) {
    if (event.seq !== lastSeq + index + 1) throw new DrillError('store.append', `Drill ${drillId}: event ${lastSeq + index + 1} is missing, ${event.seq} came instead`)
  }
  if (known.length > 0) {
    const recorded = await rows<{ seq: number, event: string }>(db, 'select seq, event::text as event from timeline where drill_id = $1 and seq = any($2)', [drillId, known.map(event => event.seq)])
    const texts = new Map(recorded.map(row => [row.seq, row.event]))
    for (const event of known) {
      if (texts.get(event.seq) !== canonicalJson(event)) throw new DrillError('store.append', `Drill ${drillId}: event ${event.seq} is recorded with another content`)
    }
  }
  return fresh
}

async function keepCurrent (db: Db, drillId: string, before: DrillStatus | undefined, fresh: DrillEvent[], head: string): Promise<void> {
  let status = before
  for (const event of fresh) status = foldStatus(status, event)
  if (!status) throw new DrillError('store.append', `Drill ${drillId}: its timeline does not begin with drill.started`)
  if (fresh.some(event => clockMoves.has(event.type) || (event.type === 'check.answered' && event.signOff))) {
    withClock(status, recoveryClock(await readTypes(db, drillId, clockTypes)))
  }
  const parent = fresh.find((event): event is EventOf<'drill.started'> => event.type === 'drill.started')?.parent
  const loss = fresh.findLast((event): event is EventOf<'check.answered'> => event.type === 'check.answered' && event.loss !== undefined)?.loss
  const slowest = slowestStep(status)
  await rows(db, `update drills set
      phase = $2, verdict = $3, why = $4, started_at_ms = $5, ended_at_ms = $6, rta_technical_ms = $7, rta_without_waiting_ms = $8, rta_business_ms = $9,
      rpa_ms = coalesce($10, rpa_ms), lost = coalesce($11, lost), left_behind = $12, findings = $13, slowest_step = $14, slowest_step_ms = $15,
      status = $16, last_seq = $17, head = $18, parent = coalesce($19, parent), runbook_hash = $20
    where drill_id = $1`,
  [drillId, status.phase, status.verdict ?? null, status.why ?? null, Math.round(status.startedAtMs), status.endedAtMs === undefined ? null : Math.round(status.endedAtMs),
    status.clock.rtaTechnicalMs ?? null, status.clock.rtaTechnicalWithoutWaitingMs ?? null, status.clock.rtaBusinessMs ?? null,
    loss?.rpaMs ?? null, loss?.lost ?? null, status.leftBehind.length, status.findings.length, slowest?.id ?? null, slowest?.ms ?? null,
    JSON.stringify(status), status.seq, head, parent ?? null, status.runbookHash])
  if (fresh.some(event => event.type === 'drill.ended') && (status.verdict === 'passed' || status.verdict === 'passed-with-findings')) await recordDurations(db, status)
}

/** The step that took longest; a `parallel` or nested runbook is counted by its parts. */
export function slowestStep (status: Pick<DrillStatus, 'steps'>): { id: string, ms: number } | undefined {
  const parents = new Set(status.steps.map(step => step.parent))
  let slowest: { id: string, ms: number } | undefined
  for (const step of status.steps) {
    if (step.startedAtMs === undefined || step.endedAtMs === undefined || parents.has(step.id)) continue
    const ms = step.endedAtMs - step.startedAtMs
    if (!slowest || ms > slowest.ms) slowest = { id: step.id, ms }
  }
  return slowest
}

async function readTypes (db: Db, drillId: string, types: readonly string[]): Promise<DrillEvent[]> {
  const found = await rows<{ event: DrillEvent }>(db, 'select event from timeline where drill_id = $1 and type = any($2) order by seq', [drillId, types])
  return found.map(row => row.event)
}

/** Events after a number, in order. @param limit default 1000 */
export async function readEvents (db: Db, drillId: string, { after = 0, limit = 1000 }: { after?: number, limit?: number } = {}): Promise<DrillEvent[]> {
  const found = await rows<{ event: DrillEvent }>(db, 'select event from timeline where drill_id = $1 and seq > $2 order by seq limit $3', [drillId, after, limit])
  return found.map(row => row.event)
}

/** Every event of a drill. */
export async function allEvents (db: Db, drillId: string): Promise<DrillEvent[]> {
  return await readEvents(db, drillId, { limit: 1_000_000 })
}

/** All events of a drill with their hashes. Throws `report.unavailable` where nothing is recorded. */
export async function exportTimeline (db: Db, drillId: string): Promise<TimelineExport> {
  // One statement: a head read apart could be younger than the events.
  const found = await rows<ChainedEvent & { head: string }>(db, `select event, hash, head from drills join timeline using (drill_id)
    where drill_id = $1 and seq <= last_seq order by seq`, [drillId])
  const [first] = found
  if (!first) throw new DrillError('report.unavailable', `Nothing is recorded of drill ${drillId} yet`)
  return { drillId, events: found.map(({ event, hash }) => ({ event, hash })), head: first.head }
}

/**
 * Events after a number as they are recorded, until `drill.ended` or the signal. While the store is down it waits for it; a drill
 * of which nothing is recorded yet is waited for too.
 */
export async function * followEvents (store: Store, drillId: string, after: number, signal: AbortSignal): AsyncGenerator<DrillEvent, void, undefined> {
  const watch = store.feed.watch(drillId)
  const limit = 500
  try {
    for (let seq = after; !signal.aborted;) {
      const events = await readEvents(store.pool, drillId, { after: seq, limit }).catch((error: unknown) => {
        if (error instanceof DrillError && error.code === 'store.down') return []
        throw error
      })
      for (const event of events) {
        if (signal.aborted) return
        yield event
        seq = event.seq
        if (event.type === 'drill.ended') return
      }
      if (events.length < limit) await watch.changed(signal)
    }
  } finally {
    watch.stop()
  }
}
