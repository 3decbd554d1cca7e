import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cacheConsistent } from '../activities/checks/cache-consistent.js'
import { redisSteady } from '../activities/checks/redis-steady.js'
import { redisBreak, redisFence } from '../activities/redis/break.js'
import { controlOfCache, withRedis } from '../activities/redis/connection.js'
import { redisFlush } from '../activities/redis/flush.js'
import { lookAtCaches } from '../activities/redis/pair.js'
import { redisPromote, redisSwitch } from '../activities/redis/promote.js'
import type { CacheCluster, ProcessControl } from '../src/drill/environment.js'
import { DrillError } from '../src/errors.js'
import { labDown, labUp, type Lab } from '../src/lab/lab.js'
import { stepContext } from './fixtures/database-lab.js'

const code = (wanted: string) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted

describe('the actions on a cache', { timeout: 120_000 }, () => {
  let root: string
  let lab: Lab
  let cache: CacheCluster
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'muster-test-'))
    lab = await labUp({ root })
    cache = lab.environment.cache!
  })
  after(async () => {
    await labDown(root)
    rmSync(root, { recursive: true, force: true })
  })

  const context = stepContext
  const roles = async (): Promise<string[]> => (await lookAtCaches(cache, context())).map(one => one.state === 'frozen' ? 'frozen' : one.role)
  const controls = (): Array<ReturnType<typeof controlOfCache>> => cache.nodes.map(controlOfCache)
  const isSteady = async (): Promise<void> => {
    const { outcome, observed } = await redisSteady({ cache }, context())
    assert.equal(outcome, 'pass', observed)
    assert.deepEqual(await roles(), ['primary', 'replica'])
  }
  const first = { get cache () { return cache }, node: 'redis1' }

  it('kill and hang happen once however often they are told, and say when', async () => {
    for (const [fault, wanted] of [['kill', 'down'], ['hang', 'frozen']] as const) {
      const { faultAtMs } = await redisBreak.do({ ...first, fault }, context())
      const again = await redisBreak.do({ ...first, fault }, context({ previous: { faultAtMs } })).catch((error: unknown) => error)
      if (fault === 'kill') assert.equal((again as { faultAtMs: number }).faultAtMs, faultAtMs)
      assert.equal((await roles())[0], wanted)
      const { undone, summary } = await redisBreak.verify({ ...first, fault }, context())
      assert.equal(undone, false)
      assert.match(summary, /0 primaries: redis1 is (down|frozen)/)
      for (let time = 0; time < 2; time++) await redisBreak.undo({ ...first, fault }, context())
      await isSteady()
    }
  })

  it('an undo that cannot bring the server back fails with its words, and the verification stays red', async () => {
    await redisBreak.do({ ...first, fault: 'kill' }, context())
    const control = cache.nodes[0]!.control as ProcessControl
    const broken: CacheCluster = { ...cache, nodes: [{ ...cache.nodes[0]!, control: { ...control, start: { ...control.start, command: '/bin/false' } } }, cache.nodes[1]!] }
    await assert.rejects(redisBreak.undo({ cache: broken, node: 'redis1', fault: 'kill' }, context()), code('control.failed'))
    assert.equal((await redisBreak.verify({ cache: broken, node: 'redis1', fault: 'kill' }, context())).undone, false)
    assert.equal((await redisSteady({ cache }, context())).outcome, 'fail')
    await redisBreak.undo({ ...first, fault: 'kill' }, context())
    await isSteady()
  })

  it('a replica is not promoted while another node may take writes, running or frozen', async () => {
    await assert.rejects(redisPromote.do({ cache, node: 'redis2' }, context()), code('splitBrain.prevented'))
    await redisBreak.do({ ...first, fault: 'hang' }, context())
    await assert.rejects(redisPromote.do({ cache, node: 'redis2' }, context()), code('splitBrain.prevented'))
    await redisBreak.undo({ ...first, fault: 'hang' }, context())
    await isSteady()
  })

  it('a failover and its undo in any order end at home, each of them twice', async () => {
    await redisBreak.do({ ...first, fault: 'hang' }, context())
    for (let time = 0; time < 2; time++) await redisFence.do(first, context())
    for (let time = 0; time < 2; time++) await redisPromote.do({ cache, node: 'redis2' }, context())
    for (let time = 0; time < 2; time++) await redisSwitch.do({ cache, to: 'redis2' }, context())
    await withRedis(cache.endpoint, context(), async redis => await redis.set('written', 'after the failover'))
    assert.equal((await redisPromote.verify({ cache, node: 'redis2' }, context())).undone, false)
    // A fenced old primary comes back as what it may be by now.
    for (let time = 0; time < 2; time++) await redisFence.undo(first, context())
    assert.deepEqual(await roles(), ['replica', 'primary'])
    assert.equal((await redisFence.verify(first, context())).undone, true)
    assert.match((await redisPromote.verify({ cache, node: 'redis2' }, context())).summary, /redis2 is primary, home is redis1/)
    for (let time = 0; time < 2; time++) await redisPromote.undo({ cache, node: 'redis2' }, context())
    await isSteady()
    assert.equal(await withRedis(cache.endpoint, context(), async redis => await redis.get('written')), 'after the failover')
  })

  it('a frozen old primary never wakes beside a new one', async () => {
    await redisBreak.do({ ...first, fault: 'hang' }, context())
    // What a half failover leaves: promoted by somebody who fenced nobody.
    await withRedis(cache.nodes[1]!, context(), async redis => await redis.replicaof('NO', 'ONE'))
    assert.equal(await controls()[0]!.state(), 'frozen')
    await redisBreak.undo({ ...first, fault: 'hang' }, context())
    assert.deepEqual(await roles(), ['replica', 'primary'])
    await redisPromote.undo({ cache, node: 'redis2' }, context())
    await isSteady()
  })

  it('of two primaries the one that the endpoint leads to stays, and both dead start again with home as primary', async () => {
    await withRedis(cache.nodes[1]!, context(), async redis => await redis.replicaof('NO', 'ONE'))
    assert.match((await redisBreak.verify({ ...first, fault: 'kill' }, context())).summary, /2 primaries/)
    assert.match(await redisBreak.undo({ ...first, fault: 'kill' }, context()), /killed redis2, a second primary/)
    await isSteady()
    for (const control of controls()) await control.kill()
    await redisBreak.undo({ ...first, fault: 'kill' }, context())
    await isSteady()
  })

  it('a flush empties the cache, and says the time of its first try', async () => {
    await withRedis(cache.endpoint, context(), async redis => await redis.set('session', 'x'))
    const { faultAtMs, output } = await redisFlush.do({ cache }, context())
    assert.ok((output.keys as number) > 0, JSON.stringify(output))
    assert.equal((await redisFlush.do({ cache }, context({ previous: { faultAtMs } }))).faultAtMs, faultAtMs)
    assert.equal(await withRedis(cache.endpoint, context(), async redis => await redis.get('session')), null)
    assert.equal((await redisFlush.verify({ cache }, context())).undone, true)
  })

  it('a cache that answers wrongly is found, and one that nobody can compare is blind', async () => {
    const input = { cache, api: lab.environment.api!, database: lab.environment.database! }
    assert.equal((await cacheConsistent(input, context())).outcome, 'pass')
    await withRedis(cache.endpoint, context(), async redis => await redis.set('catalogue:11', JSON.stringify({ id: 11, name: 'Heaving line', priceCents: 1, stock: 5 }), 'EX', 60))
    const { outcome, observed } = await cacheConsistent(input, context())
    assert.equal(outcome, 'fail')
    assert.match(observed, /product 11 says .*"priceCents":1.*, the database .*2190/)
    await withRedis(cache.endpoint, context(), async redis => await redis.del('catalogue:11'))
    assert.equal((await cacheConsistent({ ...input, cache: { ...cache, pages: [] } }, context())).outcome, 'blind')
    const page = { ...cache.pages![0]!, sql: 'select nonsense' }
    assert.equal((await cacheConsistent({ ...input, cache: { ...cache, pages: [page] } }, context())).outcome, 'blind')
  })

  it('bad input is refused before anything is touched', async () => {
    await assert.rejects(redisBreak.do({ cache, node: 'redis9', fault: 'kill' }, context()), code('input.invalid'))
    await assert.rejects(redisSwitch.do({ cache: { ...cache, loadBalancer: undefined }, to: 'redis2' }, context()), code('input.invalid'))
    await isSteady()
  })
})
