import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { refusedAsSecond, type Asked } from '../drill/four-eyes.js'
import type { Person, Role } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { adminsOf, lockPeople } from './people.js'
import { changingPeople, hadTwoAdmins } from './people-log.js'
import { rows, sqlState, type Db } from './pool.js'

/** A role in one environment or tier, or a deputy: what may take a second admin. */
export interface Entrusted {
  id: string
  kind: 'grant' | 'deputy'
  personId: string
  /** Of a grant. `everywhere`: admin, until it is confirmed. */
  role?: Role
  in?: string
  /** Of a deputy. */
  deputyId?: string
  askedBy: string
  askedAt: Date
  confirmedBy?: string
}

/** `everywhere`: only of admin, which waits for another admin. */
export const everywhere = 'everywhere'

/** A role in an environment or tier. The same again is the same grant. @returns its id */
export async function giveRole (db: Db, grant: { personId: string, role: Role, in: string, askedBy: string }): Promise<string> {
  const { personId, role, in: scope, askedBy } = grant
  const [there] = await rows<{ id: string }>(db, 'select id from person_grants where person_id = $1 and role = $2 and scope = $3 and ended_at is null', [personId, role, scope])
  if (there) return there.id
  return await inserted(db, 'insert into person_grants (id, person_id, role, scope, asked_by) values ($1, $2, $3, $4, $5) returning id', [randomUUID(), personId, role, scope, askedBy])
}

/** Who answers for a person while they are away. The same again is the same. @returns its id */
export async function nameDeputy (db: Db, deputy: { personId: string, deputyId: string, askedBy: string }): Promise<string> {
  const { personId, deputyId, askedBy } = deputy
  const [there] = await rows<{ id: string }>(db, 'select id from person_deputies where person_id = $1 and deputy_id = $2 and ended_at is null', [personId, deputyId])
  if (there) return there.id
  return await inserted(db, 'insert into person_deputies (id, person_id, deputy_id, asked_by) values ($1, $2, $3, $4) returning id', [randomUUID(), personId, deputyId, askedBy])
}

/**
 * Roles held everywhere. Where there is another admin beside who asks, `admin` waits for one of them: then its grant's id is returned.
 * Whoever is left alone of several admins makes no other one: by removing the second, one would become both of two people.
 *
 * @throws DrillError `person.alone`
 */
export async function giveRoles (
  pool: pg.Pool, change: (db: Db, roles: Role[]) => Promise<void>, given: { personId: string, roles: Role[], had: Role[], by: string }
): Promise<string | undefined> {
  return await changingPeople(pool, given.by, async db => {
    await lockPeople(db)
    const others = (await adminsOf(db)).filter(({ id }) => id !== given.by && id !== given.personId)
    const isNew = given.roles.includes('admin') && !given.had.includes('admin')
    const waits = isNew && others.length > 0
    if (isNew && !waits && await hadTwoAdmins(db)) {
      throw new DrillError('person.alone', `${given.by} is the only admin left of several, and one more takes two people: on the machine of the store, \`muster people first --id ${given.personId} --recover\``)
    }
    await change(db, waits ? given.roles.filter(role => role !== 'admin') : given.roles)
    return waits ? await giveRole(db, { personId: given.personId, role: 'admin', in: everywhere, askedBy: given.by }) : undefined
  })
}

/**
 * The second pair of eyes. A second time changes nothing.
 *
 * @throws DrillError `grant.unknown`, `decision.fourEyes` for who asked or gains by it
 */
export async function confirm (pool: pg.Pool, personId: string, id: string, by: Person): Promise<Entrusted> {
  return await changingPeople(pool, by.id, async db => {
    await lockPeople(db)
    const entrusted = await known(db, personId, id)
    if (entrusted.confirmedBy !== undefined) return entrusted
    const refused = refusedAsSecond(await asked(db, entrusted), by)
    if (refused) throw new DrillError(refused.code, refused.message)
    await rows(db, `update ${tableOf(entrusted)} set confirmed_by = $2, confirmed_at = now() where id = $1`, [id, by.id])
    if (entrusted.in === everywhere) {
      await rows(db, "update people set roles = array_append(array_remove(roles, 'admin'), 'admin') where id = $1 and removed_at is null", [personId])
      // It is a role of theirs now, and ends with that.
      await rows(db, 'update person_grants set ended_at = now() where id = $1', [id])
    }
    return { ...entrusted, confirmedBy: by.id }
  })
}

/** It counts no longer. @throws DrillError `grant.unknown` */
export async function end (db: Db, personId: string, id: string, by: string): Promise<Entrusted> {
  const entrusted = await known(db, personId, id)
  await rows(db, `update ${tableOf(entrusted)} set ended_by = $2, ended_at = now() where id = $1 and ended_at is null`, [id, by])
  return entrusted
}

/** What is entrusted now, confirmed or not: of everybody, or of one person. */
export async function listEntrusted (db: Db, personId?: string): Promise<Entrusted[]> {
  const all = await rows<EntrustedRow>(db, `
    select id, 'grant' as kind, person_id, role, scope, null as deputy_id, asked_by, asked_at, confirmed_by from person_grants where ended_at is null and ($1::text is null or person_id = $1)
    union all
    select id, 'deputy', person_id, null, null, deputy_id, asked_by, asked_at, confirmed_by from person_deputies where ended_at is null and ($1::text is null or person_id = $1)
    order by asked_at, id`, [personId ?? null])
  return all.map(row => ({
    id: row.id,
    kind: row.kind,
    personId: row.person_id,
    ...row.role === null ? {} : { role: row.role, in: row.scope! },
    ...row.deputy_id === null ? {} : { deputyId: row.deputy_id },
    askedBy: row.asked_by,
    askedAt: row.asked_at,
    ...row.confirmed_by === null ? {} : { confirmedBy: row.confirmed_by },
  }))
}

interface EntrustedRow {
  id: string, kind: 'grant' | 'deputy', person_id: string, role: Role | null, scope: string | null, deputy_id: string | null
  asked_by: string, asked_at: Date, confirmed_by: string | null
}

async function known (db: Db, personId: string, id: string): Promise<Entrusted> {
  const found = (await listEntrusted(db, personId)).find(one => one.id === id)
  if (!found) throw new DrillError('grant.unknown', `${personId} has no grant or deputy ${id}`)
  return found
}

async function asked (db: Db, { kind, personId, role, in: scope, deputyId, askedBy }: Entrusted): Promise<Asked> {
  const people = await rows<{ id: string, name: string }>(db, 'select id, name from people where id = any($1)', [[personId, deputyId, askedBy].filter(id => id !== undefined)])
  const named = (id: string): { id: string, name: string } => people.find(person => person.id === id)!
  const person = named(personId)
  return kind === 'grant'
    ? { by: named(askedBy), gains: person, what: `${role} ${scope === everywhere ? scope : `in ${scope}`} for ${person.name}` }
    : { by: named(askedBy), gains: named(deputyId!), what: `${named(deputyId!).name} as deputy of ${person.name} in production` }
}

function tableOf ({ kind }: Entrusted): string {
  return kind === 'grant' ? 'person_grants' : 'person_deputies'
}

async function inserted (db: Db, sql: string, values: unknown[]): Promise<string> {
  try {
    return (await rows<{ id: string }>(db, sql, values))[0]!.id
  } catch (error) {
    if (sqlState(error) === '23503') throw new DrillError('person.unknown', 'there is no such person', { cause: error })
    if (sqlState(error) === '23514') throw new DrillError('input.invalid', 'nobody is their own deputy', { cause: error })
    throw error
  }
}
