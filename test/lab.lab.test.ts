import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { parse } from 'yaml'
import { labDown, labList, labStatus, labUp, type Lab } from '../src/lab/lab.js'
import { labTraces, livingOf, sharedMemoryOf, signalAll } from './fixtures/lab-traces.js'

interface Delivery { authorization?: string, alerts: Array<{ status: string, labels: Record<string, string> }> }

describe('the lab', { timeout: 120_000 }, () => {
  let root: string
  let receiver: Server
  let one: Lab
  let two: Lab
  const deliveries: Delivery[] = []
  const lines: string[] = []

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'muster-lab-'))
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (data) => { body += data })
      request.on('end', () => {
        deliveries.push({ authorization: request.headers.authorization, ...JSON.parse(body) })
        response.end()
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => { receiver.once('listening', resolve) })
    const url = `http://127.0.0.1:${(receiver.address() as { port: number }).port}/v1/alerts`
    const credentialsFile = join(root, 'token')
    writeFileSync(credentialsFile, 'lab-test-token\n', { mode: 0o600 })
    ;[one, two] = await Promise.all([
      labUp({ root, name: 'one', webhook: { url, credentialsFile }, onProgress: (line) => { lines.push(line) } }),
      labUp({ root, name: 'two', webhook: { url, credentialsFile }, synchronous: false }),
    ])
  })

  after(async () => {
    for (const { name } of await labList(root)) await labDown(root, name)
    receiver.closeAllConnections()
    receiver.close()
    rmSync(root, { recursive: true, force: true })
  })

  it('has every server running, one primary, and one standby that commits wait for as asked', async () => {
    const [first, second] = await Promise.all([labStatus(root, 'one'), labStatus(root, 'two')])
    assert.equal(first.state, 'running')
    assert.deepEqual(first.servers.filter(({ state }) => state !== 'running'), [])
    assert.deepEqual(first.database, [{ name: 'pg1', role: 'primary', standby: { name: 'pg2', syncState: 'sync' } }, { name: 'pg2', role: 'standby' }])
    assert.deepEqual(second.database[0], { name: 'pg1', role: 'primary', standby: { name: 'pg2', syncState: 'async' } })
    assert.equal(lines.length, first.servers.length + 1, 'one line for each server and one for the lab')
  })

  it('runs two labs that were started at once on ports of their own, on loopback only', () => {
    const ports = [...Object.values(one.ports), ...Object.values(two.ports)]
    assert.equal(new Set(ports).size, ports.length)
    const open = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === '0A')
      .map((fields) => fields[1]?.split(':') ?? []).filter(([, port = '']) => ports.includes(Number.parseInt(port, 16)))
    // A lab's alert receiver listens only while the monitoring is being validated.
    const quiet = [one, two].filter(({ ports }) => !open.some(([, port = '']) => Number.parseInt(port, 16) === ports.alertReceiver))
    // The port of the node exporter is for labs with volumes.
    assert.equal(open.length, ports.length - quiet.length - 2)
    assert.deepEqual(open.filter(([address]) => address !== '0100007F'), [])
  })

  it('runs its servers as an unprivileged user, and keeps what is secret from others', { skip: process.getuid?.() !== 0 }, () => {
    const users = livingOf(one.base).map((pid) => ({ pid, program: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), uid: statSync(`/proc/${pid}`).uid }))
    assert.ok(users.length > 20)
    // The compiler that tsx keeps beside a process stays with whoever started it; the built lab has none.
    assert.deepEqual(users.filter(({ pid, program }) => program !== 'esbuild' && /^Uid:\t(?!65534\t65534)/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))), [])
    for (const { passwordFile } of Object.values(one.accounts)) assert.equal(statSync(passwordFile).mode & 0o077, 0)
  })

  it('writes an environment file that says the same as it answers', () => {
    assert.deepEqual(parse(readFileSync(one.environmentFile, 'utf8')), JSON.parse(JSON.stringify(one.environment)))
    assert.equal(one.environment.tier, 'lab')
  })

  it('lets the application’s role make and drop the schema of the canaries, through the endpoint', async () => {
    const { endpoint } = one.environment.database!
    const client = new pg.Client(endpoint)
    await client.connect()
    await client.query('create schema muster_canary')
    await client.query('drop schema muster_canary')
    for (const { sql } of one.environment.database!.invariants!) {
      const { rows } = await client.query({ text: sql, rowMode: 'array' })
      assert.deepEqual(rows, [[true]])
    }
    await client.end()
  })

  it('archives its WAL', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: one.ports.pg1, user: 'postgres', database: 'postgres' })
    await client.connect()
    await client.query('select pg_switch_wal()')
    await until(async () => {
      const { rows: [archiver] } = await client.query('select archived_count::int as archived, failed_count::int as failed from pg_stat_archiver')
      assert.equal(archiver.failed, 0)
      return archiver.archived > 0
    })
    await client.end()
  })

  it('delivers the watchdog to the webhook, with the environment’s name and the token', async () => {
    const watchdogOf = (name: string) => deliveries.find(({ alerts }) => alerts.some(({ labels }) => labels.alertname === 'Watchdog' && labels.environment === name))
    await until(async () => watchdogOf('one') !== undefined && watchdogOf('two') !== undefined, 15_000)
    assert.equal(watchdogOf('one')?.authorization, 'Bearer lab-test-token')
  })

  it('is not started twice: a second up answers with the lab that runs', async () => {
    const before = await labStatus(root, 'one')
    const again = await labUp({ root, name: 'one' })
    assert.deepEqual(again.ports, one.ports)
    assert.deepEqual((await labStatus(root, 'one')).servers, before.servers)
  })

  it('goes down in good order and leaves nothing; a second down is no error', async () => {
    const traces = labTraces(two, root)
    assert.equal(traces.segments, 2)
    assert.deepEqual(traces.mapped, [])
    await labDown(root, 'two')
    assert.deepEqual(traces.left(), [])
    await labDown(root, 'two')
    await assert.rejects(labStatus(root, 'two'), { code: 'lab.unknown' })
  })

  it('resumes its data after every process was killed', async () => {
    const client = new pg.Client(one.environment.database!.endpoint)
    await client.connect()
    client.on('error', () => {})
    await client.query('create table kept as select 42 as answer')
    killAll(one)
    await labDown(root, 'one', { keepData: true })
    assert.deepEqual(livingOf(one.base), [])
    one = await labUp({ root, name: 'one' })
    const again = new pg.Client(one.environment.database!.endpoint)
    await again.connect()
    assert.equal((await again.query('select answer from kept')).rows[0].answer, 42)
    await again.end()
    assert.deepEqual((await labStatus(root, 'one')).database[0]?.standby, { name: 'pg2', syncState: 'sync' })
  })

  it('resumes with the promoted node where a failover was left half-way, and makes the old primary its standby', async () => {
    // pg1 is dead and blocked, pg2 promoted: nobody came to finish.
    const memory = sharedMemoryOf(`${one.base}/pg1`)
    assert.equal(memory().length, 1)
    signalAll(treeOf(one, 'pg1'), 'SIGKILL')
    renameSync(`${one.base}/conf/pg1.conf`, `${one.base}/conf/pg1.conf.blocked`)
    const standby = new pg.Client({ host: '127.0.0.1', port: one.ports.pg2, user: 'postgres', database: 'shop' })
    await standby.connect()
    await standby.query('select pg_promote(true, 10)')
    await standby.query('create table after_failover as select 1 as one')
    await standby.end()
    assert.deepEqual((await labStatus(root, 'one')).servers.find(({ name }) => name === 'pg1')?.state, 'blocked')
    one = await labUp({ root, name: 'one' })
    assert.deepEqual(memory(), [], 'the killed server’s memory goes before its data do')
    assert.deepEqual((await labStatus(root, 'one')).database, [{ name: 'pg1', role: 'standby' }, { name: 'pg2', role: 'primary', standby: { name: 'pg1', syncState: 'sync' } }])
    const client = new pg.Client(one.environment.database!.endpoint)
    await client.connect()
    await client.query('insert into after_failover values (2)').catch((error: Error) => { assert.match(error.message, /permission denied/) })
    assert.deepEqual((await client.query('select pg_is_in_recovery() as standby')).rows, [{ standby: false }])
    await client.end()
  })

  it('goes down with a frozen PostgreSQL and a blocked server, and leaves nothing', async () => {
    const traces = labTraces(one, root)
    signalAll(treeOf(one, 'pg2'), 'SIGSTOP')
    renameSync(`${one.base}/conf/pg1.conf`, `${one.base}/conf/pg1.conf.blocked`)
    // The kernel stops a process when it is next scheduled, not when the signal is sent.
    const stateOf = async () => (await labStatus(root, 'one')).servers.find(({ name }) => name === 'pg2')?.state
    for (let tries = 0; tries < 100 && await stateOf() !== 'frozen'; tries++) await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(await stateOf(), 'frozen')
    await labDown(root, 'one')
    assert.deepEqual(traces.left(), [])
  })

  it('leaves nothing after every process was killed, nor after a start that was killed half-way', async () => {
    // Not under a folder that others cannot enter this time: then the servers live in the state folder itself.
    const open = mkdtempSync('/tmp/ml-')
    chmodSync(open, 0o755)
    try {
      const lab = await labUp({ root: open, name: 'three' })
      assert.equal(lab.base, join(open, 'labs/three'))
      const traces = labTraces(lab, open)
      killAll(lab)
      await labDown(open, 'three')
      assert.deepEqual(traces.left(), [])

      const half = await halfStarted(open, 'four')
      assert.ok(livingOf(half.base).length > 0)
      await labDown(open, 'four')
      assert.deepEqual(livingOf(half.base), [])
      assert.equal(existsSync(half.base), false)
      assert.equal(existsSync(join(open, 'labs')), false)
    } finally {
      rmSync(open, { recursive: true, force: true })
    }
  })

  it('refuses a name that could lead elsewhere', async () => {
    await assert.rejects(labUp({ root, name: '../x' }), { code: 'input.invalid' })
  })
})

function killAll (lab: Lab): void {
  for (let pids = livingOf(lab.base); pids.length > 0; pids = livingOf(lab.base)) signalAll(pids, 'SIGKILL')
}

/** A node's server and its children: all work in its data directory. */
function treeOf (lab: Lab, node: string): number[] {
  return livingOf(`${lab.base}/${node}`)
}

/** Kills a start in another process as soon as PostgreSQL runs. */
async function halfStarted (root: string, name: string): Promise<{ base: string }> {
  const entry = fileURLToPath(new URL('../src/lab/lab.ts', import.meta.url))
  const code = `const { labUp } = await import(${JSON.stringify(entry)})
    await labUp({ root: ${JSON.stringify(root)}, name: ${JSON.stringify(name)}, onProgress: console.log })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => { if (data.toString().includes('pg1 ')) resolve() })
    child.once('close', () => { resolve() })
  })
  child.kill('SIGKILL')
  return JSON.parse(readFileSync(join(root, 'labs', `${name}.json`), 'utf8'))
}

async function until (ask: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!await ask()) {
    assert.ok(Date.now() < end, `not within ${deadlineMs} ms`)
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
}
