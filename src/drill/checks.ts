import type { Breakage } from './actions/links.js'
import type { ArchivedCanary } from './backup.js'
import type { Copy } from './copy.js'
import type { Duration } from './duration.js'
import type { ApiService, Backup, CacheCluster, DatabaseCluster, GuardedColumn, Link, Monitoring, Volume } from './environment.js'
import type { Loss } from './loss.js'
import type { LastWrite, Rebuild } from './rebuild.js'
import type { CacheStore, FileStore, SealedConfiguration } from './recovery.js'

/** What each check takes. */
export interface CheckInputs {
  'postgres.steady': { database: DatabaseCluster }
  'postgres.onePrimary': { database: DatabaseCluster }
  /** `atLeast`: an answer later than this counts as none. */
  /** `how`: of what the link was broken by; lost packets are counted. */
  'link.broken': { link: Link, speaks: 'postgres' | 'redis', atLeast?: Duration, how?: Breakage }
  'postgres.invariants': { database: DatabaseCluster }
  'postgres.outOfRoom': { database: DatabaseCluster }
  'archiving.stuck': { database: DatabaseCluster }
  /** `atLeast`: percent. */
  'disk.room': { volumes: Record<string, Volume>, volume: string, atLeast: number }
  'disk.full': { volumes: Record<string, Volume>, volume: string }
  /** `failed` and `promoted` are one where a node came back itself. `faultAtMs`: when the fault struck, for the RPA as a time. `rpo`: what may be lost; without it no acknowledged write. */
  'canaries.compare': { database: DatabaseCluster, failed: string, promoted: string, faultAtMs?: number, rpo?: Duration }
  /** `times`: so many in a row. `anyStatus`: an answer in time is good, whatever it says. */
  'http.ok': { url: string, caFile?: string, timeout?: string, times?: number, anyStatus?: boolean }
  'api.ready': { api: ApiService }
  'api.down': { api: ApiService, instances: string[] }
  'alerts.quiet': { monitoring: Monitoring, except?: string[] }
  'files.fresh': { files: FileStore }
  'files.sound': { files: FileStore }
  /** `folder`: where `files.restore` put them. `source`: whether the source still stands, to be compared with too. */
  'files.equal': { files: FileStore, folder: string, source?: boolean }
  /** `folder`: where `configuration.open` put it. `live`: whether the system still stands, to be compared with too. */
  'configuration.equal': { configuration: SealedConfiguration, folder: string, live?: boolean }
  'redis.steady': { cache: CacheCluster }
  /** `hitRatio`: percent. `within`: how long it may take to get there. */
  'cache.warm': { cache: CacheCluster, api: ApiService, hitRatio: number, within: Duration }
  'cache.consistent': { cache: CacheCluster, api: ApiService, database: DatabaseCluster }
  'sessions.account': { api: ApiService, expect: 'kept' | 'lost' | 'counted' }
  'limit.spent': { api: ApiService }
  /** `spent`: of an earlier `limit.spent`. */
  'limit.account': { api: ApiService, spent: SpentLimit, expect: 'kept' | 'lost' | 'counted' }
  'orders.account': { api: ApiService }
  'cache.fresh': { cache: CacheStore }
  /** `folder`: where `cache.restore` put it. */
  'cache.sound': { cache: CacheStore, folder: string }
  'cache.equal': { cache: CacheStore, folder: string }
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
  'rows.damaged': { database: DatabaseCluster, column: GuardedColumn }
  'rows.mended': { database: DatabaseCluster, column: GuardedColumn, xid: string }
  /** `sizeBytes`: of production; default the copy's own. */
  'copy.timely': { copy: Copy, rto: Duration, sizeBytes?: number }
  'rebuild.empty': { rebuild: Rebuild }
  'rebuild.moment': { rebuild: Rebuild }
  /** `lastWrite`: of an earlier `rebuild.moment`. `rpo`: what may be lost; without it no acknowledged write. */
  'rebuild.loss': { rebuild: Rebuild, copy: Copy, lastWrite: LastWrite, rpo?: Duration }
  /** `atMs`: of an earlier `rebuild.moment`. `smoke`: the verdict of the suite that was asked right before. */
  'rebuild.timely': { atMs: number, smoke: string, rto?: Duration }
}

/** What somebody who called too often was told. `endsAtMs`: epoch ms, when the limit's window is over. */
export interface SpentLimit { calls: number, endsAtMs: number }

export type CheckName = keyof CheckInputs

export interface CheckFacts<Input> {
  about: string
  title: (input: Input) => string
  /** Longest single try, as a duration. */
  timeout: string
}

export const checkCatalog: { [C in CheckName]: CheckFacts<CheckInputs[C]> } = {
  'postgres.steady': {
    about: 'Exactly one primary, every standby streaming and readable, synchronous as promised, archiving works, and the endpoint leads to the primary. Output: `primary`, `standby` (names).',
    title: () => 'the database pair is whole',
    timeout: '15s',
  },
  'postgres.onePrimary': {
    about: 'Split brain is looked for: each node is asked at its own address, and exactly one takes writes.',
    title: () => 'exactly one database takes writes',
    timeout: '15s',
  },
  'link.broken': {
    about: 'One question through a link is refused, not answered, or answered too late: proof that a fault of the network had its effect. With `how: loss` twenty are asked: the kernel must have dropped packets of theirs, and some must come late.',
    title: ({ link }) => `link ${link.proxy} is broken`,
    timeout: '90s',
  },
  'postgres.invariants': {
    about: 'Each business invariant of the environment answers true, asked through the endpoint.',
    title: () => 'the business invariants hold',
    timeout: '15s',
  },
  'postgres.outOfRoom': {
    about: 'At the endpoint a write that needs room is refused with PostgreSQL’s 53100 (disk full), and a read is answered: proof that a full data volume had its effect.',
    title: () => 'the database refuses what needs room',
    timeout: '15s',
  },
  'archiving.stuck': {
    about: 'The archiver fails and WAL waits for it on the primary: proof that a fault of the backup repository had its effect.',
    title: () => 'WAL cannot be archived',
    timeout: '15s',
  },
  'disk.room': {
    about: 'A volume is a mount point of its own and so much of it is free. What is only a folder of the machine’s disk fails: a drill must not fill that. Output: `freeBytes`, `totalBytes`.',
    title: ({ volume, atLeast }) => `at least ${atLeast} % of volume ${volume} are free`,
    timeout: '10s',
  },
  'disk.full': {
    about: 'A write of 1 MiB to a volume is refused for want of room: proof that filling it had its effect.',
    title: ({ volume }) => `volume ${volume} is full`,
    timeout: '10s',
  },
  'canaries.compare': {
    about: 'Which acknowledged writes survived: acked, lost, unknown, doubled, alien, and whether the WAL of the failed node agrees (or, where the node that failed came back itself, its commit log). Fails where more was lost than the recovery point objective allows.',
    title: () => 'no acknowledged write is lost',
    timeout: '60s',
  },
  'http.ok': {
    about: 'A page answers in time with a status below 400, once or so many times in a row, each on a new connection. With `anyStatus` any answer in time is good: a service that cannot serve must say so, and not hang.',
    title: ({ url, times = 1 }) => `${url} answers${times > 1 ? ` ${times} times in a row` : ''}`,
    timeout: '60s',
  },
  'api.ready': {
    about: 'The service and each of its instances say that they are ready.',
    title: () => 'the service and its instances are ready',
    timeout: '10s',
  },
  'api.down': {
    about: 'The named instances give no good answer, each asked at its own address: proof that a fault had its effect where the load balancer hides it.',
    title: ({ instances }) => `${Array.isArray(instances) ? instances.join(' and ') : 'the instances'} are down`,
    timeout: '10s',
  },
  'alerts.quiet': {
    about: 'No alert is firing but the watchdog, and the watchdog is: silence of a dead monitoring is no pass.',
    title: () => 'monitoring is alive and no alert is firing',
    timeout: '10s',
  },
  'files.fresh': {
    about: 'The newest backup of files is young enough and holds every folder: one that was absent is missing in it, and nowhere said.',
    title: () => 'the backup of files is fresh and whole',
    timeout: '1m',
  },
  'files.sound': {
    about: 'Every pack of the repository of files is read and compared with its checksum.',
    title: () => 'the repository of files is undamaged',
    timeout: '4h',
  },
  'files.equal': {
    about: 'Restored files are what they were: by mtree, by ACLs and extended attributes, and, where the source still stands, by rsync against it. Declared exceptions are named.',
    title: () => 'the restored files are what they were',
    timeout: '4h',
  },
  'configuration.equal': {
    about: 'The opened configuration is what was sealed, by digest, mode and owner, and, where the system still stands, what is in use.',
    title: () => 'the opened configuration is the right one',
    timeout: '1m',
  },
  'redis.steady': {
    about: 'Exactly one Redis primary, every other node a replica with its link up, nothing blocked, and the endpoint leads to the primary. Output: `primary`, `replica` (names).',
    title: () => 'the cache is whole',
    timeout: '15s',
  },
  'cache.warm': {
    about: 'Asks the cached pages again and again until enough of the answers come out of the cache. Output: `series` (hit ratio of each round, percent), `warmAfterMs`.',
    title: ({ hitRatio }) => `${hitRatio} % of the cached pages come out of the cache`,
    timeout: '90s',
  },
  'cache.consistent': {
    about: 'Each cached page says what the database says: a cache that answers wrongly is worse than none.',
    title: () => 'the cache says what the database says',
    timeout: '30s',
  },
  'sessions.account': {
    about: 'How many of the sessions of the drill’s customers were kept and how many lost since the fault. `kept`: it fails where one was lost; `lost`: where none was; `counted`: neither.',
    title: ({ expect }) => expect === 'counted' ? 'sessions kept and lost are counted' : `sessions are ${expect}`,
    timeout: '15s',
  },
  'limit.spent': {
    about: 'Calls the service’s limited call (`api.limit`) for a name that only this drill has, until it is refused: what a cache that fails may forget. Output: `calls`, `endsAtMs` (when the limit’s window is over).',
    title: () => 'a rate limit is spent',
    timeout: '30s',
  },
  'limit.account': {
    about: 'Whether a rate limit that was spent before the fault still holds; once its window is over, it cannot be told. `kept`: it fails where the limit was lost; `lost`: where it was kept; `counted`: neither. Output: `kept`.',
    title: ({ expect }) => expect === 'counted' ? 'rate limits kept and lost are counted' : `the rate limit is ${expect}`,
    timeout: '15s',
  },
  'orders.account': {
    about: 'Counts the orders of the drill’s customers exactly, in the service’s own list: placed and not there, there twice, there that nobody sent.',
    title: () => 'every order is there exactly once',
    timeout: '60s',
  },
  'cache.fresh': {
    about: 'The newest backup of the cache is young enough.',
    title: () => 'the backup of the cache is fresh',
    timeout: '1m',
  },
  'cache.sound': {
    about: 'Redis’s own checkers pass the restored RDB and AOF.',
    title: () => 'the RDB and the AOF are whole',
    timeout: '10m',
  },
  'cache.equal': {
    about: 'Scratch servers on the restored RDB and on the AOF have every key that stood still when the backup was taken.',
    title: () => 'the restored keys are what they were',
    timeout: '30m',
  },
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
  'copy.timely': {
    about: 'What the measured restore says of one at production’s size against the recovery time objective, with what is assumed. Output: `estimatedMs`, `largestBytes`.',
    title: ({ rto }) => `a restore would take at most ${rto}`,
    timeout: '10s',
  },
  'rebuild.empty': {
    about: 'The machine is empty where a system is to come up from its backups: nothing lies at its root, nobody listens on its ports. Output: `freeBytes`.',
    title: ({ rebuild }) => `nothing is at ${rebuild.root}, and its ports are free`,
    timeout: '30s',
  },
  'rebuild.moment': {
    about: 'Fixes the moment at which the living system counts as lost: one more empty transaction is acknowledged there. Nothing is archived for it. Output: `lastWrite`, `atMs`.',
    title: () => 'from here on the living system counts as lost',
    timeout: '15s',
  },
  'rebuild.loss': {
    about: 'What the restored database lacks of what was acknowledged (RPA): the last write of the living system against the newest that is here. Asked before anybody writes to it. Output: `lostMs`.',
    title: () => 'no more is lost than the recovery point objective allows',
    timeout: '30s',
  },
  'rebuild.timely': {
    about: 'How long it took from the disaster to good smoke checks on the restored system (RTA), against the recovery time objective. Output: `tookMs`.',
    title: () => 'the system is back in time',
    timeout: '10s',
  },
}

/** `blind`: it could not be asked, or there was no data. Never a pass. */
export type CheckOutcome = 'pass' | 'fail' | 'blind'

/** What a check's activity returns; it never throws for a failed check. */
export interface CheckResult {
  outcome: CheckOutcome
  /** What was observed, one line with figures. */
  observed: string
  /** What was expected, one line. */
  expected: string
  output: Record<string, unknown>
  /** Of `canaries.compare` alone. */
  loss?: Loss
}
