import { durationText } from '../../drill/duration.js'
import { answerOf, type SmokeCheck } from '../check.js'
import { askSql } from '../sql.js'

/** Connects as the application does, reads, and commits a WAL message: a standby refuses that, and a full disk too. */
export const database: SmokeCheck<'database'> = async (_, context) => {
  const expected = 'the endpoint answers a query and takes a durable write'
  const { endpoint } = context.environment.database!
  const read = await askSql(endpoint, 'select 1', [], context)
  if ('problem' in read) return answerOf([`the database does not answer: ${read.problem}`], '', expected, { transient: !read.refused })
  const write = await askSql(endpoint, "select pg_logical_emit_message(true, 'muster.smoke', $1)", [context.values.nonce], context)
  const values = { queryMs: read.ms }
  if ('problem' in write) return answerOf([`it answers, but takes no write: ${write.problem}`], '', expected, { values })
  return answerOf([], `a query took ${durationText(read.ms)}, a durable write ${durationText(write.ms)}`, expected, { values: { ...values, writeMs: write.ms } })
}
