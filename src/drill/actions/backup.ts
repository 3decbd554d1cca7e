import type { BackupType } from '../backup.js'
import type { Copy } from '../copy.js'
import type { Backup, DatabaseCluster, GuardedColumn } from '../environment.js'
import type { RecoveryTarget } from '../target.js'
import type { ActionCatalog } from './facts.js'

/** What actions that back the database up, restore it to a copy and hand back from there take. */
export interface BackupInputs {
  /** `lockWithinMs`: how long another run may hold the stanza; default 10 min. */
  'backup.take': { backup: Backup, type: BackupType, lockWithinMs?: number }
  /** Without a `set` the newest sound one, or the newest before the target; without a target to the end of the archive. */
  'backup.restore': { backup: Backup, database: DatabaseCluster, set?: string, target?: RecoveryTarget, pause?: boolean }
  'copy.promote': { copy: Copy, database: DatabaseCluster, backup: Backup }
  /** `xid`: the transaction that did the damage. */
  'rows.handBack': { database: DatabaseCluster, copy: Copy, column: GuardedColumn, xid: string }
}

export const backupActions: ActionCatalog<BackupInputs> = {
  'backup.take': {
    about: 'Makes a backup with pgBackRest, annotated with drill and step, so that a step that runs twice makes one. Output: `label`, `type`, `bytes`, `repositoryBytes`, `tookMs`, `stopLsn`, `pageErrors`.',
    title: ({ type }) => `make ${type === 'full' ? 'a full' : type === 'diff' ? 'a differential' : 'an incremental'} backup`,
    undoTitle: () => 'end a backup that still runs; a finished one stays',
    byHand: ({ backup }) => `pgbackrest --stanza=${backup.stanza} stop, then start: ends a backup that still runs`,
    timeout: '12h',
    undoTimeout: '30s',
  },
  'backup.restore': {
    about: 'Restores the database into a folder of its own beside everything else, recovers it to a target or to the end of the archive, and starts it there on a socket. Output: `copy`, `tookMs`, `bytes`, `replayedBytes`.',
    title: ({ set, target }) => `restore ${set ?? 'the fitting backup'} to a copy${target ? `, ${targetText(target)}` : ''}`,
    undoTitle: () => 'remove the copy: server, folder and socket',
    byHand: ({ backup }) => `stop the server of the copy in ${backup.scratchDir} and remove its folder and the folder of its socket`,
    isBeside: true,
    timeout: '12h',
    undoTimeout: '60s',
  },
  'copy.promote': {
    about: 'Lets a copy that is paused at its target end its recovery, so that it takes writes. Output: `copy`.',
    title: ({ copy }) => `promote the copy of ${copy.set}`,
    undoTitle: () => 'nothing: the copy goes with the step that restored it',
    byHand: ({ copy }) => `stop the server of the copy in ${copy.dir}`,
    isBeside: true,
    timeout: '12h',
    undoTimeout: '10s',
  },
  'rows.handBack': {
    about: 'Gives rows that one transaction damaged back what they hold on a copy, in one transaction. Rows that were written since are left. Output: `rows`, `absent`.',
    title: ({ column }) => `hand the rows of ${column.table} back from the copy`,
    undoTitle: () => 'nothing: rows that were handed back stay so',
    byHand: () => 'nothing: rows that were handed back stay so',
    timeout: '1h',
    undoTimeout: '10s',
  },
}

function targetText ({ time, xid, lsn, name, inclusive = true }: RecoveryTarget): string {
  const what = time ?? (xid !== undefined ? `transaction ${xid}` : lsn !== undefined ? `position ${lsn}` : `restore point ${name}`)
  return `${inclusive ? 'up to' : 'just before'} ${what}`
}
