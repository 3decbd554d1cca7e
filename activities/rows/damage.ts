import type pg from 'pg'
import type { ActionInputs } from '../../src/drill/actions.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { onPrimary } from '../backup/live.js'
import { begin, columnText, lowXid, queryMs, sqlOf } from './column.js'

interface Struck { drill: string, step: string, xid: string, rows: number, atMs: number }

/**
 * Does what somebody with the wrong `update` did: one transaction sets a column to one value in every row. What was there is kept
 * beside it by the same transaction, so that whoever dies, either both are there or neither.
 */
export const rowsDamage: Action<ActionInputs['rows.damage']> = {
  async do ({ database, column }, context) {
    const { table, key, column: name } = sqlOf(column)
    const struck = await onPrimary(database, context, async client => {
      await begin(client)
      const earlier = await struckOf(client)
      if (earlier && !isOf(earlier, context)) throw new DrillError('environment.owed', `Step ${earlier.step} of drill ${earlier.drill} has damaged rows that nobody brought back`)
      if (earlier) return earlier
      await client.query('create schema muster_damage')
      await client.query(`create table muster_damage.saved as select t.${key} as key, t.${name} as value from ${table} t where t.${name} is distinct from ${literal(column.damagedTo)}`)
      const { rowCount } = await client.query(`update ${table} t set ${name} = $1 where t.${name} is distinct from $1`, [column.damagedTo])
      if (rowCount === 0) throw new DrillError('component.unexpected', `${columnText(column)} is ${column.damagedTo} in every row already: there is nothing to damage`)
      await client.query('create table muster_damage.struck (drill text not null, step text not null, xid xid8 not null, rows bigint not null, at timestamptz not null)')
      const { rows: [row] } = await client.query<Struck>(`insert into muster_damage.struck values ($1, $2, pg_current_xact_id(), $3, clock_timestamp()) returning ${struckFields}`, [context.drillId, context.stepId, rowCount])
      await client.query('commit')
      return row!
    }, queryMs)
    return {
      summary: `transaction ${struck.xid} set ${columnText(column)} to ${column.damagedTo} in ${struck.rows} rows`,
      output: { xid: struck.xid, rows: struck.rows },
      faultAtMs: struck.atMs,
    }
  },

  async verify ({ database }, context) {
    const struck = await onPrimary(database, context, struckOf)
    if (struck && isOf(struck, context)) return { undone: false, summary: `what ${struck.rows} rows held is still kept in schema muster_damage` }
    return { undone: true, summary: 'no damaged row of this step is left' }
  },

  /** Only what still is as it was damaged is brought back: rows that were mended or written since are somebody's. */
  async undo ({ database, column }, context) {
    const { table, key, column: name, damaged } = sqlOf(column)
    return await onPrimary(database, context, async client => {
      await begin(client)
      const struck = await struckOf(client)
      if (!struck || !isOf(struck, context)) return 'nothing of this step is damaged'
      const { rowCount } = await client.query(
        `update ${table} t set ${name} = s.value from muster_damage.saved s where t.${key} = s.key and ${damaged} and t.xmin::text = $2`, [column.damagedTo, lowXid(struck.xid)])
      await client.query('drop schema muster_damage cascade')
      await client.query('commit')
      return `brought ${rowCount} rows of ${columnText(column)} back from what was kept`
    }, queryMs)
  },
}

const struckFields = 'drill, step, xid::text as xid, rows::int as rows, (extract(epoch from at) * 1000)::float8 as "atMs"'

async function struckOf (client: pg.Client): Promise<Struck | undefined> {
  const { rows: [there] } = await client.query<{ is: boolean }>("select to_regclass('muster_damage.struck') is not null as is")
  if (!there!.is) return undefined
  return (await client.query<Struck>(`select ${struckFields} from muster_damage.struck`)).rows[0]
}

function isOf ({ drill, step }: Struck, { drillId, stepId }: Pick<StepContext, 'drillId' | 'stepId'>): boolean {
  return drill === drillId && step === stepId
}

/** `create table as` takes no parameters. */
function literal (value: number): string {
  return `'${Number(value)}'`
}
