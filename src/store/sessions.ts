import { randomBytes } from 'node:crypto'
import type { Person } from '../drill/people.js'
import { digestOf } from './keys.js'
import { personByKey, personById } from './people.js'
import { rows, type Db } from './pool.js'

/** A browser's session: the token is told this once. */
export interface NewSession { token: string, person: Person }

/**
 * Signs a browser in with a key. Sessions lie in the store and are not merely signed: so they end with their key and by signing
 * out, at once and for every API that shares the store, outlive a restart of any of them, and need no secret to be set up.
 * @returns undefined where the key is wrong, revoked or expired
 */
export async function openSession (db: Db, key: string, lifeMs: number): Promise<NewSession | undefined> {
  const person = await personByKey(db, key)
  if (!person) return undefined
  return await opened(db, person, `select $1, person_id, id, ${endsAt} from person_keys where digest = $2`, digestOf(key), lifeMs)
}

/** Signs a browser in as somebody whom an issuer vouches for. @returns undefined where there is no such person (any more) */
export async function openSessionOf (db: Db, person: Person, lifeMs: number): Promise<NewSession | undefined> {
  return await opened(db, person, `select $1, id, null, ${endsAt} from people where id = $2 and removed_at is null`, person.id, lifeMs)
}

const endsAt = "now() + $3 * interval '1 ms'"

/** @param whose selects digest, person, key and end of one session from $1 (digest), $2 (`given`) and $3 (life, ms); no row: no session */
async function opened (db: Db, person: Person, whose: string, given: string | Buffer, lifeMs: number): Promise<NewSession | undefined> {
  const token = randomBytes(32).toString('base64url')
  await rows(db, 'delete from sessions where expires_at < now()')
  const made = await rows(db, `insert into sessions (digest, person_id, key_id, expires_at) ${whose} returning digest`, [digestOf(token), given, lifeMs])
  return made.length === 0 ? undefined : { token, person }
}

/** Whose session it is, with the roles of this moment, and until when; undefined where it is over, or its key is. */
export async function personBySession (db: Db, token: string): Promise<Person & { untilMs: number } | undefined> {
  if (!/^[\w-]{43}$/.test(token)) return undefined
  const [row] = await rows<{ person_id: string, until: Date }>(db, `select s.person_id, least(s.expires_at, k.expires_at) as until from sessions s left join person_keys k on k.id = s.key_id
    where s.digest = $1 and s.expires_at > now() and (s.key_id is null or (k.revoked_at is null and (k.expires_at is null or k.expires_at > now())))`, [digestOf(token)])
  const person = row && await personById(db, row.person_id)
  return person && { ...person, untilMs: row.until.getTime() }
}

/** Signs a browser out. A session that is not there is signed out already. */
export async function closeSession (db: Db, token: string): Promise<void> {
  await rows(db, 'delete from sessions where digest = $1', [digestOf(token)])
}
