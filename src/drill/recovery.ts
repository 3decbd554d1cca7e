import type { Duration } from './duration.js'
import type { SecretRef } from './environment.js'

/**
 * What is backed up beside the database, and where: files, configuration with secrets, the cache. All of it is reached on the
 * worker's own machine: a worker of the environment's task queue sits where the data is.
 */
export interface Recovery {
  files?: FileStore
  configuration?: SealedConfiguration
  cache?: CacheStore
}

/** The allow-list: the programs that may be run, by name. */
export type ToolTable = Record<string, { path: string, env?: Record<string, string> }>

/** Application files and static assets, in a restic repository. */
export interface FileStore {
  /** The folders that are backed up, absolute. */
  paths: string[]
  /** The repository's folder and its password. */
  repository: string
  password: SecretRef
  /** Folder for copies; its own, and made where it is missing. */
  scratchDir: string
  /** How old the newest backup may be. */
  maxAge: Duration
  /** What need not come back as it was, each with its reason. */
  exceptions?: FileException[]
  /** restic, mtree, getfacl, getfattr and rsync. */
  tools: ToolTable
}

export interface FileException {
  /** Absolute path; with a `/` at its end, everything under it. */
  path: string
  reason: string
}

/** Environment variables, compose files, certificates, passwords: one file, sealed to two keys. */
export interface SealedConfiguration {
  /** Files and folders that are sealed, absolute. */
  paths: string[]
  /** The sealed file. */
  file: string
  /** Public keys: of whoever operates the system, and of the escrow that outlives everybody. */
  recipients: { operator: string, escrow: string }
  /** The secret key that opens it: the escrow's, for a drill that proves something. */
  identity: SecretRef
  /** Must be a folder of a memory file system. Default /dev/shm. */
  memoryDir?: string
  /** age. */
  tools: ToolTable
}

/** A Redis server's data, in a restic repository. */
export interface CacheStore {
  /** The server that is backed up. Its data folder is read on the worker's machine. */
  host: string
  port: number
  password?: SecretRef
  repository: string
  repositoryPassword: SecretRef
  scratchDir: string
  maxAge: Duration
  /** The user of a scratch server, where the worker is root. */
  runAs?: { uid: number, gid: number }
  /** restic, redis-server, redis-check-rdb and redis-check-aof. */
  tools: ToolTable
}
