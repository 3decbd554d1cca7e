import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { controlOf, type Controller } from '../../src/control/control.js'
import { until } from '../../src/control/until.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import { compareKeys, keyRecordOf, type KeyDigest } from '../../src/drill/keys.js'
import type { Rebuild, RebuiltCache } from '../../src/drill/rebuild.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { isThere, thoseThere } from '../is-there.js'
import { aofFolder, keysName, rdbName } from '../restore/cache-backup.js'
import { own } from '../restore/cache-checks.js'
import { digestsOf, withRedis, type RedisDoor } from '../restore/redis.js'
import { makeFolder, requireGround } from './ground.js'

const loadMs = 60_000

/** The cache on the empty machine: its restored data under its own server, asked for every key that stood still when it was backed up. */
export const rebuildCache: Action<ActionInputs['rebuild.cache']> = {
  async do ({ rebuild, folder }, context) {
    await requireGround(rebuild, context)
    const cache = cacheOf(rebuild)
    const control = controlOf(cache.control)
    const record = keyRecordOf(await readFile(join(folder, keysName), 'utf8'))
    if (!record) throw new DrillError('backup.incomplete', `${folder} holds no record of the keys`)
    if (!await control.alive()) {
      await rm(cache.dataDir, { recursive: true, force: true })
      await makeFolder(rebuild, cache.dataDir, 0o700)
      for (const name of [rdbName, aofFolder]) {
        if (await isThere(join(folder, name))) await cp(join(folder, name), join(cache.dataDir, name), { recursive: true })
      }
      if (rebuild.runAs && process.getuid?.() === 0) own(cache.dataDir, rebuild.runAs)
      await control.start()
    }
    const door: RedisDoor = { host: cache.host, port: cache.port, password: cache.password === undefined ? undefined : await context.secret(cache.password) }
    const { role, found } = await readLoaded(door, control, context)
    // One that follows the living cache would have its keys, and prove nothing.
    if (role !== 'master') throw new DrillError('component.unexpected', `The cache that came up is a ${role ?? 'server without a role'}: what it holds is not from the backup`)
    const { compared, missing, different, expired } = compareKeys(record, found, Date.now())
    if (missing + different > 0) throw new DrillError('backup.damaged', `Of ${compared} keys that stood still when the cache was backed up ${missing} are missing and ${different} have another value`)
    return { summary: `${found.size} keys: all ${compared} that stood still when it was backed up, ${expired} expired since`, output: { keys: found.size, compared } }
  },

  async verify ({ rebuild }) {
    const { control, dataDir } = cacheOf(rebuild)
    const left = [...await controlOf(control).alive() ? ['its server'] : [], ...await thoseThere([dataDir])]
    return { undone: left.length === 0, summary: left.length === 0 ? 'no process or file of the cache is left' : `still there: ${left.join(', ')}` }
  },

  async undo ({ rebuild }, context) {
    await requireGround(rebuild, context)
    const { control, dataDir } = cacheOf(rebuild)
    await controlOf(control).kill()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
    return `removed the cache in ${dataDir}`
  },
}

/** What it holds, once it has loaded it. Throws `component.unreachable`, `backup.damaged` where it ended instead. */
async function readLoaded (door: RedisDoor, control: Controller, context: StepContext): Promise<{ role?: string, found: Map<string, KeyDigest> }> {
  let last = 'it never answered'
  const read = await until(async () => {
    if (!await control.alive()) throw new DrillError('backup.damaged', 'The cache ended before it had loaded its data')
    try {
      return await withRedis(door, context.signal, async redis => ({ role: /role:(\w+)/.exec(await redis.info('replication'))?.[1], found: await digestsOf(redis) }))
    } catch (error) {
      // LOADING, or not listening yet.
      last = messageOf(error)
      context.heartbeat()
      return undefined
    }
  }, { everyMs: 50, deadlineMs: loadMs, signal: context.signal })
  if (!read) throw new DrillError('component.unreachable', `The cache did not answer within ${loadMs / 1000} s: ${last}`)
  return read
}

function cacheOf ({ cache }: Rebuild): RebuiltCache {
  if (!cache) throw new DrillError('input.invalid', 'The environment names no rebuild.cache')
  return cache
}
