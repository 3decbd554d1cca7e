import { rows, type Db } from './pool.js'

/** Drills on record by verdict; `none` for those that have not ended. */
export async function countDrills (db: Db): Promise<Array<{ verdict: string, count: number }>> {
  return await rows(db, "select coalesce(verdict, 'none') as verdict, count(*) as count from drills where phase <> 'reserved' group by 1 order by 1")
}
