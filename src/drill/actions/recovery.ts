import type { CacheStore, FileStore, SealedConfiguration } from '../recovery.js'
import type { ActionCatalog } from './facts.js'

/** What actions that back up and restore what is not the database: files, configuration, cache take. */
export interface RecoveryInputs {
  'files.backup': { files: FileStore }
  /** `snapshot`: its id or the beginning of it; without it the newest. */
  'files.restore': { files: FileStore, snapshot?: string }
  'configuration.seal': { configuration: SealedConfiguration }
  'configuration.open': { configuration: SealedConfiguration }
  'cache.backup': { cache: CacheStore }
  'cache.restore': { cache: CacheStore, snapshot?: string }
}

export const recoveryActions: ActionCatalog<RecoveryInputs> = {
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
}
