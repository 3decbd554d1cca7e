import type { CheckInputs } from '../../src/drill/checks.js'
import { culpritOf, fullXid, type Culprit, type Writer } from '../../src/drill/damage.js'
import type { Check } from '../action.js'
import { answer } from '../backup/answer.js'
import { onPrimary } from '../backup/live.js'
import { columnText, countLeft, queryMs, sqlOf } from './column.js'

/** Each row carries the transaction that wrote it last: so the damaged ones say who damaged them, and commit timestamps when. */
export const rowsDamaged: Check<CheckInputs['rows.damaged']> = async ({ database, column }, context) => {
  const { table, damaged } = sqlOf(column)
  return await answer(`one transaction set ${columnText(column)} to ${column.damagedTo}`, context, async () => {
    return await onPrimary(database, context, async client => {
      await client.query('begin isolation level repeatable read read only')
      const { rows: writers } = await client.query<Writer>(`select t.xmin::text as xid, count(*)::int as rows from ${table} t where ${damaged} group by 1`, [column.damagedTo])
      const { rows: [all] } = await client.query<{ rows: number, next: string }>(`select count(*)::int as rows, pg_snapshot_xmax(pg_current_snapshot())::text as next from ${table}`)
      let culprit: Culprit
      try {
        culprit = culpritOf(writers)
      } catch (error) {
        if (error instanceof RangeError) return { outcome: 'fail', observed: `${error.message} (${columnText(column)} is ${column.damagedTo} in ${writers.reduce((sum, { rows }) => sum + rows, 0)} of ${all!.rows} rows)` }
        throw error
      }
      const { rows: [commit] } = await client.query<{ at: string | null }>("select to_char(pg_xact_commit_timestamp($1::xid) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at", [culprit.xid])
      if (commit!.at === null) return { outcome: 'blind', observed: `transaction ${culprit.xid} wrote ${culprit.rows} damaged rows, and the server does not know any more when it committed` }
      const xid = fullXid(culprit.xid, all!.next)
      return {
        outcome: 'pass',
        observed: `transaction ${xid} set ${columnText(column)} to ${column.damagedTo} in ${culprit.rows} of ${all!.rows} rows at ${commit!.at}${culprit.others > 0 ? `; ${culprit.others} more rows with that value are of others` : ''}`,
        output: { xid, rows: culprit.rows, committedAt: commit!.at },
      }
    }, queryMs)
  })
}

/** Nothing that a transaction damaged is left as it left it. */
export const rowsMended: Check<CheckInputs['rows.mended']> = async ({ database, column, xid }, context) => {
  return await answer(`no row of ${columnText(column)} is as transaction ${xid} left it`, context, async () => {
    const { rows, left } = await onPrimary(database, context, async client => await countLeft(client, column, xid), queryMs)
    if (rows === 0) return { outcome: 'blind', observed: `${column.table} has no rows` }
    return { outcome: left === 0 ? 'pass' : 'fail', observed: `${left} of ${rows} rows are as transaction ${xid} left them`, output: { rows, left } }
  })
}
