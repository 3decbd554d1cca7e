import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { DrillError } from '../errors.js'
import { rows, type Db } from './pool.js'

/** What is told of a key: everything but the key. */
export interface KeyFacts { id: string, label: string, createdAt: Date, expiresAt?: Date, revokedAt?: Date, lastUsedAt?: Date }

/** The key is shown this once. */
export interface NewKey { keyId: string, key: string }

export interface KeyOptions { label?: string, expiresAt?: Date }

/** SQL: whether a row of `people` has a key that works now. */
export const workingKey = 'exists (select from person_keys where person_id = people.id and revoked_at is null and (expires_at is null or expires_at > now()))'

/** Another key of a person, e.g. for the next laptop. Throws `input.invalid` where there is no such person. */
export async function addKey (db: Db, personId: string, options: KeyOptions = {}): Promise<NewKey> {
  const fresh = newKey()
  const added = await rows(db, `insert into person_keys (id, person_id, label, digest, expires_at)
    select $1, id, $3, $4, $5 from people where id = $2 and removed_at is null returning id`, [fresh.keyId, personId, options.label ?? 'added', digestOf(fresh.key), options.expiresAt ?? null])
  if (added.length === 0) throw new DrillError('input.invalid', `There is no person "${personId}"`)
  return fresh
}

/** From now on the key opens nothing. @returns whether there was such a key that was not revoked yet */
export async function revokeKey (db: Db, keyId: string): Promise<boolean> {
  return (await rows(db, 'update person_keys set revoked_at = now() where id = $1 and revoked_at is null returning id', [keyId])).length > 0
}

export function newKey (): NewKey {
  return { keyId: randomUUID(), key: `mst_${randomBytes(32).toString('base64url')}` }
}

/** A key has 256 random bits: a fast digest is enough, no salt is needed, and finding it by its digest tells nothing by its timing. */
export function digestOf (key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
