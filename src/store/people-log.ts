import type pg from 'pg'
import { rows, transaction, type Db } from './pool.js'

/** One change of what is known of a person, as the store's own triggers wrote it. */
export interface PeopleChange {
  id: number
  at: Date
  /** Id of the person who did it; where none is named, what did. */
  by: string
  personId: string
  /** The table that holds it, e.g. `person_grants`. */
  what: string
  /** By column. */
  change: Record<string, { from?: unknown, to?: unknown }>
}

/** Changes of people in one transaction, which the log says are by this person (or by what, where it is nobody). */
export async function changingPeople<T> (pool: pg.Pool, by: string, change: (db: Db) => Promise<T>): Promise<T> {
  return await transaction(pool, async db => {
    await rows(db, "select set_config('muster.by', $1, true)", [by])
    return await change(db)
  })
}

/** The newest first. @param before only changes before this one */
export async function readPeopleLog (db: Db, { personId, before, limit }: { personId?: string, before?: number, limit: number }): Promise<PeopleChange[]> {
  const found = await rows<{ id: number, at: Date, by: string, person_id: string, what: string, change: PeopleChange['change'] }>(db, `select id, at, by, person_id, what, change from people_log
    where ($1::text is null or person_id = $1) and ($2::bigint is null or id < $2) order by id desc limit $3`, [personId ?? null, before ?? null, limit])
  return found.map(({ person_id: personId, ...row }) => ({ ...row, personId }))
}

/** Whether there have ever been two admins: as the log says, or because one confirmed what another asked for. */
export async function hadTwoAdmins (db: Db): Promise<boolean> {
  const [found] = await rows<{ two: boolean }>(db, `select
    (select count(distinct person_id) from people_log where what = 'people' and change->'roles'->'to' ? 'admin') > 1
    or exists (select from person_grants where confirmed_by is not null)
    or exists (select from person_deputies where confirmed_by is not null) as two`)
  return found?.two === true
}
