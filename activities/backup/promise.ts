import type { CheckInputs } from '../../src/drill/checks.js'
import { durationMs } from '../../src/drill/duration.js'
import { promiseOf, type CommitSettings } from '../../src/drill/promise.js'
import type { Check } from '../action.js'
import { answer } from './answer.js'
import { onPrimary } from './live.js'

const settingsSql = `select current_setting('synchronous_commit') as "synchronousCommit", current_setting('synchronous_standby_names') as "synchronousStandbyNames",
  current_setting('fsync')::bool as fsync, current_setting('archive_mode') <> 'off' as archiving,
  coalesce((select json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
    'kind', case when application_name = 'pg_receivewal' or replay_lsn is null and flush_lsn is not null then 'receiver' else 'standby' end)) from pg_stat_replication), '[]') as receivers`

/** Whether the configuration can keep the recovery point objective that is asked of it, before anything breaks. */
export const backupPromise: Check<CheckInputs['backup.promise']> = async ({ database, rpo }, context) => {
  const strict = rpo === undefined || durationMs(rpo) === 0
  return await answer(strict ? 'a configuration that can promise that no acknowledged write is lost' : `what the configuration promises; ${rpo} of loss are allowed`, context, async () => {
    // As the application's own role, whose settings may differ.
    const settings = await onPrimary(database, context, async client => {
      await client.query('begin read only')
      const { rows: [row] } = await client.query<CommitSettings>(settingsSql)
      const { rows: [own] } = await client.query<{ value: string | null }>(roleSql, [database.endpoint.user, database.endpoint.database])
      return { ...row!, ...(own?.value ? { synchronousCommit: own.value } : {}) }
    })
    const { zero, reasons } = promiseOf(settings)
    const output = { zero, synchronousCommit: settings.synchronousCommit, synchronousStandbyNames: settings.synchronousStandbyNames }
    if (!zero && strict) return { outcome: 'fail', observed: `the objective is to lose nothing, and the configuration cannot promise that: ${reasons.join('; ')}`, output }
    return { outcome: 'pass', observed: `${zero ? 'no acknowledged write can be lost with the primary' : 'acknowledged writes can be lost with the primary'}: ${reasons.join('; ')}`, output }
  })
}

/** The most special setting of a role: for it in this database, then for it, then for the database. */
const roleSql = `select substring(setting from 'synchronous_commit=(.*)') as value
  from pg_db_role_setting s cross join unnest(s.setconfig) as setting
  where setting like 'synchronous\\_commit=%'
    and s.setrole in (0, (select oid from pg_roles where rolname = $1)) and s.setdatabase in (0, (select oid from pg_database where datname = $2))
  order by s.setrole <> 0 and s.setdatabase <> 0 desc, s.setrole <> 0 desc limit 1`
