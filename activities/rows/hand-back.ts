import type pg from 'pg'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { Action } from '../action.js'
import { tell } from '../tell.js'
import { onCopy } from '../backup/copy-server.js'
import { onPrimary } from '../backup/live.js'
import { begin, columnText, lowXid, queryMs, sqlOf } from './column.js'

const batchRows = 5_000

/**
 * Gives rows back what they held on the copy, in one transaction. Only those that still are as the damaging transaction left them:
 * what was written since is newer than the copy. A second run finds nothing to do.
 */
export const rowsHandBack: Action<ActionInputs['rows.handBack']> = {
  async do ({ database, copy, column, xid }, context) {
    const { table, key, column: name, damaged } = sqlOf(column)
    const user = database.nodes[0]!.user
    const { mended, absent } = await onCopy(copy, { user, database: database.endpoint.database }, context, async old =>
      await onPrimary(database, context, async live => {
        await begin(live)
        const type = await typesOf(live, column)
        let [mended, absent, after] = [0, 0, null as string | null]
        for (;;) {
          const keys = (await live.query<{ key: string }>(
            `select t.${key}::text as key from ${table} t where ${damaged} and t.xmin::text = $2 and ($3::text is null or t.${key} > $3::${type.key}) order by t.${key} limit ${batchRows}`,
            [column.damagedTo, lowXid(xid), after])).rows.map(row => row.key)
          if (keys.length === 0) break
          const held = (await old.query<{ key: string, value: string | null }>(`select t.${key}::text as key, t.${name}::text as value from ${table} t where t.${key} = any($1::${type.key}[])`, [keys])).rows
          const { rowCount } = await live.query(
            `update ${table} t set ${name} = held.value::${type.value} from unnest($2::${type.key}[], $3::text[]) as held(key, value) where t.${key} = held.key and ${damaged}`,
            [column.damagedTo, held.map(row => row.key), held.map(row => row.value)])
          mended += rowCount ?? 0
          absent += keys.length - held.length
          after = keys.at(-1)!
          tell(context, `${mended} rows handed back`, { rows: mended })
        }
        await live.query('commit')
        return { mended, absent }
      }, queryMs), { queryMs })
    return {
      summary: `handed ${mended} rows of ${columnText(column)} back from the copy${absent > 0 ? `; ${absent} are not on the copy` : ''}`,
      output: { rows: mended, absent },
    }
  },

  /** What was mended stays: it is what the rows held. */
  async verify () {
    return { undone: true, summary: 'rows that were handed back stay so' }
  },

  async undo () {
    return 'left the rows as they are'
  },
}

async function typesOf (client: pg.Client, column: Parameters<typeof sqlOf>[0]): Promise<{ key: string, value: string }> {
  const { rows } = await client.query<{ name: string, type: string }>(
    'select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attname = any($2) and not attisdropped', [sqlOf(column).table, [column.key, column.column]])
  const of = (name: string): string => rows.find(row => row.name === name)!.type
  return { key: of(column.key), value: of(column.column) }
}
