import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import type { ActionInputs } from '../../src/drill/actions.js'
import { aofProblemOf, rdbProblemOf, stillKeys } from '../../src/drill/keys.js'
import type { CacheStore } from '../../src/drill/recovery.js'
import { backupSummaryOf } from '../../src/drill/restic.js'
import { DrillError } from '../../src/errors.js'
import { until } from '../../src/control/until.js'
import type { Action, StepContext } from '../action.js'
import { endStrays, lastWords, runOne } from './pipeline.js'
import { digestsOf, withRedis, type RedisDoor } from './redis.js'
import { restic, snapshotsOrNewRepository, type Repository } from './restic.js'
import { makeScratch, megabytes, removeScratch, scratchOf } from './scratch.js'

export const cacheTag = 'muster-cache'
/** The folder of a copy, as it is called in every snapshot, and what is in it. */
export const cacheName = 'muster-cache'
export const rdbName = 'dump.rdb'
export const aofFolder = 'appendonlydir'
export const keysName = 'keys.json'

const saveMs = 10 * 60_000
const copies = 3

/**
 * Backs a Redis server up: a fresh RDB, the AOF where there is one, both passed by Redis's own checkers, and digests of the keys that
 * stood still meanwhile. A second run of the same step finds its snapshot and makes no other.
 */
export const cacheBackup: Action<ActionInputs['cache.backup']> = {
  async do ({ cache }, context) {
    const store = repositoryOf(cache)
    await endStrays(cache.tools, 'restic', join(scratchOf(cache.scratchDir, context), cacheName), context.signal)
    const tags = [cacheTag, `drill=${context.drillId}`, `step=${context.stepId}`]
    const [earlier] = await snapshotsOrNewRepository(store, context, tags)
    try {
      if (earlier) return { summary: `backup ${earlier.id.slice(0, 8)} was made by an earlier try of this step`, output: { snapshot: earlier.id } }
      return await backUp(cache, tags, context)
    } finally {
      removeScratch(cache.scratchDir, context)
    }
  },

  async verify ({ cache }, context) {
    const folder = scratchOf(cache.scratchDir, context)
    const left = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
    return { undone: !left, summary: left ? `a copy is left in ${folder}` : 'the backup stays, it is what is wanted; nothing else is left' }
  },

  async undo ({ cache }, context) {
    await endStrays(cache.tools, 'restic', join(scratchOf(cache.scratchDir, context), cacheName), context.signal)
    removeScratch(cache.scratchDir, context)
    return 'removed the copy of a backup'
  },
}

export function repositoryOf ({ repository, repositoryPassword, tools }: CacheStore): Repository {
  return { repository, password: repositoryPassword, tools }
}

export async function doorOf ({ host, port, password }: CacheStore, context: Pick<StepContext, 'secret'>): Promise<RedisDoor> {
  return { host, port, password: password === undefined ? undefined : await context.secret(password) }
}

async function backUp (cache: CacheStore, tags: string[], context: StepContext): Promise<{ summary: string, output: Record<string, unknown> }> {
  const copy = join(makeScratch(cache.scratchDir, context), cacheName)
  mkdirSync(copy, { mode: 0o700 })
  const record = await withRedis(await doorOf(cache, context), context.signal, async redis => {
    const before = await digestsOf(redis)
    await save(redis, context)
    const files = await dataFiles(redis)
    copyFileSync(files.rdb, join(copy, rdbName))
    await demandSound(cache, join(copy, rdbName), context)
    if (files.aof !== undefined) await copyAof(cache, files.aof, join(copy, aofFolder), context)
    return stillKeys(before, await digestsOf(redis), Date.now())
  })
  writeFileSync(join(copy, keysName), JSON.stringify(record), { mode: 0o600 })
  const said = await restic(repositoryOf(cache), ['backup', '--json', ...tags.flatMap(tag => ['--tag', tag]), copy], context)
  const summary = backupSummaryOf(said.stdout)
  if (said.exitCode !== 0 || summary === undefined || said.stderr.trim() !== '') {
    throw new DrillError('backup.incomplete', `restic did not back up everything (exit code ${said.exitCode}): ${lastWords(said.stderr)}`)
  }
  const keys = Object.keys(record.keys).length
  return { summary: `backup ${summary.snapshotId}: ${keys} keys that stood still, ${record.moving} that moved, ${megabytes(summary.bytes)}`, output: { snapshot: summary.snapshotId, keys, moving: record.moving, bytes: summary.bytes } }
}

/** A save of our own, begun after we came: one that runs already holds an older state. */
async function save (redis: Redis, context: StepContext): Promise<void> {
  const end = Date.now() + saveMs
  const info = async (): Promise<Record<string, string>> => Object.fromEntries((await redis.info('persistence')).split('\r\n').filter(line => line.includes(':')).map(line => line.split(':') as [string, string]))
  const idle = async (): Promise<Record<string, string>> => {
    const state = await until(async () => {
      const now = await info()
      context.heartbeat()
      return now.rdb_bgsave_in_progress === '0' && now.aof_rewrite_in_progress === '0' ? now : undefined
    }, { everyMs: 50, deadlineMs: end - Date.now(), signal: context.signal })
    if (!state) throw new DrillError('component.unexpected', `Redis was still saving after ${saveMs / 60_000} minutes`)
    return state
  }
  await idle()
  await redis.bgsave()
  const state = await idle()
  if (state.rdb_last_bgsave_status !== 'ok') throw new DrillError('component.unexpected', `Redis could not save: rdb_last_bgsave_status is ${state.rdb_last_bgsave_status}`)
}

async function dataFiles (redis: Redis): Promise<{ rdb: string, aof?: string }> {
  const answer = await redis.call('CONFIG', 'GET', 'dir', 'dbfilename', 'appenddirname', 'appendonly') as string[]
  const setting = (name: string): string => answer[answer.indexOf(name) + 1]!
  const rdb = join(setting('dir'), setting('dbfilename'))
  if (!existsSync(rdb)) throw new DrillError('backup.incomplete', `Redis saved to ${rdb}, which is not on this machine: the worker must sit where the data is`)
  return { rdb, aof: setting('appendonly') === 'yes' ? join(setting('dir'), setting('appenddirname')) : undefined }
}

async function demandSound (cache: CacheStore, rdb: string, context: StepContext): Promise<void> {
  const problem = await rdbProblem(cache, rdb, context)
  if (problem !== undefined) throw new DrillError('backup.damaged', `The RDB that Redis has just saved is not sound: ${problem}`)
}

/** The AOF is written while it is copied, and may be rewritten: a copy that its checker does not pass is made again. */
async function copyAof (cache: CacheStore, from: string, to: string, context: StepContext): Promise<void> {
  let problem: string | undefined
  for (let copied = 0; copied < copies; copied++) {
    mkdirSync(to, { recursive: true })
    const names = readdirSync(from)
    for (const name of names) if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name))
    problem = await aofProblem(cache, to, context)
    if (problem === undefined) return
  }
  throw new DrillError('backup.moving', `No copy of the AOF in ${from} is sound after ${copies} tries: ${problem}`)
}

export async function rdbProblem (cache: CacheStore, file: string, context: Pick<StepContext, 'signal'>): Promise<string | undefined> {
  const said = await runOne(cache.tools, { tool: 'redis-check-rdb', args: [file] }, context)
  return rdbProblemOf(`${said.stdout}\n${said.stderr}`)
}

export async function aofProblem (cache: CacheStore, folder: string, context: Pick<StepContext, 'signal'>): Promise<string | undefined> {
  const manifest = readdirSync(folder).find(name => name.endsWith('.manifest'))
  if (manifest === undefined) return 'there is no manifest'
  const said = await runOne(cache.tools, { tool: 'redis-check-aof', args: [join(folder, manifest)] }, context)
  return aofProblemOf(`${said.stdout}\n${said.stderr}`)
}
