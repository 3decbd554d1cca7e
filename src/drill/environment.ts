import type { Duration } from './duration.js'
import type { Limits } from './limits.js'
import type { Rebuild } from './rebuild.js'
import type { Recovery } from './recovery.js'

/**
 * The inventory of a system under drill, as `runbooks/environments/NAME.yaml` holds it. It is part of a drill's input and so of
 * its history: secrets are references only.
 */
export interface Environment {
  name: string
  title?: string
  tier: Tier
  /** Task queue of the workers that sit in this environment's network; default `muster`. */
  taskQueue?: string
  /** Targets of the system as a whole; a runbook may set tighter ones. */
  objectives?: Objectives
  /** How far a drill may go here. */
  limits?: Limits
  /** Whether an unverified break-glass signal counts as a decision here. Default false. */
  breakGlass?: boolean
  database?: DatabaseCluster
  cache?: CacheCluster
  api?: ApiService
  monitoring?: Monitoring
  recovery?: Recovery
  /** How it comes up on an empty machine from the backups of another environment alone. */
  rebuild?: Rebuild
  /** What load may be put on it; without it none. */
  load?: LoadAllowance
  backup?: Backup
  /** File systems that a full disk would hurt, by name: `data`, `wal`, `log`, `repository`. */
  volumes?: Record<string, Volume>
  /** Webhooks that `notify` steps post to, by name. */
  channels?: Record<string, { webhook: SecretRef }>
  /** What smoke suites are told of this environment. */
  smoke?: { suite?: string, params?: Record<string, string | number | boolean> }
  /** When no drill may start, e.g. a freeze: ISO times. */
  blackouts?: Array<{ from: string, to: string, reason: string }>
}

/** `spare`: an empty machine, on which another environment comes up from its backups (`rebuild`). */
export const tiers = ['lab', 'staging', 'dr', 'spare', 'production'] as const
export type Tier = typeof tiers[number]
/** A place by its tier or by its name. */
export const placePattern = `^(tier:(${tiers.join('|')})|[a-z0-9][a-z0-9-]{0,62})$`
export const tierPlaces = tiers.map(tier => `tier:${tier}`).join(', ')

/** Where a secret is to be found by the activity that needs it: `env:NAME` or `file:PATH`. Never the secret itself. */
export type SecretRef = string

export interface Objectives {
  /** Recovery time objective: the longest outage that is acceptable. */
  rto: Duration
  /** Recovery point objective: how much committed data may be lost, as a time. `0s` = no acknowledged write. */
  rpo: Duration
}

/** How Muster reaches the machine or process behind a component. One implementation a kind, in src/control. */
export type Control = ProcessControl | DockerControl

export interface ProcessControl {
  kind: 'process'
  /** File whose first line is the process id (postmaster.pid, nginx.pid, …). */
  pidFile: string
  /** Text that must stand in the process's command line, so that a recycled pid is never signalled: a path of ours. */
  match: string
  start: { command: string, args: string[], cwd?: string, env?: Record<string, string>, uid?: number, gid?: number, log?: string }
  /** Signal of an orderly stop. Default SIGTERM (PostgreSQL's fast stop is SIGINT). */
  stopSignal?: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'
  /** File that the start needs; a blocked component has it renamed to `NAME.blocked`, so nobody can start it. */
  blockFile?: string
  /** Files that an unclean death leaves and that prevent a restart (lock files, sockets). Removed before a start, once the process is proven dead. */
  staleFiles?: string[]
  /** The allow-list: commands that may be run beside this component, by name, with their absolute path. */
  tools?: Record<string, { path: string, env?: Record<string, string> }>
}

export interface DockerControl {
  kind: 'docker'
  /** Unix socket of the engine. Default /var/run/docker.sock. */
  socket?: string
  /** The container that carries all of these labels; exactly one must. */
  labels: Record<string, string>
  /** The allow-list: programs that may be run inside the container, by name. */
  tools?: Record<string, { path: string, env?: Record<string, string> }>
}

export interface PostgresNode {
  name: string
  host: string
  port: number
  /** A role that may promote, checkpoint, read the WAL directory and set synchronous_standby_names. */
  user: string
  password?: SecretRef
  database: string
  dataDir: string
  configFile?: string
  /** How this node connects to the other one as a standby: the slot it uses there. */
  slot: string
  /** A role on the other node that pg_rewind may connect as. */
  rewindUser?: string
  control: Control
}

export interface HaproxyControl {
  /** Path of the admin socket. */
  socket: string
  backend: string
  /** File that HAProxy loads at start, so that a restart keeps the switch. */
  stateFile?: string
}

export interface DatabaseCluster {
  /** The door that the application writes through, and so the probe and the canaries. */
  endpoint: { host: string, port: number, user: string, password?: SecretRef, database: string }
  /** The first one is the home primary, the second its standby. */
  nodes: PostgresNode[]
  loadBalancer: HaproxyControl
  /** Whether commits wait for the standby: what the configuration promises. */
  synchronous: boolean
  /** Whether a drill may leave the roles swapped. Default false: it fails back. */
  swappedRolesAllowed?: boolean
  /** Links that a drill may cut, by name (`replication`, `api`). */
  links?: Record<string, Link>
  /** Business invariants: each SQL answers one row with one boolean. */
  invariants?: Array<{ name: string, sql: string }>
  /** Columns that a recovery drill may damage, and of which rows can be handed back from a copy. */
  columns?: GuardedColumn[]
}

export interface GuardedColumn {
  name: string
  /** `table` or `schema.table`. */
  table: string
  /** Column that tells the rows apart. */
  key: string
  column: string
  /** What a damaged row holds, and nearly no good one. */
  damagedTo: number
}

/** One proxy of a Toxiproxy. */
export interface Link {
  toxiproxy: string
  proxy: string
}

export interface CacheNode {
  name: string
  host: string
  port: number
  password?: SecretRef
  /** Where this node reaches the other one when it follows it. Default: the other one's own address. */
  follows?: { host: string, port: number }
  /** However it is started, it must come up as a replica: nothing but an explicit command makes a primary. */
  control: Control
}

export interface CacheCluster {
  /** The first one is the home primary, the second its replica. */
  nodes: CacheNode[]
  /** The door that the application uses, and so the probe. */
  endpoint: { host: string, port: number, password?: SecretRef }
  /** The proxy that is this door: a drill moves it by its upstream. */
  loadBalancer?: Link
  links?: Record<string, Link>
  /** Pages of the service that come out of the cache, each with the truth: SQL that answers one row with one value, the page's JSON. */
  pages?: CachedPage[]
}

export interface CachedPage { name: string, path: string, sql: string }

export interface ApiService {
  /** Where its users reach it, or `env:NAME` where that stands. */
  url: string
  /** Certificate authority of that address, as a file on the worker. */
  caFile?: string
  instances: ApiInstance[]
  /** The same without encryption: it must lead to `url`. */
  plainUrl?: string
  /** A token that reads, for services whose tokens are given out by hand. */
  token?: SecretRef
  /** A customer that exists for drills: its orders stay. */
  customer?: Customer
  /** What it refuses when it comes too often. */
  limit?: LimitedCall
  /** Synthetic people whom smoke checks and load log in as, by role: `customer`, `admin`. */
  accounts?: Record<string, { email: string, password: SecretRef }>
}

/** A POST that is refused with 429 and `Retry-After` when it comes too often for one value of a field of its JSON, e.g. a mail address. */
export interface LimitedCall { path: string, field: string }

export interface ApiInstance { name: string, url: string, control: Control }

/** Who orders during a drill, at a service that speaks as the lab's storefront does (docs/lab.md). */
export interface Customer {
  email: string
  password: SecretRef
  /** Ids of six products of which there is plenty: what is ordered of each tells one order of a drill from another. */
  products: number[]
}

export interface Monitoring {
  prometheus: string
  alertmanager?: string
  /** `host:port` on the worker where Alertmanager delivers alerts that carry the label `muster_smoke`. */
  alertReceiver?: string
  grafana?: { url: string, token?: SecretRef }
  /** A log store that speaks Elasticsearch's protocol. */
  logs?: { url: string, index: string, token?: SecretRef }
}

/** What load an environment stands, and what is watched meanwhile. */
export interface LoadAllowance {
  /** The hosts that may be loaded, and no others: names or addresses as they stand in the addresses of services. */
  hosts: string[]
  /** Default 500. */
  requestsPerSecond?: number
  /** Longest run. Default 2h. */
  runTime?: Duration
  /** Series of Prometheus that are read for the time of a run. */
  watch?: Array<{ name: string, query: string, unit: WatchUnit }>
}

/** A file system of the machine that the worker runs on. A drill fills it only where it is one of its own. */
export interface Volume {
  /** Its mount point. */
  path: string
}

export const watchUnits = ['bytes', 'ratio', 'seconds', 'count', 'perSecond'] as const
export type WatchUnit = typeof watchUnits[number]

/**
 * The database's backups, as the machine of the worker reaches them: its tools read the repository and start copies beside it, in a
 * folder that is used for nothing else.
 */
export interface Backup {
  /** pgBackRest's stanza. */
  stanza: string
  /** pgBackRest's configuration. */
  configFile: string
  /** Passphrase of the repository, where the configuration does not hold it. */
  cipherPass?: SecretRef
  /** Folder for copies. It belongs to `runAs`. */
  scratchDir: string
  /** The user of pgBackRest and of the copies' servers, where the worker is root. */
  runAs?: { uid: number, gid: number }
  /** pgbackrest, postgres, pg_controldata, pg_waldump, pg_amcheck, pg_checksums and pg_dump. */
  tools: Record<string, { path: string, env?: Record<string, string> }>
  policy: BackupPolicy
}

export interface BackupPolicy {
  /** The newest backup of any type is at most this old … */
  maxAge: Duration
  /** … and the newest full one this. */
  fullMaxAge: Duration
  /** How much the size of the newest backup may differ from the median of the earlier ones of its type, as a factor. Default 3. */
  sizeFactor?: number
  /** How many times the median of the earlier ones of its type the newest backup may take. Default 5. */
  timeFactor?: number
}
