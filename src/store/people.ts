import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Person, Role } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { rows, sqlState, type Db } from './pool.js'

/** What is told of a key: everything but the key. */
export interface KeyFacts { id: string, label: string, createdAt: Date, expiresAt?: Date, revokedAt?: Date, lastUsedAt?: Date }

export interface PersonWithKeys extends Person { slackUser?: string, oidcSubject?: string, keys: KeyFacts[] }

/** The key is shown this once. */
export interface NewKey { keyId: string, key: string }

export interface KeyOptions { label?: string, expiresAt?: Date }

/** Throws `input.invalid` where the id is taken (or the Slack user or OIDC subject is somebody else's), or not `[a-z0-9._-]`. */
export async function addPerson (db: Db, person: Person & { slackUser?: string, oidcSubject?: string }, options: KeyOptions = {}): Promise<NewKey> {
  const fresh = newKey()
  try {
    // Both or none, in one statement.
    await rows(db, `with person as (insert into people (id, name, roles, slack_user, oidc_subject) values ($1, $2, $3, $4, $5) returning id)
      insert into person_keys (id, person_id, label, digest, expires_at) select $6, id, $7, $8, $9 from person`,
    [person.id, person.name, person.roles, person.slackUser ?? null, person.oidcSubject ?? null, fresh.keyId, options.label ?? 'first', digestOf(fresh.key), options.expiresAt ?? null])
  } catch (error) {
    if (sqlState(error) === '23505') throw new DrillError('input.invalid', `There is a person "${person.id}" already, or one with the same Slack user or OIDC subject`, { cause: error })
    if (sqlState(error) === '23514') throw new DrillError('input.invalid', `"${person.id}" cannot be a person's id: small letters, digits, dot, dash and underscore`, { cause: error })
    throw error
  }
  return fresh
}

/** Another key of a person, e.g. for the next laptop. Throws `input.invalid` where there is no such person. */
export async function addKey (db: Db, personId: string, options: KeyOptions = {}): Promise<NewKey> {
  const fresh = newKey()
  const added = await rows(db, `insert into person_keys (id, person_id, label, digest, expires_at)
    select $1, id, $3, $4, $5 from people where id = $2 returning id`, [fresh.keyId, personId, options.label ?? 'added', digestOf(fresh.key), options.expiresAt ?? null])
  if (added.length === 0) throw new DrillError('input.invalid', `There is no person "${personId}"`)
  return fresh
}

/** From now on the key opens nothing. @returns whether there was such a key that was not revoked yet */
export async function revokeKey (db: Db, keyId: string): Promise<boolean> {
  return (await rows(db, 'update person_keys set revoked_at = now() where id = $1 and revoked_at is null returning id', [keyId])).length > 0
}

/** Throws `input.invalid` where there is no such person. */
export async function setRoles (db: Db, personId: string, roles: Role[]): Promise<void> {
  const changed = await rows(db, 'update people set roles = $2 where id = $1 returning id', [personId, roles])
  if (changed.length === 0) throw new DrillError('input.invalid', `There is no person "${personId}"`)
}

export async function listPeople (db: Db): Promise<PersonWithKeys[]> {
  const people = await rows<PersonRow>(db, `select ${personColumns} from people order by id`)
  const keys = await rows<KeyRow>(db, 'select id, person_id, label, created_at, expires_at, revoked_at, last_used_at from person_keys order by created_at, id')
  return people.map(row => ({
    ...personOf(row),
    slackUser: row.slack_user ?? undefined,
    oidcSubject: row.oidc_subject ?? undefined,
    keys: keys.filter(key => key.person_id === row.id).map(factsOf),
  }))
}

/** Whose key it is; undefined where it is wrong, revoked or expired. That it was used is noted at most once a minute. */
export async function personByKey (db: Db, key: string): Promise<Person | undefined> {
  if (!/^mst_[\w-]{43}$/.test(key)) return undefined
  const digest = digestOf(key)
  const [row] = await rows<PersonRow & { key_id: string, digest: Buffer, stale: boolean }>(db, `
    select ${personColumns}, k.key_id, k.digest, k.stale from people join (
      select id as key_id, person_id, digest, coalesce(last_used_at < now() - interval '1 minute', true) as stale from person_keys
      where digest = $1 and revoked_at is null and (expires_at is null or expires_at > now())
    ) k on k.person_id = people.id`, [digest])
  if (!row || !timingSafeEqual(row.digest, digest)) return undefined
  if (row.stale) await rows(db, "update person_keys set last_used_at = now() where id = $1 and coalesce(last_used_at < now() - interval '1 minute', true)", [row.key_id])
  return personOf(row)
}

export async function personById (db: Db, id: string): Promise<Person | undefined> {
  return await one(db, 'id', id)
}

export async function personBySlackUser (db: Db, slackUser: string): Promise<Person | undefined> {
  return await one(db, 'slack_user', slackUser)
}

export async function personBySubject (db: Db, oidcSubject: string): Promise<Person | undefined> {
  return await one(db, 'oidc_subject', oidcSubject)
}

/** Everybody who holds a role and has a way in: a key that works, a Slack user or an OIDC subject. */
export async function holdersOf (db: Db, role: Role): Promise<Person[]> {
  const found = await rows<PersonRow>(db, `select ${personColumns} from people where roles @> array[$1]::text[] and (
    slack_user is not null or oidc_subject is not null
    or exists (select 1 from person_keys where person_id = people.id and revoked_at is null and (expires_at is null or expires_at > now()))
  ) order by id`, [role])
  return found.map(personOf)
}

const personColumns = 'people.id, people.name, people.roles, people.slack_user, people.oidc_subject'
interface PersonRow { id: string, name: string, roles: Role[], slack_user: string | null, oidc_subject: string | null }
interface KeyRow { id: string, person_id: string, label: string, created_at: Date, expires_at: Date | null, revoked_at: Date | null, last_used_at: Date | null }

async function one (db: Db, column: 'id' | 'slack_user' | 'oidc_subject', value: string): Promise<Person | undefined> {
  const [row] = await rows<PersonRow>(db, `select ${personColumns} from people where ${column} = $1`, [value])
  return row && personOf(row)
}

function personOf ({ id, name, roles }: PersonRow): Person {
  return { id, name, roles }
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

function newKey (): NewKey {
  return { keyId: randomUUID(), key: `mst_${randomBytes(32).toString('base64url')}` }
}

/** A key has 256 random bits: a fast digest is enough, no salt is needed. */
function digestOf (key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
