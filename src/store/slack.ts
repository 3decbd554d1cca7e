import type { Role } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { rows, sqlState, type Db } from './pool.js'

/** How long a process may draw a drill before another one takes over, s: a few calls of Slack with all their deadlines. */
const claimS = 60

/** Where a message of a drill is; without `ts` it was asked for, and nobody knows whether it was posted. */
export interface PostedMessage { key: string, wanted: string, channel?: string, ts?: string, askedAtMs: number, fingerprint?: string }

/**
 * Drills whose messages are behind their timeline, those that wait for people first; and those with a running outage whose card is
 * older than `tickMs`. Only drills that were asked for since the channel is told of them.
 */
export async function dueDrills (db: Db, channel: string, tickMs: number): Promise<string[]> {
  await rows(db, 'insert into slack_channels (channel) values ($1) on conflict do nothing', [channel])
  const found = await rows<{ drill_id: string }>(db, `select drill_id from drills left join slack_drills s using (drill_id)
    where last_seq > 0 and not coalesce(s.is_done, false)
      and created_at_ms >= (select since_ms from slack_channels where channel = $1)
      and (last_seq > coalesce(s.drawn_seq, 0)
        or (phase <> 'ended' and status->>'outageSinceMs' is not null and s.drawn_at_ms < extract(epoch from clock_timestamp()) * 1000 - $2))
    order by coalesce(json_array_length(status->'waitingFor'), 0) > 0 desc, coalesce(s.drawn_at_ms, 0), drill_id limit 100`, [channel, tickMs])
  return found.map(row => row.drill_id)
}

/** Whether this process may draw the drill for the next minute: no other one does. */
export async function claimDrawing (db: Db, drillId: string, drawer: string): Promise<boolean> {
  const claimed = await rows(db, `insert into slack_drills (drill_id, drawer, claimed_until) values ($1, $2, clock_timestamp() + $3 * interval '1 s')
    on conflict (drill_id) do update set drawer = excluded.drawer, claimed_until = excluded.claimed_until
      where slack_drills.drawer = $2 or slack_drills.claimed_until < clock_timestamp() returning drill_id`, [drillId, drawer, claimS])
  return claimed.length > 0
}

/** The drawing is over, for now or for good. @param seq the event up to which everything is drawn; undefined where it failed */
export async function endDrawing (db: Db, drillId: string, drawer: string, seq: number | undefined, isDone: boolean): Promise<void> {
  await rows(db, `update slack_drills set claimed_until = '-infinity', is_done = is_done or $4,
      drawn_seq = greatest(drawn_seq, coalesce($3, 0)), drawn_at_ms = case when $3::integer is null then drawn_at_ms else extract(epoch from clock_timestamp()) * 1000 end
    where drill_id = $1 and drawer = $2`, [drillId, drawer, seq ?? null, isDone])
}

export async function postedMessages (db: Db, drillId: string): Promise<PostedMessage[]> {
  const found = await rows<{ key: string, wanted: string, channel: string | null, ts: string | null, asked_at_ms: number, fingerprint: string | null }>(db,
    'select key, wanted, channel, ts, asked_at_ms, fingerprint from slack_messages where drill_id = $1', [drillId])
  return found.map(({ key, wanted, channel, ts, asked_at_ms: askedAtMs, fingerprint }) => ({
    key, wanted, channel: channel ?? undefined, ts: ts ?? undefined, askedAtMs, fingerprint: fingerprint ?? undefined,
  }))
}

/** Says that a message is about to be posted, before it is. */
export async function intendMessage (db: Db, drillId: string, key: string, wanted: string): Promise<void> {
  await rows(db, 'insert into slack_messages (drill_id, key, wanted) values ($1, $2, $3) on conflict (drill_id, key) do nothing', [drillId, key, wanted])
}

export async function keepMessage (db: Db, drillId: string, key: string, { channel, ts, fingerprint }: { channel: string, ts: string, fingerprint: string }): Promise<void> {
  await rows(db, 'update slack_messages set channel = $3, ts = $4, fingerprint = $5 where drill_id = $1 and key = $2', [drillId, key, channel, ts, fingerprint])
}

/** The message is not there (any more). Without a key: none of the drill's. */
export async function forgetMessages (db: Db, drillId: string, key?: string): Promise<void> {
  await rows(db, 'delete from slack_messages where drill_id = $1 and ($2::text is null or key = $2)', [drillId, key ?? null])
}

/** The drill that one of these messages belongs to. */
export async function drillOfMessage (db: Db, channel: string, ts: string[]): Promise<string | undefined> {
  const [found] = await rows<{ drill_id: string }>(db, 'select drill_id from slack_messages where channel = $1 and ts = any($2) limit 1', [channel, ts])
  return found?.drill_id
}

/** Whether a request comes for the first time; it is remembered for longer than a signature is worth something. */
export async function takeRequest (db: Db, id: string): Promise<boolean> {
  await rows(db, "delete from slack_requests where at < clock_timestamp() - interval '15 minutes'")
  return (await rows(db, 'insert into slack_requests (id) values ($1) on conflict do nothing returning id', [id])).length > 0
}

/** Everybody's name by role, with their Slack user (`WORKSPACE:USER`) where it is known. */
export async function mentionable (db: Db): Promise<Array<{ name: string, roles: Role[], slackUser?: string }>> {
  const found = await rows<{ name: string, roles: Role[], slack_user: string | null }>(db, 'select name, roles, slack_user from people order by id')
  return found.map(({ name, roles, slack_user: slackUser }) => ({ name, roles, ...slackUser === null ? {} : { slackUser } }))
}

/** Which Slack user (`WORKSPACE:USER`) a person is; null: none any more. Throws `person.linked`, `person.unknown`. */
export async function linkSlackUser (db: Db, personId: string, slackUser: string | null): Promise<void> {
  await oneOnly(personId, 'that Slack user', rows(db, 'update people set slack_user = $2 where id = $1 returning id', [personId, slackUser]))
}

/** The address that a Slack account must have proven, to be this person; null: none any more. Throws `person.linked`, `person.unknown`. */
export async function linkEmail (db: Db, personId: string, email: string | null): Promise<void> {
  if (email === null) {
    await rows(db, 'delete from person_emails where person_id = $1', [personId])
    return
  }
  await oneOnly(personId, `the address ${email}`, rows(db, `insert into person_emails (email, person_id) select $2, id from people where id = $1
    on conflict (person_id) do update set email = excluded.email returning person_id`, [personId, email.toLowerCase()]))
}

/** Id of the person who owns an address. */
export async function personIdByEmail (db: Db, email: string): Promise<string | undefined> {
  const [found] = await rows<{ person_id: string }>(db, 'select person_id from person_emails where email = $1', [email.toLowerCase()])
  return found?.person_id
}

async function oneOnly (personId: string, what: string, change: Promise<object[]>): Promise<void> {
  const changed = await change.catch((error: unknown) => {
    if (sqlState(error) === '23505') throw new DrillError('person.linked', `${what} belongs to another person already`, { cause: error })
    throw error
  })
  if (changed.length === 0) throw new DrillError('person.unknown', `there is no person "${personId}"`)
}
