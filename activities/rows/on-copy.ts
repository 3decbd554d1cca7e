import type { CheckInputs } from '../../src/drill/checks.js'
import type { Check } from '../action.js'
import { answer } from '../backup/answer.js'
import { onCopy } from '../backup/copy-server.js'
import { isCommitted } from '../backup/proven.js'
import { columnText, countLeft, queryMs } from './column.js'

/** Whether a copy lies before or behind the transaction that did the damage: two copies, one each side, prove that it was that one. */
export const copyRows: Check<CheckInputs['copy.rows']> = async ({ copy, database, column, xid, expect }, context) => {
  const user = database.nodes[0]!.user
  return await answer(`the copy is ${expect === 'whole' ? 'before' : 'behind'} transaction ${xid}`, context, async () => {
    const isIn = await isCommitted(copy, user, xid, context)
    const { rows, left } = await onCopy(copy, { user, database: database.endpoint.database }, context, async client => await countLeft(client, column, xid), { queryMs })
    if (rows === 0) return { outcome: 'blind', observed: `${column.table} has no rows on the copy` }
    const is = isIn && left > 0 ? 'damaged' : !isIn && left === 0 ? 'whole' : 'neither'
    return {
      outcome: is === expect ? 'pass' : 'fail',
      observed: `transaction ${xid} is ${isIn ? '' : 'not '}on the copy, and ${left} of ${rows} rows of ${columnText(column)} are as it left them`,
      output: { rows, left },
    }
  })
}
