import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { until } from '../../src/control/until.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { durationMs } from '../../src/drill/duration.js'
import { compareKeys, keyRecordOf, type KeyDigest } from '../../src/drill/keys.js'
import type { CacheStore } from '../../src/drill/recovery.js'
import { freshness } from '../../src/drill/restic.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Check, StepContext } from '../action.js'
import { aofFolder, aofProblem, cacheTag, keysName, rdbName, rdbProblem, repositoryOf } from './cache-backup.js'
import { blindWhereItThrows } from './files-checks.js'
import { endStrays, lastWords, runOne } from './pipeline.js'
import { digestsOf, withRedis } from './redis.js'
import { snapshots } from './restic.js'

const startMs = 60_000

/** The newest backup of the cache is young enough. */
export const cacheFresh: Check<CheckInputs['cache.fresh']> = async ({ cache }, context) => {
  const expected = `a backup younger than ${cache.maxAge}`
  return await blindWhereItThrows(expected, context, async () => {
    const { ok, observed, snapshot } = freshness(await snapshots(repositoryOf(cache), context, [cacheTag]), { paths: [], maxAgeMs: durationMs(cache.maxAge), nowMs: Date.now() })
    return { outcome: ok ? 'pass' : 'fail', observed, expected, output: snapshot ? { snapshot: snapshot.id } : {} }
  })
}

/** Redis's own checkers pass the restored RDB and AOF; their words count, not their exit codes. */
export const cacheSound: Check<CheckInputs['cache.sound']> = async ({ cache, folder }, context) => {
  const expected = 'the RDB and the AOF are whole'
  return await blindWhereItThrows(expected, context, async () => {
    const hasAof = existsSync(join(folder, aofFolder))
    if (!existsSync(join(folder, rdbName))) return { outcome: 'fail', observed: 'the RDB is missing', expected, output: {} }
    const rdb = await rdbProblem(cache, join(folder, rdbName), context)
    const aof = hasAof ? await aofProblem(cache, join(folder, aofFolder), context) : undefined
    const problems = [...(rdb === undefined ? [] : [`RDB: ${rdb}`]), ...(aof === undefined ? [] : [`AOF: ${aof}`])]
    return { outcome: problems.length === 0 ? 'pass' : 'fail', observed: problems.join('; ') || `the RDB${hasAof ? ' and the AOF are' : ' is'} whole${hasAof ? '' : '; there is no AOF'}`, expected, output: {} }
  })
}

/** A scratch server on the restored RDB, then one on the AOF, each with every key that stood still when the backup was taken. */
export const cacheEqual: Check<CheckInputs['cache.equal']> = async ({ cache, folder }, context) => {
  const expected = 'every key that stood still when the backup was taken, with its value and its time'
  return await blindWhereItThrows(expected, context, async () => {
    const record = existsSync(join(folder, keysName)) ? keyRecordOf(readFileSync(join(folder, keysName), 'utf8')) : undefined
    if (!record) throw new DrillError('backup.incomplete', `${folder} holds no record of the keys`)
    const words: string[] = []
    let bad = 0
    let compared = 0
    for (const source of existsSync(join(folder, aofFolder)) ? ['rdb', 'aof'] as const : ['rdb'] as const) {
      let found: Map<string, KeyDigest>
      try {
        found = await keysOfScratch(cache, folder, source, context)
      } catch (error) {
        context.signal.throwIfAborted()
        bad++
        words.push(`${source}: ${messageOf(error)}`)
        continue
      }
      const result = compareKeys(record, found, Date.now())
      bad += result.missing + result.different
      compared += result.compared
      words.push(`${source}: ${result.compared - result.missing - result.different} of ${result.compared} keys equal, ${result.missing} missing, ${result.different} with another value, ${result.expired} expired since`)
    }
    const observed = `${words.join('; ')}; ${record.moving} moved during the backup`
    const outcome: CheckResult['outcome'] = bad > 0 ? 'fail' : compared === 0 ? 'blind' : 'pass'
    return { outcome, observed: outcome === 'blind' ? `no key to compare: ${observed}` : observed, expected, output: { compared, bad } }
  })
}

/** Starts a server on a copy of the files, on loopback behind a password that nobody knows, reads its keys, and ends it. */
async function keysOfScratch (cache: CacheStore, folder: string, source: 'rdb' | 'aof', context: StepContext): Promise<Map<string, KeyDigest>> {
  const dir = join(scratchRoot(folder), `serve-${source}`)
  await endStrays(cache.tools, 'redis-server', dir, context.signal)
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { mode: 0o700 })
  if (source === 'rdb') cpSync(join(folder, rdbName), join(dir, rdbName))
  else cpSync(join(folder, aofFolder), join(dir, aofFolder), { recursive: true })
  if (cache.runAs) {
    // Its user may pass through the step's folder, and sees nothing else of it.
    chmodSync(scratchRoot(folder), 0o711)
    own(dir, cache.runAs)
  }
  const [port, password] = [await freePort(), randomBytes(24).toString('base64url')]
  const file = source === 'aof' ? readdirSync(join(dir, aofFolder)).find(name => name.endsWith('.manifest'))?.replace(/\.manifest$/, '') : undefined
  const configuration = [
    'bind 127.0.0.1', `port ${port}`, `requirepass ${password}`, 'save ""', 'set-proc-title no', 'daemonize no', `dbfilename ${rdbName}`, `appenddirname ${aofFolder}`,
    `appendonly ${source === 'aof' ? 'yes' : 'no'}`, ...(file === undefined ? [] : [`appendfilename ${file}`]), 'aof-load-truncated no', '',
  ].join('\n')
  const stop = new AbortController()
  const server = runOne(cache.tools, { tool: 'redis-server', args: ['-', '--dir', dir], cwd: dir }, { signal: AbortSignal.any([context.signal, stop.signal]), input: configuration, runAs: cache.runAs })
  let ended: string | undefined
  const over = server.then(said => { ended = lastWords(said.stdout + said.stderr) }, (error: unknown) => { ended = messageOf(error) })
  try {
    return await readKeys({ host: '127.0.0.1', port, password }, context, () => ended)
  } finally {
    stop.abort(new Error('stopped'))
    await over
    rmSync(dir, { recursive: true, force: true })
  }
}

async function readKeys (door: { host: string, port: number, password: string }, context: StepContext, ended: () => string | undefined): Promise<Map<string, KeyDigest>> {
  let last = 'it never answered'
  const keys = await until(async () => {
    const words = ended()
    if (words !== undefined) throw new DrillError('backup.damaged', `the scratch server ended at once: ${words}`)
    try {
      return await withRedis(door, context.signal, async redis => await redis.ping() === 'PONG' ? await digestsOf(redis) : undefined)
    } catch (error) {
      // LOADING, or not listening yet.
      last = messageOf(error)
      context.heartbeat()
      return undefined
    }
  }, { everyMs: 50, deadlineMs: startMs, signal: context.signal })
  if (!keys) throw new DrillError('component.unreachable', `the scratch server did not answer within ${startMs / 1000} s: ${last}`)
  return keys
}

/** The step's own folder: the servers' folders lie at its top, where its undo finds them. */
function scratchRoot (folder: string): string {
  for (let at = folder; at !== '/'; at = join(at, '..')) if (existsSync(join(at, '.muster-scratch'))) return at
  throw new DrillError('input.invalid', `${folder} is not a folder that cache.restore made`)
}

/** Gives a folder and all below it to a user. */
export function own (path: string, user: { uid: number, gid: number }): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) own(join(path, entry.name), user)
    else chownSync(join(path, entry.name), user.uid, user.gid)
  }
  chownSync(path, user.uid, user.gid)
}

function freePort (): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => { resolve(port) })
    })
  })
}
