import type { CheckInputs } from '../../src/drill/checks.js'
import { DrillError } from '../../src/errors.js'
import type { Check } from '../action.js'
import { withClient } from '../postgres/connection.js'

/** PostgreSQL's code for a disk that is full. */
const diskFull = '53100'
/** About 10 MB: more than what happens to be freed meanwhile. */
const wantsRoom = 'create temporary table muster_room as select repeat(md5(n::text), 2) as filler from generate_series(1, 100000) as n'

/** What needs room is refused at the endpoint for want of it, and what needs none is answered all the same. */
export const postgresOutOfRoom: Check<CheckInputs['postgres.outOfRoom']> = async ({ database }, context) => {
  const expected = 'a write that needs room is refused with 53100, a read is answered'
  try {
    await withClient(database.endpoint, context, async client => await client.query('select 1'))
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'fail', observed: `a read is not answered: ${(error as Error).message}`, expected, output: {} }
  }
  try {
    await withClient(database.endpoint, context, async client => {
      await client.query('begin')
      await client.query(wantsRoom)
      // Not left to the end of the connection: what is still there then would be room that comes back later.
      await client.query('rollback')
    })
    return { outcome: 'fail', observed: 'a write that needs room was taken', expected, output: {} }
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof DrillError)) throw error
    const { sqlState } = (error.details ?? {}) as { sqlState?: string }
    return { outcome: sqlState === diskFull ? 'pass' : 'blind', observed: error.message, expected, output: { ...sqlState === undefined ? {} : { sqlState } } }
  }
}
