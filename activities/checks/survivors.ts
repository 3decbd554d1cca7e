import type { FoundCanary, OwnWord, WrittenCanary } from '../../src/drill/loss.js'
import { withClient, type Login, type Reach } from '../postgres/connection.js'

/** What the promoted node says. */
export interface Survivors {
  found: FoundCanary[]
  /** Where its PG timeline left its parent; absent where it never did. */
  switchLsn?: string
  parentTimeline?: number
  segmentBytes: number
}

const rowsSql = (committed: string): string => `select run, writer, seq::float8, xid::text, lsn::text, ${committed} from muster_canary.canaries where drill = $1`
// xmin is the row's own transaction; its commit time has µs and equals the WAL's.
const commitTime = '(extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8'

const historySql = 'select pg_read_file(\'pg_wal/\' || name) from pg_ls_waldir() where name ~ \'^[0-9A-F]{8}\\.history$\' order by name desc limit 1'

/** Reads a drill's canaries and the last switch of PG timelines. Throws `component.unreachable`, `component.unexpected`. */
export async function readSurvivors (node: Login, drillId: string, reach: Reach): Promise<Survivors> {
  return await withClient(node, reach, async client => {
    const { rows: [settings] } = await client.query<{ times: string, bytes: string }>(
      "select current_setting('track_commit_timestamp') as times, (select setting from pg_settings where name = 'wal_segment_size') as bytes")
    const { rows } = await client.query<[number, number, number, string, string, number | null]>({ text: rowsSql(settings!.times === 'on' ? commitTime : 'null'), values: [drillId], rowMode: 'array' })
    const history = await client.query<[string]>({ text: historySql, rowMode: 'array' })
    return {
      found: rows.map(([run, writer, seq, xid, lsn, committedAtMs]) => ({ run, writer, seq, xid, lsn, committedAtMs: committedAtMs ?? undefined })),
      ...lastSwitch(history.rows[0]?.[0]),
      segmentBytes: Number(settings!.bytes),
    }
  }, { queryMs: 20_000 })
}

// A transaction that is still to come cannot be asked for: after a crash that lost some, those of the journal may be.
const commitLogSql = `select xid::text from unnest($1::xid8[]) as xid
  where case when xid < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status(xid) end = 'committed'`

/** Which of the journal's transactions a node's commit log calls committed. Throws as readSurvivors. */
export async function readCommitLog (node: Login, written: WrittenCanary[], reach: Reach): Promise<OwnWord> {
  const xids = written.flatMap(({ outcome, xid }) => outcome === 'acked' && xid !== undefined ? [xid] : [])
  return await withClient(node, reach, async client => ({ committed: (await client.query<{ xid: string }>(commitLogSql, [xids])).rows.map(({ xid }) => xid) }), { queryMs: 20_000 })
}

/** The last line of a `.history` file: parent timeline, position, reason. */
export function lastSwitch (history: string | undefined): { parentTimeline?: number, switchLsn?: string } {
  const line = history?.split('\n').filter(line => /^\s*\d/.test(line)).at(-1)
  const match = line === undefined ? null : /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/.exec(line)
  return match ? { parentTimeline: Number(match[1]), switchLsn: match[2] } : {}
}
