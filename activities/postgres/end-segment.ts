import type pg from 'pg'

/**
 * Ends the WAL segment that a primary writes to, so that its archiver looks around. One that holds nothing would not be ended; what is
 * written is not transactional, so that no commit waits for a standby.
 */
export async function endSegment (client: pg.Client): Promise<void> {
  await client.query("select pg_logical_emit_message(false, 'muster.turn', 'turn')")
  await client.query('select pg_switch_wal()')
}
