import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startDev, type Dev } from '../src/dev/dev.js'
import { choosePorts, isFree, usualPorts } from '../src/dev/ports.js'
import { readProc } from '../src/control/proc.js'
import { end, isAlive } from '../src/dev/process.js'
import { sweepStores } from '../src/dev/store.js'
import { temporalArgs } from '../src/dev/temporal.js'

let scratch: string
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'muster-dev-'))
  // The store's user, where we are root, must reach its folder.
  chmodSync(scratch, 0o755)
})
after(() => { rmSync(scratch, { recursive: true, force: true }) })

/** Processes that carry a folder in their command line or environment, but this one. */
function processesOf (root: string): string[] {
  return readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && Number(pid) !== process.pid).filter(pid => {
    if (readProc(Number(pid)) === undefined) return false
    return ['cmdline', 'environ'].some(file => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(root)
      } catch {
        return false
      }
    })
  })
}

async function assertGone (root: string, ports: object): Promise<void> {
  assert.deepEqual(processesOf(root), [])
  for (const port of Object.values(ports) as number[]) assert.ok(await isFree(port), `port ${port} is still taken`)
  assert.equal(existsSync(join(root, 'dev', 'dev.json')), false)
  assert.equal(existsSync(join(root, 'dev', 'processes.json')), false)
}

async function me (dev: { apiUrl: string }, key: string): Promise<unknown> {
  return await (await fetch(`${dev.apiUrl}/v1/me`, { headers: { authorization: `Bearer ${key}` } })).json()
}

test('muster dev brings everything up, tells nobody else, and leaves nothing running', async t => {
  const root = join(scratch, 'whole', '.muster')
  const people = [{ id: 'ben', name: 'Ben', roles: ['approver' as const] }]
  const lines: string[] = []
  const begin = Date.now()
  const dev: Dev = await startDev({ root, ports: 'free', people, onProgress: line => { lines.push(line) } })
  t.diagnostic(`up after ${Date.now() - begin} ms: ${lines.join('; ')}`)
  try {
    assert.deepEqual(['store', 'temporal', 'worker', 'api'].filter(part => !lines.some(line => line.startsWith(part))), [])
    assert.equal((await fetch(`${dev.apiUrl}/readyz`)).status, 200)
    assert.deepEqual(await me(dev, dev.adminKey), { id: 'admin', name: 'Admin', roles: ['admin', 'commander', 'approver', 'management', 'engineer'] })
    assert.deepEqual(await me(dev, dev.keys.ben!), { id: 'ben', name: 'Ben', roles: ['approver'] })
    assert.equal(statSync(join(root, 'key')).mode & 0o777, 0o600)
    assert.equal(readFileSync(join(root, 'key'), 'utf8').trim(), dev.adminKey)
    assert.equal((JSON.parse(readFileSync(join(root, 'dev', 'dev.json'), 'utf8')) as { apiUrl: string }).apiUrl, dev.apiUrl)
    assert.equal(readFileSync(join(root, 'dev', 'dev.json'), 'utf8').includes('mst_'), false)
    assert.equal((await fetch(dev.temporalUi!)).status, 200)
    await assert.rejects(startDev({ root, ports: 'free' }), { code: 'dev.running', message: new RegExp(`process ${process.pid}, ${dev.apiUrl}`) })
    assert.equal((await fetch(`${dev.apiUrl}/readyz`)).status, 200, 'the refused second start has harmed the first')
    assert.deepEqual(dev.ailing(), [])
  } finally {
    await dev.stop()
  }
  await assertGone(root, dev.ports)

  const again = await startDev({ root, ports: 'free', headless: true })
  try {
    assert.equal(again.adminKey, dev.adminKey, 'the key that people have noted goes on working')
    assert.equal(again.temporalUi, undefined)
  } finally {
    await again.stop()
  }
  await assertGone(root, again.ports)
})

test('where a part does not start, the others are stopped, and its last words are told', async () => {
  const root = join(scratch, 'broken', '.muster')
  await assert.rejects(startDev({ root, ports: 'free', headless: true, env: { MUSTER_RATE_LIMIT: 'many' } }), { code: 'dev.failed', message: /MUSTER_RATE_LIMIT/ })
  await assertGone(root, JSON.parse(readFileSync(join(root, 'dev', 'ports.json'), 'utf8')) as object)
})

/** `muster dev` as a person types it. */
async function typed (root: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('../src/cli/main.ts', import.meta.url)), 'dev', '--ports', 'free'], {
    env: { ...process.env, MUSTER_HOME: root }, stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { out += chunk.toString() })
  const ended = once(child, 'exit')
  while (!out.includes('Ctrl-C stops everything')) {
    if (child.exitCode !== null) throw new Error(out)
    await delay(50)
  }
  return { child, ended, out: () => out, ports: (JSON.parse(readFileSync(join(root, 'dev', 'dev.json'), 'utf8')) as { ports: object }).ports }
}

test('one Ctrl-C stops everything in order; a start after kill -9 ends what was left', async () => {
  const root = join(scratch, 'typed', '.muster')
  const first = await typed(root)
  assert.match(first.out(), /API +http:\/\/127\.0\.0\.1:\d+\n reference +http.*\/docs\n Temporal +http/)
  first.child.kill('SIGKILL')
  await first.ended
  assert.notDeepEqual(processesOf(root), [], 'a SIGKILL cannot take the parts with it')

  const second = await typed(root)
  const left = processesOf(root)
  second.child.kill('SIGINT')
  assert.deepEqual(await second.ended, [0, null])
  assert.match(second.out(), /stopped, nothing left running/)
  assert.ok(left.length > 0)
  await assertGone(root, { ...first.ports, ...second.ports })
})

test('a second Ctrl-C does not wait', async () => {
  const root = join(scratch, 'twice', '.muster')
  const dev = await typed(root)
  dev.child.kill('SIGINT')
  while (!dev.out().includes('Ctrl-C again kills')) await delay(5)
  dev.child.kill('SIGINT')
  const [code] = await dev.ended as [number]
  assert.ok(code === 130 || code === 0, `exit code ${code}`)
  for (let tries = 0; tries < 100 && processesOf(root).length > 0; tries++) await delay(50)
  assert.deepEqual(processesOf(root), [])
})

test('a recycled process number is never signalled', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' })
  const ended = once(child, 'exit')
  const itself = { name: 'x', pid: child.pid!, startTime: readProc(child.pid!)!.startTime, match: 'setInterval' }
  for (let tries = 0; tries < 100 && !isAlive(itself); tries++) await delay(10)
  await end({ ...itself, startTime: itself.startTime - 1 }, 10)
  await end({ ...itself, match: 'another program' }, 10)
  assert.equal(isAlive(itself), true)
  await end(itself, 1000)
  await ended
  assert.equal(isAlive(itself), false)
})

test('a port that is taken is left to whoever has it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  assert.equal(await isFree(port), false)
  server.close()
  await once(server, 'close')
  assert.equal(await isFree(port), true)
  const ports = await choosePorts('free')
  assert.equal(new Set(Object.values(ports)).size, 4)
  for (const one of Object.values(ports)) assert.ok(one >= 10_000 && one < 20_000 && !Object.values(usualPorts).includes(one))
})

test('Temporal’s dev server listens on loopback alone and polls without the 50 ms', () => {
  const args = temporalArgs('/r', { ...usualPorts }, true).join(' ')
  for (const part of ['--ip 127.0.0.1', '--ui-ip 127.0.0.1', '--port 7233', '--ui-port 8233', '--db-filename /r/dev/temporal.db', '--log-level error',
    'history.transferProcessorMaxPollRPS=2000', 'history.timerProcessorMaxPollRPS=2000', '--search-attribute MusterWaitingFor=Keyword']) assert.ok(args.includes(part), part)
  assert.ok(temporalArgs('/r', { ...usualPorts }, false).includes('--headless'))
})

test('a store whose folder is gone is swept, one that belongs to somebody or to nobody known is not', () => {
  const folder = join(scratch, 'elsewhere')
  for (const [name, root] of [['muster-dev-lost', join(scratch, 'gone')], ['muster-dev-kept', scratch], ['other', join(scratch, 'gone')], ['muster-dev-new', undefined]] as const) {
    mkdirSync(join(folder, name, 'store'), { recursive: true })
    if (root !== undefined) writeFileSync(join(folder, name, 'belongs-to'), root)
  }
  sweepStores(folder)
  assert.deepEqual(readdirSync(folder).sort(), ['muster-dev-kept', 'muster-dev-new', 'other'])
})
