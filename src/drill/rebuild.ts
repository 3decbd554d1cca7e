import type { Backup, Control, DatabaseCluster, SecretRef } from './environment.js'

/**
 * How an environment comes up on an empty machine from the backups of another one alone. The worker of its task queue sits on that
 * machine.
 */
export interface Rebuild {
  /** Everything that is put on the machine lies below it; absent or empty before, removed afterwards. */
  root: string
  /** Folders that must be there before a server starts, below the root. */
  folders: string[]
  /** The user of folders and data, where the worker is root. */
  runAs?: { uid: number, gid: number }
  /** What is called otherwise here than where it was backed up: paths, addresses, ports. Whole words, the longest first. */
  moved?: Moved[]
  /** Paths of the sealed configuration whose text is placed to the letter, such as passwords. */
  verbatim?: string[]
  database: RebuiltDatabase
  cache?: RebuiltCache
  /** In the order in which they are started. */
  services: RebuiltService[]
  /** The living system that this one stands in for: it is asked, and never touched. */
  source: { database: DatabaseCluster, backup: Backup }
}

export interface Moved { from: string, to: string }

export interface RebuiltDatabase {
  dataDir: string
  /** Folder of its socket. */
  socketDir: string
  port: number
  /** Its server writes no archive, follows nobody and waits for nobody; its log is in UTC and plain English, each line beginning with `%m [%p] `. */
  control: Control
  /** What the server writes; recovery is proven from it. */
  logFile: string
}

export interface RebuiltCache {
  dataDir: string
  host: string
  port: number
  password?: SecretRef
  /** It follows nobody. */
  control: Control
}

export interface RebuiltService {
  name: string
  control: Control
  /** Every port that it listens on. */
  ports: number[]
  /** What must be answered with 2xx; without it its first port accepts a connection. */
  ready?: string
}

/** The write of the living system that a restore is measured by: nothing was acknowledged after it. */
export interface LastWrite {
  /** Decimal, with epoch. */
  xid: string
  /** Where its commit record ends, at most. */
  lsn: string
  /** By the living server's clock, epoch ms. */
  committedAtMs: number
}

/** A path as it is called on the empty machine. */
export function movedPath ({ moved = [] }: Pick<Rebuild, 'moved'>, path: string): string {
  const found = longestFirst(moved).find(({ from }) => path === from || path.startsWith(`${from}/`))
  return found ? `${found.to}${path.slice(found.from.length)}` : path
}

/** A text in which everything that moved is called as it is here. One pass: what was put in is not looked at again. */
export function movedText ({ moved = [] }: Pick<Rebuild, 'moved'>, text: string): string {
  if (moved.length === 0) return text
  const to = new Map(moved.map(one => [one.from, one.to]))
  // A whole word: 2000 does not stand in 20001, nor /srv/shop in /srv/shop2.
  const words = longestFirst(moved).map(({ from }) => from.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text.replaceAll(new RegExp(`(?<![\\w-])(${words})(?![\\w-])`, 'g'), word => to.get(word)!)
}

/** Every port that must be free before anything is started. */
export function portsOf ({ database, cache, services }: Pick<Rebuild, 'database' | 'cache' | 'services'>): number[] {
  return [...new Set([database.port, ...(cache ? [cache.port] : []), ...services.flatMap(({ ports }) => ports)])]
}

/** Whether a secret comes with the sealed configuration, so that it cannot be there before. */
export function isBrought (rebuild: Pick<Rebuild, 'root'> | undefined, ref: string): boolean {
  return rebuild !== undefined && ref.startsWith(`file:${rebuild.root}/`)
}

function longestFirst (moved: readonly Moved[]): Moved[] {
  return [...moved].sort((a, b) => b.from.length - a.from.length)
}
