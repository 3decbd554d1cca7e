import type { ArchivedCanary } from '../backup.js'
import type { Copy } from '../copy.js'
import type { Duration } from '../duration.js'
import type { Backup, DatabaseCluster, GuardedColumn } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of the database’s backups and copies of it take. */
export interface BackupCheckInputs {
  'backup.fresh': { database: DatabaseCluster, backup: Backup }
  'backup.verified': { backup: Backup }
  'backup.continuous': { database: DatabaseCluster, backup: Backup }
  /** `within`: how long the segment may take to get into the repository; default 60s. */
  'backup.archiving': { database: DatabaseCluster, backup: Backup, within?: Duration }
  /** `rpo`: what may be lost; without it no acknowledged write. */
  'backup.promise': { database: DatabaseCluster, rpo?: Duration }
  /** `canary`: of an earlier `backup.archiving`; `later`: of one after it, on the other side of the target. */
  'copy.proven': { copy: Copy, database: DatabaseCluster, backup: Backup, canary?: ArchivedCanary, later?: ArchivedCanary }
  'copy.sound': { copy: Copy, database: DatabaseCluster, backup: Backup }
  /** `except`: a transaction that nobody would miss. */
  'copy.behind': { copy: Copy, database: DatabaseCluster, backup: Backup, except?: string }
  'copy.rows': { copy: Copy, database: DatabaseCluster, column: GuardedColumn, xid: string, expect: 'whole' | 'damaged' }
  /** `sizeBytes`: of production; default the copy's own. */
  'copy.timely': { copy: Copy, rto: Duration, sizeBytes?: number }
  'rows.damaged': { database: DatabaseCluster, column: GuardedColumn }
  'rows.mended': { database: DatabaseCluster, column: GuardedColumn, xid: string }
}

export const backupChecks: CheckCatalog<BackupCheckInputs> = {
  'backup.fresh': {
    about: 'By the repository’s own catalogue there is a backup of this very cluster that is young enough, of a usual size, and none holds pages with wrong checksums. Output: `newest`, `newestFull`, `ageMs`, `bytes`, `tookMs`, `sets`.',
    title: () => 'there is a young backup of this cluster',
    timeout: '2m',
  },
  'backup.verified': {
    about: 'pgBackRest reads every file of the repository and compares checksums, and its words are read: its exit code is 0 also where it found damage. Output: `files`, `sets`, `tookMs`.',
    title: () => 'every file of the repository is whole',
    timeout: '12h',
  },
  'backup.continuous': {
    about: 'Every WAL segment from each backup to the newest one is in the archive, over changes of PG timeline. Output: `segments`, `needed`, `newest`, `gaps`, `stranded`, `bytes`.',
    title: () => 'the archived WAL has no gap',
    timeout: '10m',
  },
  'backup.archiving': {
    about: 'Commits one empty transaction, closes its WAL segment, and waits until the repository itself has it: a server whose archive command pretends says the same as one whose archive works. Output: `canary`.',
    title: () => 'what is committed now gets into the archive',
    timeout: '12m',
  },
  'backup.promise': {
    about: 'Whether the configuration can promise what the recovery point objective asks: which commits wait for whom. Output: `zero`, `synchronousCommit`, `synchronousStandbyNames`.',
    title: () => 'the configuration can keep the recovery point objective',
    timeout: '15s',
  },
  'copy.proven': {
    about: 'The six proofs of a restore: recovery is over (or paused where it was to), the server lives, the log says where it stopped, the PG timeline is the expected one, the canary is there, the business invariants hold. Output: `proven`, `of`.',
    title: () => 'the copy is what it was to be',
    timeout: '5m',
  },
  'copy.sound': {
    about: 'Every index matches its table (pg_amcheck), every row is read once (pg_dump to nowhere), every page has its checksum (pg_checksums). Output: `tookMs`.',
    title: () => 'the copy is sound to the last page',
    timeout: '12h',
  },
  'copy.behind': {
    about: 'Counts what production has and a copy has not: the transactions that the archived WAL holds behind its target, and the rows that they wrote. It is what would be lost if the copy took production’s place. Output: `transactions`, `tables`, `summary`.',
    title: () => 'what lies behind the copy is counted',
    timeout: '1h',
  },
  'copy.rows': {
    about: 'Whether a copy lies before the transaction that did the damage, or behind it. Two copies, one each side of it, prove that it was that one. Output: `rows`, `left`.',
    title: ({ xid, expect }) => `the copy is ${expect === 'whole' ? 'before' : 'behind'} transaction ${xid}`,
    timeout: '5m',
  },
  'copy.timely': {
    about: 'What the measured restore says of one at production’s size against the recovery time objective, with what is assumed. Output: `estimatedMs`, `largestBytes`.',
    title: ({ rto }) => `a restore would take at most ${rto}`,
    timeout: '10s',
  },
  'rows.damaged': {
    about: 'Finds the transaction that damaged a column: rows carry the one that wrote them last, and commit timestamps say when it was. It passes where one wrote most of the damaged rows. Output: `xid`, `rows`, `committedAt`.',
    title: ({ column }) => `the transaction that damaged ${column.table} is found`,
    timeout: '2m',
  },
  'rows.mended': {
    about: 'No row is as the transaction left it that did the damage. Output: `rows`, `left`.',
    title: ({ column }) => `no row of ${column.table} is damaged`,
    timeout: '2m',
  },
}
