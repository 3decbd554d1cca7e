import type { CacheStore, FileStore, SealedConfiguration } from '../recovery.js'
import type { CheckCatalog } from './facts.js'

/** What checks of backups of files, configuration and cache take. */
export interface RecoveryCheckInputs {
  'files.fresh': { files: FileStore }
  'files.sound': { files: FileStore }
  /** `folder`: where `files.restore` put them. `source`: whether the source still stands, to be compared with too. */
  'files.equal': { files: FileStore, folder: string, source?: boolean }
  /** `folder`: where `configuration.open` put it. `live`: whether the system still stands, to be compared with too. */
  'configuration.equal': { configuration: SealedConfiguration, folder: string, live?: boolean }
  'cache.fresh': { cache: CacheStore }
  /** `folder`: where `cache.restore` put it. */
  'cache.sound': { cache: CacheStore, folder: string }
  'cache.equal': { cache: CacheStore, folder: string }
}

export const recoveryChecks: CheckCatalog<RecoveryCheckInputs> = {
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
}
