import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { OnCall } from '../drill/on-call.js'
import { parseRole, type AwayPerson, type Grant, type Person, type Role } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { digestOf, newKey, workingKey, type KeyFacts, type KeyOptions, type NewKey } from './keys.js'
import { changingPeople } from './people-log.js'
import { rows, sqlState, type Db } from './pool.js'

/** A person as whoever manages people sees them. */
export interface PersonWithKeys extends Person {
  slackUser?: string
  oidcSubject?: string
  awayUntil?: Date
  removedAt?: Date
  keys: KeyFacts[]
}

export interface PersonToAdd extends Pick<Person, 'id' | 'name' | 'roles' | 'service'> { slackUser?: string, oidcSubject?: string }

/** Who a token speaks for, as its issuer says; what its groups give. */
export interface TokenFacts { subject: string, username?: string, name?: string, roles: string[], untilMs: number }

/** Throws `input.invalid` where the id is taken (or the Slack user or OIDC subject is somebody else's), or not `[a-z0-9._-]`. */
export async function addPerson (db: Db, person: PersonToAdd, options: KeyOptions = {}): Promise<NewKey> {
  const fresh = newKey()
  try {
    // Both or none, in one statement.
    await rows(db, `with person as (insert into people (id, name, roles, slack_user, oidc_subject, service) values ($1, $2, $3, $4, $5, $10) returning id)
      insert into person_keys (id, person_id, label, digest, expires_at) select $6, id, $7, $8, $9 from person`,
    [person.id, person.name, person.roles, person.slackUser ?? null, person.oidcSubject ?? null, fresh.keyId, options.label ?? 'first', digestOf(fresh.key), options.expiresAt ?? null, person.service ?? false])
  } catch (error) {
    if (sqlState(error) === '23505') throw new DrillError('input.invalid', `There is a person "${person.id}" already, or one with the same Slack user or OIDC subject`, { cause: error })
    if (sqlState(error) === '23514') throw new DrillError('input.invalid', `"${person.id}" cannot be a person's id: small letters, digits, dot, dash and underscore`, { cause: error })
    throw error
  }
  return fresh
}

/** Throws `input.invalid` where there is no such person. */
export async function setRoles (db: Db, personId: string, roles: Role[]): Promise<void> {
  const changed = await rows(db, 'update people set roles = $2 where id = $1 returning id', [personId, roles])
  if (changed.length === 0) throw new DrillError('input.invalid', `There is no person "${personId}"`)
}

/** From now on nobody comes in as this person, by any door; grants and deputies end. @returns ids of the keys that worked until now */
export async function removePerson (db: Db, personId: string, by: string): Promise<string[]> {
  await rows(db, "update people set removed_at = coalesce(removed_at, now()), roles = '{}', token_roles = '{}', slack_user = null where id = $1", [personId])
  await rows(db, 'update person_grants set ended_at = now(), ended_by = $2 where person_id = $1 and ended_at is null', [personId, by])
  await rows(db, 'update person_deputies set ended_at = now(), ended_by = $2 where $1 in (person_id, deputy_id) and ended_at is null', [personId, by])
  return (await rows<{ id: string }>(db, 'update person_keys set revoked_at = now() where person_id = $1 and revoked_at is null returning id', [personId])).map(({ id }) => id)
}

/** How the person’s tokens are known; undefined takes it away. Throws `input.invalid` where it is somebody else's. */
export async function setSubject (db: Db, personId: string, oidcSubject: string | undefined): Promise<void> {
  await rows(db, "update people set oidc_subject = $2, token_roles = '{}' where id = $1", [personId, oidcSubject ?? null]).catch((error: unknown) => {
    if (sqlState(error) === '23505') throw new DrillError('input.invalid', 'That OIDC subject is somebody else’s', { cause: error })
    throw error
  })
}

/** Away until then; undefined: back. */
export async function setAway (db: Db, personId: string, until: Date | undefined): Promise<void> {
  await rows(db, 'update people set away_until = $2 where id = $1', [personId, until ?? null])
}

/**
 * A change of people after which somebody can still manage them. One at a time: two admins who remove each other at the same moment
 * do not both succeed.
 *
 * @param by id of who does it, for the log
 * @throws DrillError `person.lastAdmin`, with nothing changed
 */
export async function keepingAnAdmin<T> (pool: pg.Pool, by: string, change: (db: Db) => Promise<T>): Promise<T> {
  return await changingPeople(pool, by, async db => {
    await lockPeople(db)
    const before = await adminsOf(db)
    const result = await change(db)
    if (before.length > 0 && (await adminsOf(db)).length === 0) {
      throw new DrillError('person.lastAdmin', `${before.map(({ name }) => name).join(', ')} is the last admin who can come in: nobody could manage people any more`)
    }
    return result
  })
}

/** Changes that count people wait for each other. */
export async function lockPeople (db: Db): Promise<void> {
  await rows(db, "select pg_advisory_xact_lock(hashtext('muster people'))")
}

/** Admins who can come in now. */
export async function adminsOf (db: Db): Promise<Array<{ id: string, name: string }>> {
  return await rows(db, `select id, name from people where 'admin' = any(roles) and not service and removed_at is null and (oidc_subject is not null or ${workingKey}) order by id`)
}

export async function listPeople (db: Db): Promise<PersonWithKeys[]> {
  // One after the other: whoever changes people asks within one transaction, and its connection takes one question at a time.
  const people = await rows<PersonRow>(db, `select ${personColumns} from person_facts people order by id`)
  const keys = await rows<KeyRow>(db, 'select id, person_id, label, created_at, expires_at, revoked_at, last_used_at from person_keys order by created_at, id')
  const standIns = await standInsOf(db)
  return people.map(row => ({
    ...personOf(row, standIns),
    slackUser: row.slack_user ?? undefined,
    oidcSubject: row.oidc_subject ?? undefined,
    awayUntil: row.away_until ?? undefined,
    removedAt: row.removed_at ?? undefined,
    keys: keys.filter(key => key.person_id === row.id).map(factsOf),
  }))
}

/** Whose key it is, and until when it works; undefined where it is wrong, revoked or expired. That it was used is noted at most once a minute. */
export async function personByKey (db: Db, key: string): Promise<Person & { untilMs?: number } | undefined> {
  if (!/^mst_[\w-]{43}$/.test(key)) return undefined
  const [row] = await rows<PersonRow & { key_id: string, expires_at: Date | null, stale: boolean }>(db, `
    select ${personColumns}, k.key_id, k.expires_at, k.stale from person_facts people join (
      select id as key_id, person_id, expires_at, coalesce(last_used_at < now() - interval '1 minute', true) as stale from person_keys
      where digest = $1 and revoked_at is null and (expires_at is null or expires_at > now())
    ) k on k.person_id = people.id where people.removed_at is null`, [digestOf(key)])
  if (!row) return undefined
  const [standIns] = await Promise.all([
    standInsOf(db, row.id),
    row.stale ? rows(db, "update person_keys set last_used_at = now() where id = $1 and coalesce(last_used_at < now() - interval '1 minute', true)", [row.key_id]) : [],
  ])
  const person = personOf(row, standIns)
  return row.expires_at ? { ...person, untilMs: row.expires_at.getTime() } : person
}

/**
 * The person behind a token: known by its subject, or entered by it where its groups give a role. What the groups give is kept, for
 * as long as the token is good.
 *
 * @throws DrillError `auth.invalid` where the person was removed
 */
export async function personByToken (db: Db, token: TokenFacts): Promise<Person> {
  const known = await one(db, 'oidc_subject', token.subject, true)
  if (known?.removed_at) throw new DrillError('auth.invalid', `${known.name} was removed and may not come in`)
  if (known) {
    const [row] = await rows<PersonRow>(db, `with changed as (update people set token_roles = $2, token_until = $3 from set_config('muster.by', 'token', true)
        where id = $1 and (token_roles, token_until) is distinct from ($2::text[], $3::timestamptz))
      select ${personColumns} from person_facts people where id = $1`, [known.id, token.roles, new Date(token.untilMs)])
    return personOf({ ...row!, token_roles: token.roles, token_until: new Date(token.untilMs) }, await standInsOf(db, known.id))
  }
  const name = (token.name ?? token.username ?? token.subject).slice(0, 200)
  const wanted = (token.username ?? '').toLowerCase().split('@')[0]!.replace(/[^a-z0-9._-]/g, '').replace(/^[._-]+/, '').slice(0, 50)
  const tail = createHash('sha256').update(token.subject).digest('hex').slice(0, 8)
  // Never the id of somebody else: who started a drill is known by it.
  const ids = wanted === '' ? [`oidc-${tail}`] : [wanted, `${wanted}-${tail}`]
  if (token.roles.length === 0) return { id: `oidc-${tail}`, name, roles: [] }
  for (const id of ids) {
    const [made] = await rows(db, `insert into people (id, name, roles, oidc_subject, token_roles, token_until)
      select $1, $2, '{}', $3, $4::text[], $5::timestamptz from set_config('muster.by', 'token', true) on conflict do nothing returning id`, [id, name, token.subject, token.roles, new Date(token.untilMs)])
    if (made) break
  }
  const entered = await one(db, 'oidc_subject', token.subject)
  if (!entered) throw new DrillError('internal', `no id was free for ${ids.join(', ')}`)
  return personOf(entered, await standInsOf(db, entered.id))
}

export async function personById (db: Db, id: string): Promise<Person | undefined> {
  return await found(db, 'id', id)
}

export async function personBySlackUser (db: Db, slackUser: string): Promise<Person | undefined> {
  return await found(db, 'slack_user', slackUser)
}

export async function personBySubject (db: Db, oidcSubject: string): Promise<Person | undefined> {
  return await found(db, 'oidc_subject', oidcSubject)
}

/** For how long what a token gave is counted on when it is asked who could answer, ms: whoever signed in lately will again. */
const countedOnMs = 30 * 86_400_000

/** Everybody with a way in: a key that works, a Slack user or an OIDC subject; those who are away too. */
export async function peopleOnCall (db: Db): Promise<OnCall[]> {
  const [people, standIns] = await Promise.all([
    rows<PersonRow>(db, `select ${personColumns} from person_facts people where removed_at is null and (slack_user is not null or oidc_subject is not null or ${workingKey}) order by id`),
    standInsOf(db),
  ])
  return people.map(row => ({ ...personOf(row, standIns, countedOnMs), ...isAway(row) ? { awayUntilMs: row.away_until!.getTime() } : {} }))
}

const personColumns = 'people.id, people.name, people.roles, people.service, people.slack_user, people.oidc_subject, people.away_until, people.removed_at, people.token_roles, people.token_until, people.grants'
interface PersonRow {
  id: string, name: string, roles: Role[], service: boolean, slack_user: string | null, oidc_subject: string | null, away_until: Date | null, removed_at: Date | null
  token_roles: string[], token_until: Date | null, grants: Grant[]
}
interface KeyRow { id: string, person_id: string, label: string, created_at: Date, expires_at: Date | null, revoked_at: Date | null, last_used_at: Date | null }
interface StandIn extends PersonRow { deputy_id: string, four_eyes: boolean }

/** Who is away now and has a deputy. */
async function standInsOf (db: Db, deputy?: string): Promise<StandIn[]> {
  return await rows<StandIn>(db, `select ${personColumns}, d.deputy_id, d.confirmed_by is not null as four_eyes
    from person_facts people join person_deputies d on d.person_id = people.id
    where d.ended_at is null and people.away_until > now() and people.removed_at is null and ($1::text is null or d.deputy_id = $1) order by people.id`, [deputy ?? null])
}

async function one (db: Db, column: 'id' | 'slack_user' | 'oidc_subject', value: string, removedToo = false): Promise<PersonRow | undefined> {
  const [row] = await rows<PersonRow>(db, `select ${personColumns} from person_facts people where ${column} = $1${removedToo ? '' : ' and removed_at is null'}`, [value])
  return row
}

async function found (db: Db, column: 'id' | 'slack_user' | 'oidc_subject', value: string): Promise<Person | undefined> {
  const row = await one(db, column, value)
  return row && personOf(row, await standInsOf(db, row.id))
}

function isAway ({ away_until: until }: PersonRow): boolean {
  return until !== null && until.getTime() > Date.now()
}

/** @param graceMs for how long beyond its end what a token gave still counts */
function personOf (row: PersonRow, standIns: StandIn[], graceMs = 0): Person {
  const standsInFor = standIns.filter(away => away.deputy_id === row.id).map((away): AwayPerson => ({ ...held(away, 0), fourEyes: away.four_eyes }))
  return { ...held(row, graceMs), ...row.service ? { service: true } : {}, ...standsInFor.length > 0 ? { standsInFor } : {} }
}

function held (row: PersonRow, graceMs: number): Pick<Person, 'id' | 'name' | 'roles' | 'grants'> {
  const given = row.token_until && row.token_until.getTime() + graceMs > Date.now() ? row.token_roles.flatMap(text => parseRole(text) ?? []) : []
  const roles = [...new Set([...row.roles, ...given.filter(one => one.in === undefined).map(({ role }) => role)])]
  const grants = [...row.grants, ...given.flatMap(({ role, in: place }) => place === undefined ? [] : [{ role, in: place, fourEyes: false }])]
  return { id: row.id, name: row.name, roles, ...grants.length > 0 ? { grants } : {} }
}

function factsOf (row: KeyRow): KeyFacts {
  return {
    id: row.id,
    label: row.label,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }
}
