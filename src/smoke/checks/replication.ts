import { answerOf, blind, type SmokeCheck } from '../check.js'
import { askSql } from '../sql.js'

const followersSql = 'select coalesce(application_name, \'\') as name, state, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), -1)::float8 as bytes from pg_stat_replication'
// On an idle primary the last replayed commit only gets older: positions that are equal are no lag (postgres_exporter, PR 534).
const lagSql = `select case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
  else coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()), 0) end::float8 as seconds`

interface Follower { name: string, state: string, bytes: number }

/** Asked on the primary (bytes, and who is attached at all) and on each standby (seconds). */
export const replication: SmokeCheck<'replication'> = async ({ maxSeconds = 5, maxBytes = 16 * 1024 * 1024 }, context) => {
  const { nodes } = context.environment.database!
  const expected = `${nodes.length - 1} standby attached, at most ${maxSeconds} s and ${maxBytes} bytes behind`
  const asked = await Promise.all(nodes.map(async node => ({ node, role: await askSql<{ standby: boolean }>(node, 'select pg_is_in_recovery() as standby', [], context) })))
  const dead = asked.flatMap(({ node, role }) => 'problem' in role ? [`${node.name} does not answer: ${role.problem}`] : [])
  const primaries = asked.filter(({ role }) => !('problem' in role) && !role.rows[0]!.standby)
  const standbys = asked.filter(({ role }) => !('problem' in role) && role.rows[0]!.standby)
  if (primaries.length !== 1) return primaries.length === 0 && dead.length > 0 ? blind(dead.join('; '), expected) : answerOf([`there are ${primaries.length} primaries`, ...dead], '', expected)
  const followers = await askSql<Follower>(primaries[0]!.node, followersSql, [], context)
  if ('problem' in followers) return blind(`${primaries[0]!.node.name}: ${followers.problem}`, expected)
  const streaming = followers.rows.filter(follower => follower.state === 'streaming')
  const lags = await Promise.all(standbys.map(async ({ node }) => ({ node, lag: await askSql<{ seconds: number }>(node, lagSql, [], context) })))
  const unseen = lags.flatMap(({ node, lag }) => 'problem' in lag ? [`${node.name}: ${lag.problem}`] : [])
  const lagBytes = Math.max(0, ...streaming.map(follower => follower.bytes))
  const lagSeconds = Math.max(0, ...lags.flatMap(({ lag }) => 'problem' in lag ? [] : [lag.rows[0]!.seconds]))
  const flaws = [
    ...dead,
    ...(streaming.length < nodes.length - 1 ? [`${streaming.length === 0 ? 'no standby is' : `only ${streaming.length} standbys are`} attached to ${primaries[0]!.node.name}`] : []),
    ...streaming.filter(follower => follower.bytes < 0).map(follower => `${follower.name} has replayed nothing yet`),
    ...(lagBytes > maxBytes ? [`${lagBytes} bytes behind`] : []),
    ...(lagSeconds > maxSeconds ? [`${lagSeconds.toFixed(1)} s behind`] : []),
  ]
  const values: Record<string, number> = streaming.length === 0 ? {} : { lagBytes, lagSeconds }
  if (flaws.length === 0 && unseen.length > 0) return blind(unseen.join('; '), expected, { values })
  return answerOf(flaws, `${streaming.length} standby attached, ${lagBytes} bytes and ${lagSeconds.toFixed(1)} s behind`, expected, { values })
}
