import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { clearGround, inTheWay, leftOn, requireApart, requireGround, takeGround } from '../activities/rebuild/ground.js'
import { isBrought, movedPath, movedText, portsOf, type Rebuild } from '../src/drill/rebuild.js'
import { labEnvironment } from './fixtures/environments.js'

describe('what is called otherwise on the empty machine', () => {
  const moved = [{ from: '/srv/shop', to: '/new' }, { from: '/srv/shop/data', to: '/disk' }, { from: '2000', to: '3000' }, { from: '3000', to: '2000' }]

  test('a path goes with the longest folder that it lies in, and only with a whole name', () => {
    for (const [path, here] of [['/srv/shop', '/new'], ['/srv/shop/a', '/new/a'], ['/srv/shop/data/x', '/disk/x'], ['/srv/shop2', '/srv/shop2'], ['/etc/hosts', '/etc/hosts']]) {
      assert.equal(movedPath({ moved }, path!), here)
    }
    assert.equal(movedPath({}, '/srv/shop'), '/srv/shop')
  })

  test('in a text whole words are exchanged, once: what two have swapped is swapped', () => {
    assert.equal(movedText({ moved }, 'listen 2000; up 3000; 20001 /srv/shop/data/x /srv/shop2 a-2000'), 'listen 3000; up 2000; 20001 /disk/x /srv/shop2 a-2000')
    assert.equal(movedText({ moved: [{ from: 'a.b', to: '$&' }] }, 'a.b axb'), '$& axb', 'neither a pattern nor a reference')
  })

  test('a text in which nothing of it stands is left as it is', () => {
    fc.assert(fc.property(fc.string().filter(text => !/2000|3000|\/srv/.test(text)), text => movedText({ moved }, text) === text))
  })

  test('a secret comes with the sealed configuration where it lies below the root', () => {
    assert.deepEqual(['file:/new/key', 'file:/newer/key', 'env:KEY'].map(ref => isBrought({ root: '/new' }, ref)), [true, false, false])
    assert.equal(isBrought(undefined, 'file:/new/key'), false)
  })
})

describe('the ground of a system that comes up', () => {
  let scratch: string
  let rebuild: Rebuild
  const mine = { drillId: 'mine' }
  const control = { kind: 'process', pidFile: '/nowhere.pid' } as never

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'muster-ground-'))
    const { database, backup } = labEnvironment()
    rebuild = {
      root: join(scratch, 'root'), folders: ['data', 'log'], database: { dataDir: 'data', socketDir: 'run', port: 1, control, logFile: 'log' },
      services: [{ name: 'api', control, ports: [1, 2] }], source: { database: database!, backup: backup! },
    }
  })
  afterEach(() => { rmSync(scratch, { recursive: true, force: true }) })

  test('is taken once, however often it is told, and cleared as often', async () => {
    for (const _ of ['first', 'again']) {
      await takeGround(rebuild, mine)
      await requireGround(rebuild, mine)
    }
    assert.deepEqual(readdirSync(rebuild.root).sort(), ['.muster-rebuild', 'data', 'log'])
    assert.equal(await clearGround(rebuild, mine), true)
    assert.equal(await clearGround(rebuild, mine), false, 'nothing is there any more')
    assert.equal(existsSync(rebuild.root), false)
  })

  test('that somebody else has put something on is refused, and nothing of it touched', async () => {
    mkdirSync(rebuild.root)
    writeFileSync(join(rebuild.root, 'letters'), 'dear')
    await assert.rejects(takeGround(rebuild, mine), { code: 'scratch.notOurs', message: `${rebuild.root} is not empty and not ours: it holds letters: nothing was touched` })
    assert.equal(await clearGround(rebuild, mine), false)
    assert.deepEqual(readdirSync(rebuild.root), ['letters'])
  })

  test('that was there before, a mount point maybe, stays and is as it was', async () => {
    mkdirSync(rebuild.root, { mode: 0o750 })
    const before = statSync(rebuild.root)
    for (const _ of ['first', 'again']) {
      for (const _ of ['once', 'twice']) await takeGround(rebuild, mine)
      assert.equal(statSync(rebuild.root).mode & 0o777, 0o711)
      writeFileSync(join(rebuild.root, 'data/file'), '')
      assert.equal(await clearGround(rebuild, mine), true)
      const { mode, uid, gid, ino } = statSync(rebuild.root)
      assert.deepEqual([mode, uid, gid, ino, readdirSync(rebuild.root)], [before.mode, before.uid, before.gid, before.ino, []])
      assert.deepEqual(await leftOn(rebuild, mine), [])
    }
    assert.equal(await clearGround(rebuild, mine), false, 'an empty folder is nothing of ours')
  })

  test('that was being marked, or removed, when its worker died is taken by the next try, and cleared by the undo', async () => {
    const mark = (folder: string) => join(folder, '.muster-rebuild')
    const aside = `${rebuild.root}.mine`
    const deaths = [
      [aside, () => { mkdirSync(aside); writeFileSync(`${mark(aside)}.new`, '{"dri') }],
      [`${mark(rebuild.root)}.new`, () => { mkdirSync(rebuild.root); writeFileSync(`${mark(rebuild.root)}.new`, '{"dri') }],
      [mark(rebuild.root), () => { mkdirSync(rebuild.root); writeFileSync(mark(rebuild.root), '') }],
    ] as const
    for (const [left, die] of deaths) {
      die()
      assert.deepEqual(await leftOn(rebuild, mine), [`${left} is still there`])
      assert.equal(await clearGround(rebuild, mine), true)
      assert.deepEqual(await leftOn(rebuild, mine), [])
      rmSync(rebuild.root, { recursive: true, force: true })
      die()
      await takeGround(rebuild, mine)
      await requireGround(rebuild, mine)
      await clearGround(rebuild, mine)
      assert.deepEqual(await leftOn(rebuild, mine), [])
      rmSync(rebuild.root, { recursive: true, force: true })
      assert.deepEqual(readdirSync(scratch), [])
    }
  })

  test('with a mark that is not ours to read is neither taken nor cleared, and its path is said', async () => {
    mkdirSync(rebuild.root)
    const path = join(rebuild.root, '.muster-rebuild')
    for (const text of ['{"dri', 'null', '"mine"', '{}']) {
      writeFileSync(path, text)
      const refusal = { code: 'scratch.notOurs', message: `${path} is no mark of a drill: look at what lies there, and remove it by hand` }
      for (const tried of [takeGround, requireGround, leftOn, clearGround]) await assert.rejects(tried(rebuild, mine), refusal)
      assert.deepEqual([readdirSync(rebuild.root), readFileSync(path, 'utf8')], [['.muster-rebuild'], text])
    }
  })

  test('of another drill is neither taken nor cleared', async () => {
    await takeGround(rebuild, { drillId: 'theirs' })
    await assert.rejects(takeGround(rebuild, mine), { code: 'scratch.notOurs', message: `${rebuild.root} holds what drill theirs put there: nothing was touched` })
    await assert.rejects(requireGround(rebuild, mine), { code: 'scratch.notOurs', message: /is not this drill's \(theirs\)/ })
    assert.equal(await clearGround(rebuild, mine), false)
    assert.ok(existsSync(rebuild.root), 'theirs stays')
  })

  test('with a taken port is refused before a folder is made, by its number', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => { server.once('listening', resolve) })
    const { port } = server.address() as AddressInfo
    rebuild.services[0]!.ports.push(port)
    try {
      assert.deepEqual(portsOf(rebuild), [1, 2, port], 'each once')
      assert.deepEqual(await inTheWay(rebuild, mine), [`port ${port} is taken`])
      await assert.rejects(takeGround(rebuild, mine), { code: 'scratch.notOurs', message: `port ${port} is taken: nothing was touched` })
      assert.equal(existsSync(rebuild.root), false)
    } finally {
      server.close()
    }
  })

  test('in or around the living cluster is refused by its name', () => {
    const [{ name, dataDir } = assert.fail('no node')] = rebuild.source.database.nodes
    for (const root of [dataDir, join(dataDir, 'x'), join(dataDir, '..')]) {
      assert.throws(() => { requireApart({ ...rebuild, root }) }, { code: 'scratch.notOurs', message: new RegExp(`lies in or around the live cluster of ${name} `) })
    }
  })
})
