import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { CacheStore } from '../../src/drill/recovery.js'
import { DrillError } from '../../src/errors.js'
import type { Action } from '../action.js'
import { cacheName, cacheTag, keysName, repositoryOf } from './cache-backup.js'
import { restoreSnapshot } from './files-restore.js'
import { endStrays } from './pipeline.js'
import { chosenSnapshot } from './restic.js'
import { megabytes, removeScratch, scratchOf } from './scratch.js'

/** Restores a backup of a cache to a folder of its own; the checks start scratch servers on it. */
export const cacheRestore: Action<ActionInputs['cache.restore']> = {
  async do ({ cache, snapshot: id }, context) {
    await endServers(cache, scratchOf(cache.scratchDir, context), context.signal)
    const snapshot = await chosenSnapshot(repositoryOf(cache), context, id, [cacheTag])
    const restored = await restoreSnapshot(repositoryOf(cache), cache.scratchDir, snapshot, context)
    const folder = copyIn(restored.folder, snapshot.paths)
    return {
      summary: `restored backup ${snapshot.id.slice(0, 8)} of the cache: ${megabytes(restored.bytes)}, ${restored.seconds} s`,
      output: { ...restored, folder, snapshot: snapshot.id, backedUpAt: new Date(snapshot.atMs).toISOString() },
    }
  },

  async verify ({ cache }, context) {
    const folder = scratchOf(cache.scratchDir, context)
    const there = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
    return { undone: !there, summary: there ? `${folder} is still there` : `${folder} and its servers are gone` }
  },

  async undo ({ cache }, context) {
    const folder = scratchOf(cache.scratchDir, context)
    await endServers(cache, folder, context.signal)
    await endStrays(cache.tools, 'restic', folder, context.signal)
    return removeScratch(cache.scratchDir, context) === 'removed' ? 'removed the restored cache' : 'the restored cache was gone already'
  },
}

/** Ends scratch servers that a dead try left on a step's folder, by the folder that they serve. */
export async function endServers (cache: CacheStore, folder: string, signal: AbortSignal): Promise<void> {
  for (const served of existsSync(folder) ? serveFolders(folder) : []) await endStrays(cache.tools, 'redis-server', served, signal)
}

function serveFolders (folder: string): string[] {
  return readdirSync(folder).filter(name => name.startsWith('serve-')).map(name => join(folder, name))
}

function copyIn (folder: string, paths: string[]): string {
  const path = paths.find(one => one.endsWith(`/${cacheName}`))
  if (path === undefined || !existsSync(join(folder, path, keysName))) throw new DrillError('backup.incomplete', 'The backup holds no copy of a cache with the record of its keys')
  return join(folder, path)
}
