import type { Backup } from '../environment.js'
import type { Rebuild } from '../rebuild.js'
import type { FileStore } from '../recovery.js'
import type { ActionCatalog } from './facts.js'

/** What actions that bring a whole system up on an empty machine take. */
export interface RebuildInputs {
  /** `folder`: where `configuration.open` put it. */
  'rebuild.configure': { rebuild: Rebuild, folder: string }
  'rebuild.database': { rebuild: Rebuild, backup: Backup }
  /** `folder`: where `files.restore` put them, and `cache.restore` it. */
  'rebuild.files': { rebuild: Rebuild, files: FileStore, folder: string }
  'rebuild.cache': { rebuild: Rebuild, folder: string }
  'rebuild.services': { rebuild: Rebuild }
}

export const rebuildActions: ActionCatalog<RebuildInputs> = {
  'rebuild.configure': {
    about: 'Takes the empty machine and puts the opened configuration where it belongs there, with what is called otherwise. Output: `files`, `changed`.',
    title: ({ rebuild }) => `put configuration and secrets below ${rebuild.root}`,
    undoTitle: ({ rebuild }) => `remove everything below ${rebuild.root}`,
    byHand: ({ rebuild }) => `end every process that works below ${rebuild.root}, and remove that folder`,
    timeout: '5m',
    undoTimeout: '5m',
  },
  'rebuild.database': {
    about: 'Restores the newest backup on the empty machine, recovers it to the end of the archive, and starts it under its own server. Output: `copy`, `tookMs`, `bytes`, `replayedBytes`.',
    title: ({ rebuild }) => `restore the newest backup of the database to ${rebuild.database.dataDir}`,
    undoTitle: () => 'remove the restored database: server and files',
    byHand: ({ rebuild }) => `stop the server of ${rebuild.database.dataDir} and remove that folder`,
    timeout: '12h',
    undoTimeout: '5m',
  },
  'rebuild.files': {
    about: 'Moves restored files to where the services of the empty machine look for them.',
    title: ({ files }) => `put the restored ${files.paths.join(', ')} in place`,
    undoTitle: () => 'remove the files that were put in place',
    byHand: ({ rebuild }) => `remove what was restored below ${rebuild.root}`,
    timeout: '5m',
    undoTimeout: '10m',
  },
  'rebuild.cache': {
    about: 'Starts the cache of the empty machine on its restored data, and asks it for every key that stood still when it was backed up. Output: `keys`, `compared`.',
    title: () => 'start the cache on its restored data',
    undoTitle: () => 'remove the restored cache: server and files',
    byHand: ({ rebuild }) => `stop the server of ${rebuild.cache?.dataDir ?? 'the cache'} and remove that folder`,
    timeout: '30m',
    undoTimeout: '1m',
  },
  'rebuild.services': {
    about: 'Starts the services of the empty machine one after another, each once the one before it answers. Output: `services`.',
    title: ({ rebuild }) => `start ${rebuild.services.map(({ name }) => name).join(', ')}`,
    undoTitle: ({ rebuild }) => `end ${rebuild.services.map(({ name }) => name).join(', ')}`,
    byHand: ({ rebuild }) => `end ${rebuild.services.map(({ name }) => name).join(', ')} below ${rebuild.root}`,
    timeout: '30m',
    undoTimeout: '1m',
  },
}
