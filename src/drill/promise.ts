/** What a primary's configuration says of when a commit is acknowledged. */
export interface CommitSettings {
  synchronousCommit: string
  synchronousStandbyNames: string
  fsync: boolean
  /** Who receives its WAL now. `sync`: as pg_stat_replication has it. `kind`: pg_receivewal keeps WAL only, a standby can be promoted. */
  receivers: ReadonlyArray<{ name: string, state: string, sync: string, kind: 'standby' | 'receiver' }>
  archiving: boolean
}

export interface LossPromise {
  /** Whether an acknowledged write can survive the loss of the primary, whatever the moment. */
  zero: boolean
  /** Why, or why not; each a sentence. */
  reasons: string[]
}

/**
 * What the configuration can promise about the loss of acknowledged writes when the primary's machine is lost. Archiving alone promises
 * nothing: a segment that is not full is not archived. Sources: PostgreSQL's documentation of synchronous_commit and
 * synchronous_standby_names.
 */
export function promiseOf (settings: CommitSettings): LossPromise {
  const { synchronousCommit: level, synchronousStandbyNames: names, receivers } = settings
  const problems: string[] = []
  if (!settings.fsync) problems.push('fsync is off: even a restart may lose acknowledged writes')
  if (names.trim() === '') problems.push('synchronous_standby_names is empty: no commit waits for a second machine')
  if (!['on', 'remote_write', 'remote_apply'].includes(level)) problems.push(`synchronous_commit is ${level}: a commit is acknowledged before a second machine has it`)
  else if (level === 'remote_write') problems.push('synchronous_commit is remote_write: the second machine has it in memory only when the commit is acknowledged')
  const waitedFor = receivers.filter(receiver => receiver.state === 'streaming' && (receiver.sync === 'sync' || receiver.sync === 'quorum'))
  if (names.trim() !== '' && waitedFor.length === 0) problems.push(`none of "${names}" streams now: commits hang, or whoever makes them go on ends the promise`)
  if (problems.length > 0) {
    if (receivers.length === 0 && settings.archiving) problems.push('archiving alone promises nothing: a WAL segment is archived when it is full')
    return { zero: false, reasons: problems }
  }
  const who = waitedFor.map(receiver => `${receiver.name}${receiver.kind === 'receiver' ? ' (WAL only)' : ''}`).join(', ')
  return { zero: true, reasons: [`a commit is acknowledged once ${who} has it on disk (synchronous_commit ${level}); one that is cancelled while it waits is not`] }
}
