import { join } from 'node:path'
import type { CheckInputs } from '../../src/drill/checks.js'
import type { DatabaseCluster } from '../../src/drill/environment.js'
import { isReplayed } from '../../src/drill/target.js'
import { segmentAt, segmentText } from '../../src/drill/wal.js'
import { noRowChanges, rowsOf, type RowCount } from '../../src/drill/wal-rows.js'
import type { Check, StepContext } from '../action.js'
import { answer } from './answer.js'
import { lookAtPrimary, onPrimary } from './live.js'
import { readArchive, readRepository } from './repository.js'
import { newestSegment, wayFrom } from './resolve-target.js'
import { readWalEvents } from './wal-events.js'

/**
 * What production has that a copy has not: every transaction that the archived WAL holds behind the copy's target, and the rows that
 * they wrote, without the one that is to be undone. It is what would be lost if the copy took production's place.
 */
export const copyBehind: Check<CheckInputs['copy.behind']> = async ({ copy, database, backup, except }, context) => {
  return await answer('what production has and the copy has not can be counted', context, async () => {
    const { target } = copy
    if (target === undefined) return { outcome: 'blind', observed: 'the copy has no target: it goes to the end of the archive' }
    const { segmentBytes } = await lookAtPrimary(database, context)
    const archive = await readArchive(backup, await readRepository(backup, context), segmentBytes, context)
    const rows = noRowChanges()
    const segments = wayFrom(archive, segmentText(segmentAt(target.lsn, copy.timeline, segmentBytes), segmentBytes))
    const { commits } = await readWalEvents(backup, { walDir: join(copy.dir, 'wal') }, segments, context, { rows })
    const behind = commits.filter(commit => !isReplayed(commit.lsn, target) && commit.xid !== except)
    const tables = await namesOf(database, rowsOf(rows, new Set(behind.map(commit => commit.xid))), context)
    const words = tables.map(({ name, inserted, updated, deleted }) => `${name} ${[...inserted ? [`+${inserted}`] : [], ...updated ? [`~${updated}`] : [], ...deleted ? [`-${deleted}`] : []].join(' ')}`)
    const [first, last] = [behind[0], behind.at(-1)]
    const summary = behind.length === 0
      ? 'nothing else was committed since'
      : `${behind.length} transactions from ${first!.committedAt} to ${last!.committedAt}${words.length > 0 ? `, rows: ${words.join(', ')}` : ', which wrote no row'}`
    return {
      outcome: 'pass',
      observed: `behind the copy lies, up to ${newestSegment(archive)}: ${summary}`,
      output: { transactions: behind.length, tables: Object.fromEntries(tables.map(({ name, ...count }) => [name, count])), summary },
    }
  })
}

const namesSql = `select t.file, c.oid::regclass::text as name
  from unnest($1::text[]) as t(file)
  join pg_database d on d.datname = current_database() and split_part(t.file, '/', 2)::oid = d.oid
  join pg_class c on c.oid = pg_filenode_relation(case when split_part(t.file, '/', 1)::oid = d.dattablespace then 0 else split_part(t.file, '/', 1)::oid end, split_part(t.file, '/', 3)::oid)
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  order by name`

/** The application's own tables, as the primary names them now. A table that is gone has no name any more, and rows that do not matter. */
async function namesOf (database: DatabaseCluster, counts: Map<string, RowCount>, context: StepContext): Promise<Array<RowCount & { name: string }>> {
  const { rows } = await onPrimary(database, context, async client => await client.query<{ file: string, name: string }>(namesSql, [[...counts.keys()]]))
  return rows.map(({ file, name }) => ({ name, ...counts.get(file)! }))
}
