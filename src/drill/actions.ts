import type { Duration } from './duration.js'
import type { ApiService, Backup, CacheCluster, Control, DatabaseCluster, GuardedColumn, Link, Volume } from './environment.js'
import type { Copy } from './copy.js'
import type { Reverted } from './lease.js'
import type { Hit } from './limits.js'
import type { CacheStore, FileStore, SealedConfiguration } from './recovery.js'
import type { BackupType } from './backup.js'
import type { RecoveryTarget } from './target.js'

/** What each action takes. The runbook schema is checked against these types by the compiler. */
export interface ActionInputs {
  'postgres.break': { database: DatabaseCluster, node: string, fault: 'kill' | 'kill-postmaster' | 'freeze' }
  'postgres.fence': { database: DatabaseCluster, node: string }
  'postgres.promote': { database: DatabaseCluster, node: string }
  'postgres.release': { database: DatabaseCluster }
  'postgres.turnWal': { database: DatabaseCluster, segments: number }
  'haproxy.switch': { database: DatabaseCluster, to: string }
  'api.break': { api: ApiService, instance: string, fault: 'kill' | 'hang' }
  'api.crashLoop': { api: ApiService, instance: string, for: Duration }
  'redis.break': { cache: CacheCluster, node: string, fault: 'kill' | 'hang' }
  'redis.flush': { cache: CacheCluster }
  'redis.fence': { cache: CacheCluster, node: string }
  'redis.promote': { cache: CacheCluster, node: string }
  'redis.switch': { cache: CacheCluster, to: string }
  'toxiproxy.cut': { link: Link }
  /** `way`: forth is from whoever opens the connection. `latency`: for `how: latency`. */
  'link.break': { link: Link, how: 'cut' | 'blackhole' | 'latency', way: 'both' | 'forth' | 'back', latency?: Duration }
  /** `leave`: percent of the volume that stay free. `database`: what dies of it and is to be brought back. */
  'disk.fill': { volumes: Record<string, Volume>, volume: string, leave: number, database?: DatabaseCluster }
  'component.kill': { component: { name: string, control: Control } }
  'component.freeze': { component: { name: string, control: Control } }
  'files.backup': { files: FileStore }
  /** `snapshot`: its id or the beginning of it; without it the newest. */
  'files.restore': { files: FileStore, snapshot?: string }
  'configuration.seal': { configuration: SealedConfiguration }
  'configuration.open': { configuration: SealedConfiguration }
  'cache.backup': { cache: CacheStore }
  'cache.restore': { cache: CacheStore, snapshot?: string }
  /** `lockWithinMs`: how long another run may hold the stanza; default 10 min. */
  'backup.take': { backup: Backup, type: BackupType, lockWithinMs?: number }
  /** Without a `set` the newest sound one, or the newest before the target; without a target to the end of the archive. */
  'backup.restore': { backup: Backup, database: DatabaseCluster, set?: string, target?: RecoveryTarget, pause?: boolean }
  'copy.promote': { copy: Copy, database: DatabaseCluster, backup: Backup }
  'rows.damage': { database: DatabaseCluster, column: GuardedColumn }
  /** `xid`: the transaction that did the damage. */
  'rows.handBack': { database: DatabaseCluster, copy: Copy, column: GuardedColumn, xid: string }
  /** Made by the drill itself for a runbook that observes canaries: the table they are written to. */
  'canaries.prepare': { database: DatabaseCluster }
}

export type ActionName = keyof ActionInputs

/** What is known of an action without running it: for plans, Temporal's UI, timeouts and the report. Pure. */
export interface ActionFacts<Input> {
  /** What it does, for the reference. */
  about: string
  /** One line of what it will do. */
  title: (input: Input) => string
  /** One line of what its undo will do. */
  undoTitle: (input: Input) => string
  /** What a person should run when the undo could not be proven. */
  byHand: (input: Input) => string
  /** It breaks something: the probe must see the effect, else the drill is `invalid`. */
  isFault?: boolean
  /** Touches a place of its own only, nothing of the environment: a runbook that is readOnly may do it. */
  isBeside?: boolean
  /** What it takes away from its users until it is undone: it counts for the blast radius. */
  hits?: (input: Input) => Hit[]
  /** Its undo comes before all others: they may need it, and it harms nobody at any time. */
  healsFirst?: boolean
  /** It holds a lease: its undo is right at any moment, whoever calls it, so the watchdog reverts it when nobody renews. */
  isLeased?: boolean
  /** Longest single try, as a duration. */
  timeout: string
  undoTimeout: string
}

export const actionCatalog: { [A in ActionName]: ActionFacts<ActionInputs[A]> } = {
  'postgres.break': {
    about: 'Breaks a PostgreSQL server: SIGKILL of the whole process tree (`kill`), of the postmaster alone (`kill-postmaster`), or SIGSTOP of the tree (`freeze`).',
    title: ({ node, fault }) => `${fault} PostgreSQL ${node}`,
    undoTitle: ({ node }) => `bring ${node} back: as it was, or as a standby where another node was promoted`,
    byHand: ({ node }) => `start PostgreSQL ${node}; if another node is primary now, pg_rewind ${node} from it first and start it as a standby`,
    isFault: true,
    isLeased: true,
    hits: ({ node }) => [{ kind: 'database', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'postgres.fence': {
    about: 'Makes sure that a server takes no write any more: HAProxy maintenance, sessions cut, every process dead, start prevented.',
    title: ({ node }) => `fence ${node}`,
    undoTitle: ({ node }) => `let ${node} start again: as primary where none was promoted, else as a standby`,
    byHand: ({ node }) => `rename the blocked configuration file of ${node} back, then bring it back as a standby of the present primary`,
    hits: ({ node }) => [{ kind: 'database', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'postgres.promote': {
    about: 'Promotes a standby. Refuses while any other node could still take writes.',
    title: ({ node }) => `promote ${node}`,
    undoTitle: ({ database }) => database.swappedRolesAllowed ? 'nothing: roles may stay swapped here' : `fail back to ${database.nodes[0]?.name ?? 'the home primary'}`,
    byHand: ({ database }) => `make ${database.nodes[0]?.name ?? 'the home primary'} a streaming standby, stop the present primary, promote it, and switch HAProxy`,
    timeout: '40s',
    undoTimeout: '90s',
  },
  'postgres.release': {
    about: 'Lets commits go on without the synchronous standby: what they write from then on is on one node alone.',
    title: () => 'let commits go on without the standby',
    undoTitle: () => 'make commits wait for the standby again, once it streams',
    byHand: ({ database }) => `on the primary: alter system set synchronous_standby_names = '${database.nodes[1]?.name ?? 'STANDBY'}'; select pg_reload_conf()`,
    timeout: '10s',
    undoTimeout: '60s',
  },
  'postgres.turnWal': {
    about: 'Closes WAL segments, one after another, so that the server must make new ones: what its traffic does in time. It ends early where the server does. Output: `closed`.',
    title: ({ segments }) => `close ${segments} WAL segments`,
    undoTitle: () => 'nothing: they are archived and used again',
    byHand: () => 'nothing is to be done',
    timeout: '60s',
    undoTimeout: '10s',
  },
  'haproxy.switch': {
    about: 'Moves the database endpoint to one server, ends sessions on the others, and keeps the switch over a restart of HAProxy.',
    title: ({ to }) => `move the database endpoint to ${to}`,
    undoTitle: () => 'point the database endpoint at whichever node is primary',
    byHand: ({ database }) => `on HAProxy’s socket ${database.loadBalancer.socket}: set server ${database.loadBalancer.backend}/NODE state ready for the primary, maint for the others`,
    timeout: '10s',
    undoTimeout: '20s',
  },
  'api.break': {
    about: 'Breaks one instance of the service: SIGKILL (`kill`) or SIGSTOP (`hang`) of its process tree. Its undo is proven by the instance’s own word that it is ready.',
    title: ({ instance, fault }) => `${fault} ${instance}`,
    undoTitle: ({ instance }) => `bring ${instance} back, until it says that it is ready`,
    byHand: ({ instance }) => `send SIGCONT to every process of ${instance}, or start it where it is dead`,
    isFault: true,
    isLeased: true,
    hits: ({ instance }) => [{ kind: 'api', name: instance }],
    timeout: '15s',
    undoTimeout: '45s',
  },
  'api.crashLoop': {
    about: 'Kills one instance of the service, starts it, and kills it again, until the time is over; then it stays dead.',
    title: ({ instance, for: length }) => `crash ${instance} again and again for ${length}`,
    undoTitle: ({ instance }) => `bring ${instance} back, until it says that it is ready`,
    byHand: ({ instance }) => `start ${instance}`,
    isFault: true,
    isLeased: true,
    hits: ({ instance }) => [{ kind: 'api', name: instance }],
    timeout: '90s',
    undoTimeout: '45s',
  },
  'redis.break': {
    about: 'Breaks a Redis server: SIGKILL (`kill`) or SIGSTOP (`hang`).',
    title: ({ node, fault }) => `${fault} Redis ${node}`,
    undoTitle: ({ node }) => `bring ${node} back: as it was, or as a replica where another node was promoted`,
    byHand: ({ cache, node }) => `start Redis ${node}; if another node is primary now, REPLICAOF it on ${node}, else REPLICAOF NO ONE on ${cache.nodes[0]?.name ?? 'the home primary'}`,
    isFault: true,
    isLeased: true,
    hits: ({ node }) => [{ kind: 'cache', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.flush': {
    about: 'Empties the cache (`FLUSHALL` on its primary). What was in it is gone, sessions too.',
    title: () => 'flush the cache',
    undoTitle: () => 'prove that the cache takes entries again; what was in it is gone',
    byHand: () => 'nothing: entries come back as they are asked for',
    isFault: true,
    timeout: '15s',
    undoTimeout: '20s',
  },
  'redis.fence': {
    about: 'Makes sure that a Redis server takes no write any more: killed, its start prevented.',
    title: ({ node }) => `fence ${node}`,
    undoTitle: ({ node }) => `let ${node} start again: as primary where none was promoted, else as a replica`,
    byHand: ({ node }) => `rename the blocked configuration file of ${node} back, start it, and REPLICAOF the present primary on it`,
    hits: ({ node }) => [{ kind: 'cache', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.promote': {
    about: 'Promotes a Redis replica. Refuses while any other node could still take writes.',
    title: ({ node }) => `promote ${node}`,
    undoTitle: ({ cache }) => `fail back to ${cache.nodes[0]?.name ?? 'the home primary'}`,
    byHand: ({ cache }) => `make ${cache.nodes[0]?.name ?? 'the home primary'} a replica of the present primary, FAILOVER TO it, and move the endpoint`,
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.switch': {
    about: 'Moves the cache’s endpoint to one server. Open connections end.',
    title: ({ to }) => `move the cache’s endpoint to ${to}`,
    undoTitle: () => 'point the cache’s endpoint at whichever node is primary',
    byHand: ({ cache }) => `POST {"upstream":"HOST:PORT of the primary"} to ${cache.loadBalancer ? `${cache.loadBalancer.toxiproxy}/proxies/${cache.loadBalancer.proxy}` : 'the proxy in front of the cache'}`,
    timeout: '10s',
    undoTimeout: '20s',
  },
  'toxiproxy.cut': {
    about: 'Cuts one link: open connections are closed, new ones refused.',
    title: ({ link }) => `cut link ${link.proxy}`,
    undoTitle: ({ link }) => `heal link ${link.proxy}`,
    byHand: ({ link }) => `POST {"enabled":true} to ${link.toxiproxy}/proxies/${link.proxy}`,
    healsFirst: true,
    isLeased: true,
    hits: ({ link }) => [{ kind: 'link', name: link.proxy }],
    timeout: '10s',
    undoTimeout: '20s',
  },
  'link.break': {
    about: 'Breaks one link: `cut` (connections end, new ones are refused), `blackhole` (what is sent is swallowed) or `latency`, both ways or one.',
    title: ({ link, how, way, latency }) => `${how === 'latency' ? `slow down link ${link.proxy} by ${latency}` : `${how} link ${link.proxy}`}${way === 'both' ? '' : `, ${way} only`}`,
    undoTitle: ({ link }) => `heal link ${link.proxy}`,
    byHand: ({ link }) => `DELETE ${link.toxiproxy}/proxies/${link.proxy}/toxics/muster-forth and …/muster-back, and POST {"enabled":true} to ${link.toxiproxy}/proxies/${link.proxy}`,
    isFault: true,
    isLeased: true,
    healsFirst: true,
    hits: ({ link }) => [{ kind: 'link', name: link.proxy }],
    timeout: '10s',
    undoTimeout: '20s',
  },
  'disk.fill': {
    about: 'Fills a volume with a file until so much of it is left; never one that is no mount point of its own. Output: `ballastBytes`, `freeBytes`.',
    title: ({ volume, leave }) => leave === 0 ? `fill volume ${volume} to the end` : `fill volume ${volume} until ${leave} % are free`,
    undoTitle: ({ volume, database }) => `take the ballast off volume ${volume}${database ? ', and bring the database back' : ''}`,
    byHand: ({ volumes, volume, database }) => `remove ${volumes[volume]?.path}/muster-ballast-*${database ? ', and start the PostgreSQL server that died of it' : ''}`,
    isFault: true,
    isLeased: true,
    hits: ({ volume }) => [{ kind: 'volume', name: volume }],
    timeout: '30s',
    undoTimeout: '60s',
  },
  'component.kill': {
    about: 'SIGKILL of a component’s process tree.',
    title: ({ component }) => `kill ${component.name}`,
    undoTitle: ({ component }) => `start ${component.name} again`,
    byHand: ({ component }) => `start ${component.name}`,
    isFault: true,
    isLeased: true,
    hits: ({ component }) => [{ kind: 'component', name: component.name }],
    timeout: '15s',
    undoTimeout: '30s',
  },
  'component.freeze': {
    about: 'SIGSTOP of a component’s process tree.',
    title: ({ component }) => `freeze ${component.name}`,
    undoTitle: ({ component }) => `thaw ${component.name}`,
    byHand: ({ component }) => `send SIGCONT to every process of ${component.name}`,
    isFault: true,
    isLeased: true,
    hits: ({ component }) => [{ kind: 'component', name: component.name }],
    timeout: '15s',
    undoTimeout: '30s',
  },
  'files.backup': {
    about: 'Backs up the files of the environment with restic, with notes of every mode, owner, ACL, attribute and link beside them. Output: `snapshot`, `files`, `bytes`.',
    title: ({ files }) => `back up ${files.paths.join(', ')}`,
    undoTitle: () => 'nothing but notes: the backup stays',
    byHand: ({ files }) => `remove the folders muster-* of this drill in ${files.scratchDir}`,
    timeout: '1h',
    undoTimeout: '30s',
  },
  'files.restore': {
    about: 'Restores a backup of files to a folder of its own and compares each file with the repository’s checksums. Output: `folder`, `snapshot`, `files`, `bytes`, `seconds`.',
    title: ({ snapshot }) => `restore the files of backup ${snapshot ?? '(the newest)'} to a scratch folder`,
    undoTitle: () => 'remove the restored files',
    byHand: ({ files }) => `remove the folders muster-* of this drill in ${files.scratchDir}`,
    timeout: '4h',
    undoTimeout: '10m',
  },
  'configuration.seal': {
    about: 'Seals configuration and secrets into one file that the operator’s and the escrow’s key open. Output: `file`, `sealedAt`.',
    title: ({ configuration }) => `seal the configuration into ${configuration.file}`,
    undoTitle: () => 'nothing but a half-sealed file: the sealed one stays',
    byHand: ({ configuration }) => `remove ${configuration.file}.new, and the folders muster-* of this drill in ${configuration.memoryDir ?? '/dev/shm'}`,
    timeout: '5m',
    undoTimeout: '30s',
  },
  'configuration.open': {
    about: 'Opens the sealed configuration in memory, to be compared or restored from. Output: `folder`, `sealedAt`.',
    title: ({ configuration }) => `open ${configuration.file} in memory`,
    undoTitle: () => 'wipe the opened secrets',
    byHand: ({ configuration }) => `remove the folders muster-* of this drill in ${configuration.memoryDir ?? '/dev/shm'}`,
    timeout: '5m',
    undoTimeout: '30s',
  },
  'cache.backup': {
    about: 'Backs a Redis server up: a fresh RDB, the AOF, both passed by Redis’s own checkers, and digests of the keys that stood still meanwhile. Output: `snapshot`, `keys`, `moving`.',
    title: ({ cache }) => `back up Redis at ${cache.host}:${cache.port}`,
    undoTitle: () => 'nothing but a copy: the backup stays',
    byHand: ({ cache }) => `remove the folders muster-* of this drill in ${cache.scratchDir}`,
    timeout: '30m',
    undoTimeout: '30s',
  },
  'cache.restore': {
    about: 'Restores a backup of a Redis server to a folder of its own. Output: `folder`, `snapshot`, `bytes`, `seconds`.',
    title: ({ snapshot }) => `restore backup ${snapshot ?? '(the newest)'} of the cache to a scratch folder`,
    undoTitle: () => 'end scratch servers and remove the restored cache',
    byHand: ({ cache }) => `end every redis-server that serves a folder muster-* of this drill in ${cache.scratchDir}, and remove those folders`,
    timeout: '1h',
    undoTimeout: '1m',
  },
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
  'rows.damage': {
    about: 'Sets a column to one value in every row, as an `update` without its `where` does, and keeps what was there. Output: `xid`, `rows`.',
    title: ({ column }) => `set ${column.table}.${column.column} to ${column.damagedTo} in every row`,
    undoTitle: ({ column }) => `bring back what rows of ${column.table} held that are still damaged`,
    byHand: ({ database, column }) => `in database ${database.endpoint.database}: update ${column.table} t set ${column.column} = s.value from muster_damage.saved s where t.${column.key} = s.key and t.${column.column} = ${column.damagedTo}; then drop schema muster_damage cascade`,
    isFault: true,
    isLeased: true,
    timeout: '2m',
    undoTimeout: '2m',
  },
  'rows.handBack': {
    about: 'Gives rows that one transaction damaged back what they hold on a copy, in one transaction. Rows that were written since are left. Output: `rows`, `absent`.',
    title: ({ column }) => `hand the rows of ${column.table} back from the copy`,
    undoTitle: () => 'nothing: rows that were handed back stay so',
    byHand: () => 'nothing: rows that were handed back stay so',
    timeout: '1h',
    undoTimeout: '10s',
  },
  'canaries.prepare': {
    about: 'Makes the table that canaries are written to.',
    title: () => 'make the canary table',
    undoTitle: () => 'drop the canary table',
    byHand: ({ database }) => `drop schema if exists muster_canary cascade, in database ${database.endpoint.database}`,
    timeout: '10s',
    undoTimeout: '20s',
  },
}

function targetText ({ time, xid, lsn, name, inclusive = true }: RecoveryTarget): string {
  const what = time ?? (xid !== undefined ? `transaction ${xid}` : lsn !== undefined ? `position ${lsn}` : `restore point ${name}`)
  return `${inclusive ? 'up to' : 'just before'} ${what}`
}

/** What an action's activity returns. */
export interface ActionResult {
  /** One line of what was done, with figures. */
  summary: string
  /** For `{{ steps.ID.output.x }}`. Never a secret. */
  output: Record<string, unknown>
  /** For a fault: when it struck, epoch ms of the worker's clock. */
  faultAtMs?: number
}

export interface ActivityContextInput<Input> {
  drillId: string
  stepId: string
  with: Input
  /** Of a leased action: how long its fault stays when nothing renews it. */
  leaseMs?: number
  /** Of a leased action: how long its fault stays at most, however often it is renewed. */
  mostMs?: number
}

/** What an undo's activity returns, only once its verification has passed; it throws otherwise and is retried. */
export interface UndoResult {
  /** `already`: the verification passed before anything was done. */
  state: 'already' | 'undone'
  summary: string
  /** The watchdog had undone it before: its record. */
  reverted?: Reverted
  /** Of a leased action: this machine never had its lease, so whether a watchdog elsewhere reverted it is not known. */
  leaseUnknown?: boolean
}
