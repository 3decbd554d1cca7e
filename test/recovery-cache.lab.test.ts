import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cacheBackup } from '../activities/restore/cache-backup.js'
import { cacheEqual, cacheFresh, cacheSound } from '../activities/restore/cache-checks.js'
import { cacheRestore } from '../activities/restore/cache-restore.js'
import { withRedis } from '../activities/restore/redis.js'
import { allProcs, commandLineOf } from '../src/control/proc.js'
import { until } from '../src/control/until.js'
import type { CheckResult } from '../src/drill/checks.js'
import { aofProblemOf, compareKeys, rdbProblemOf, stillKeys } from '../src/drill/keys.js'
import type { CacheStore } from '../src/drill/recovery.js'
import { findTools } from '../src/tools.js'
import { stepContext } from './fixtures/database-lab.js'
import { toolTable } from './fixtures/recovery.js'

let folder: string
let cache: CacheStore
let server: ChildProcess

const step = (stepId: string) => stepContext({ drillId: 'drill', stepId, secret: async () => 'secret of the repository' })
const run = async <T> (use: Parameters<typeof withRedis<T>>[2]): Promise<T> => await withRedis(cache, new AbortController().signal, use)
const restore = async () => (await cacheRestore.do({ cache }, step('restore'))).output as { folder: string }
const undo = async () => await cacheRestore.undo({ cache }, step('restore'))
const is = (result: CheckResult, outcome: CheckResult['outcome'], words: RegExp): void => {
  assert.equal(result.outcome, outcome, result.observed)
  assert.match(result.observed, words)
}
const coded = (code: string, words: RegExp) => (error: { code?: string, message: string }): boolean => {
  assert.equal(error.code, code, error.message)
  assert.match(error.message, words)
  return true
}

describe('the cache is backed up and proven', { timeout: 240_000 }, () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-cache-'))
    const port = await new Promise<number>(resolve => {
      const probe = createServer()
      probe.listen(0, '127.0.0.1', () => { const { port } = probe.address() as AddressInfo; probe.close(() => { resolve(port) }) })
    })
    mkdirSync(join(folder, 'data'))
    cache = {
      host: '127.0.0.1', port, repository: join(folder, 'repository'), repositoryPassword: 'env:RESTIC', scratchDir: join(folder, 'scratch'), maxAge: '1h',
      tools: toolTable({ restic: 'restic', 'redis-server': 'redisServer', 'redis-check-rdb': 'redisCheckRdb', 'redis-check-aof': 'redisCheckAof' }),
      // As root the scratch servers run as somebody who owns nothing.
      ...(process.getuid?.() === 0 ? { runAs: { uid: 65534, gid: 65534 } } : {}),
    }
    if (cache.runAs) spawnSync('chmod', ['0711', folder])
    server = spawn(findTools('redisServer').redisServer.path, ['--port', String(port), '--bind', '127.0.0.1', '--dir', join(folder, 'data'), '--appendonly', 'yes', '--save', ''], { stdio: 'ignore' })
    const up = await until(async () => await run(async redis => await redis.ping()).catch(() => undefined), { everyMs: 50, deadlineMs: 30_000 })
    assert.equal(up, 'PONG', 'the Redis under test does not answer')
    await run(async redis => {
      for (let index = 0; index < 50; index++) await redis.set(`session:${index}`, `token-${index}`)
      await redis.set('short', 'x', 'PX', 3_600_000)
      await redis.rpush('list', 'a', 'b', 'a')
      await redis.sadd('set', 'c', 'a', 'b')
      await redis.zadd('sorted', 1.5, 'one', 2, 'two')
      await redis.hset('hash', { b: '2', a: '1' })
      await redis.xadd('stream', '1-1', 'field', 'value')
    })
  })
  after(async () => {
    server?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('every kind of key comes back from the RDB and from the AOF, nothing of it is named, and no server stays', async () => {
    is(await cacheFresh({ cache }, step('fresh')), 'blind', /no restic repository/)
    const first = await cacheBackup.do({ cache }, step('backup'))
    assert.match(first.summary, /56 keys that stood still, 0 that moved/)
    assert.match((await cacheBackup.do({ cache }, step('backup'))).summary, /made by an earlier try/)
    is(await cacheFresh({ cache }, step('fresh')), 'pass', /s old/)
    is(await cacheFresh({ cache: { ...cache, maxAge: '0ms' } }, step('fresh')), 'fail', /older than/)
    const { folder: copy } = await restore()
    assert.doesNotMatch(readFileSync(join(copy, 'keys.json'), 'utf8'), /session|token/)
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'pass', /^the RDB and the AOF are whole$/)
    is(await cacheEqual({ cache, folder: copy }, step('equal')), 'pass', /^rdb: 56 of 56 keys equal.*aof: 56 of 56 keys equal.*; 0 moved/)
    assert.equal(allProcs().filter(proc => commandLineOf(proc.pid).includes(cache.scratchDir)).length, 0, 'a scratch server stays')
    assert.equal((await cacheRestore.verify({ cache }, step('restore'))).undone, false)
    assert.equal(await undo(), 'removed the restored cache')
    assert.match(await undo(), /gone already/)
    assert.equal((await cacheRestore.verify({ cache }, step('restore'))).undone, true)
    assert.equal((await cacheBackup.verify({ cache }, step('backup'))).undone, true)
  })

  it('a damaged RDB, a truncated AOF, a missing one, a lost key, a changed value: each is told', async () => {
    const { folder: copy } = await restore()
    const rdb = join(copy, 'dump.rdb')
    const aof = join(copy, 'appendonlydir')
    const incremental = join(aof, readdirSync(aof).find(name => name.includes('.incr.'))!)
    const [wholeRdb, wholeAof] = [readFileSync(rdb), readFileSync(incremental)]
    const flipped = Buffer.from(wholeRdb)
    flipped[flipped.indexOf('token-7')]! ^= 1
    writeFileSync(rdb, flipped)
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'fail', /^RDB: .*CRC/)
    is(await cacheEqual({ cache, folder: copy }, step('equal')), 'fail', /^rdb: the scratch server ended at once/)
    writeFileSync(rdb, wholeRdb)
    truncateSync(incremental, wholeAof.length - 5)
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'fail', /^AOF: .*(not valid|Expected)/)
    is(await cacheEqual({ cache, folder: copy }, step('equal')), 'fail', /rdb: 56 of 56.*aof: the scratch server ended at once/)
    // Sound to every checker, and another content: only the keys tell.
    writeFileSync(incremental, Buffer.from(wholeAof.toString('latin1').replace('token-7\r', 'token-x\r'), 'latin1'))
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'pass', /whole/)
    is(await cacheEqual({ cache, folder: copy }, step('equal')), 'fail', /aof: 55 of 56 keys equal, 0 missing, 1 with another value/)
    writeFileSync(incremental, wholeAof)
    rmSync(incremental)
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'fail', /^AOF: /)
    rmSync(aof, { recursive: true })
    rmSync(rdb)
    is(await cacheSound({ cache, folder: copy }, step('sound')), 'fail', /the RDB is missing/)
    rmSync(join(copy, 'keys.json'))
    is(await cacheEqual({ cache, folder: copy }, step('equal')), 'blind', /holds no record of the keys/)
    is(await cacheSound({ cache: { ...cache, tools: {} }, folder: copy }, step('sound')), 'fail', /missing/)
    await undo()
  })

  it('a scratch server that outlived its worker is ended by the undo', async () => {
    const { folder: copy } = await restore()
    // A Redis that cannot say that it starts dies of it (SIGPIPE), until it ignores that: then it outlives whoever started it.
    const script = `
      import { readFileSync } from 'node:fs'
      import { cacheEqual } from ${JSON.stringify(new URL('../activities/restore/cache-checks.ts', import.meta.url).pathname)}
      const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim().split(' ').filter(Boolean)
      const isUp = pid => /^SigIgn:.*[13579bdf]...$/m.test(readFileSync('/proc/' + pid + '/status', 'utf8'))
      const heartbeat = () => {
        for (const endMs = Date.now() + 30_000; Date.now() < endMs;) if (children().some(isUp)) process.kill(process.pid, 'SIGKILL')
      }
      const context = { drillId: 'drill', stepId: 'equal', signal: new AbortController().signal, heartbeat, secret: async () => '' }
      await cacheEqual(${JSON.stringify({ cache, folder: copy })}, context)`
    const { signal } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.equal(signal, 'SIGKILL')
    const strays = () => allProcs().filter(proc => proc.name === 'redis-server' && commandLineOf(proc.pid).includes(cache.scratchDir))
    assert.equal(strays().length, 1, 'the server died with its worker: nothing was to be ended')
    await undo()
    assert.equal(strays().length, 0)
    assert.deepEqual(readdirSync(cache.scratchDir), [])
  })

  it('a server that does not answer, or whose data lies elsewhere, is no backup', async () => {
    await assert.rejects(cacheBackup.do({ cache: { ...cache, port: 1 } }, step('other')), coded('component.unreachable', /Redis at 127\.0\.0\.1:1/))
    await assert.rejects(cacheRestore.do({ cache, snapshot: 'beef' }, step('restore')), coded('backup.missing', /has no backup beef/))
    assert.equal(existsSync(join(cache.scratchDir, 'muster-drill-other')), false)
  })
})

describe('keys', () => {
  it('that move or expire are not held against a backup; those that stood still and are gone or changed are', () => {
    const at = (value: string, expiresAtMs = -1) => ({ value, expiresAtMs })
    const record = stillKeys(new Map([['a', at('1')], ['b', at('1')], ['c', at('1')], ['e', at('1', 500)]]), new Map([['a', at('1')], ['b', at('2')], ['d', at('1')], ['e', at('1', 500)]]), 0)
    assert.deepEqual(Object.keys(record.keys), ['a', 'e'])
    assert.equal(record.moving, 3)
    assert.deepEqual(compareKeys(record, new Map(), 1_000), { compared: 1, missing: 1, different: 0, expired: 1 })
    assert.deepEqual(compareKeys(record, new Map([['a', at('9')], ['e', at('1', 500)]]), 100), { compared: 2, missing: 0, different: 1, expired: 0 })
  })
  it('checkers that say nothing have proven nothing', () => {
    assert.equal(rdbProblemOf(''), 'the checker did not come to its end')
    assert.equal(aofProblemOf('Start checking Multi Part AOF\n'), 'the checker did not come to its end')
  })
})
