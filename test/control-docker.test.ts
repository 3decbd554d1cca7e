import { after, before, describe, it, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { controlOf } from '../src/control/control.js'
import { dockerEngine, readFrames } from '../src/control/docker-engine.js'
import { until } from '../src/control/until.js'
import { DrillError } from '../src/errors.js'
import type { DockerControl } from '../src/drill/environment.js'

test('output frames are put together however the bytes are cut', async () => {
  const frame = (stream: number, text: string): Buffer => Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)])
  const bytes = Buffer.concat([frame(1, 'one '), frame(2, 'wrong'), frame(1, ''), frame(1, 'two')])
  for (const size of [1, 3, 7, 8, 9, 100]) {
    const chunks = (async function * () { for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size) })()
    assert.deepEqual(await readFrames(chunks, 1_000), { stdout: 'one two', stderr: 'wrong', truncated: false })
  }
  assert.deepEqual(await readFrames((async function * () { yield bytes })(), 5), { stdout: 'one t', stderr: 'wrong', truncated: true })
})

test('an engine that does not answer is control.failed with its address', async () => {
  const control: DockerControl = { kind: 'docker', socket: '/nonexistent/docker.sock', labels: { a: 'b' } }
  await assert.rejects(controlOf(control).state(), (error: unknown) => error instanceof DrillError && error.code === 'control.failed' && error.message.includes('/nonexistent/docker.sock'))
})

interface RunningEngine { socket: string, stop: () => Promise<void> }

/** An engine that is there, or one started from the machine's own dockerd with its own data; a sentence where neither is to be had. */
async function findEngine (): Promise<RunningEngine | string> {
  if (await pings('/var/run/docker.sock')) return { socket: '/var/run/docker.sock', stop: async () => {} }
  const program = (process.env.PATH ?? '').split(':').map(folder => join(folder, 'dockerd')).find(existsSync)
  if (program === undefined) return 'not tested: no Docker engine'
  if (process.getuid?.() !== 0) return 'not tested: a Docker engine can only be started by root'
  return await startEngine(program) ?? 'not tested: the Docker engine of this machine does not start here'
}

async function startEngine (program: string): Promise<RunningEngine | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-docker-'))
  const socket = join(folder, 'docker.sock')
  const traces = ['/etc/docker/key.json', '/etc/docker', '/run/docker', ...cgroups()].filter(path => !existsSync(path))
  const daemon: ChildProcess = spawn(program, [
    '--data-root', join(folder, 'root'), '--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid'), '-H', `unix://${socket}`,
    '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--bridge=none', '--storage-driver=overlay2',
  ], { stdio: 'ignore' })
  const ended = new Promise(resolve => { daemon.once('exit', resolve) })
  const stop = async (): Promise<void> => {
    daemon.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
    for (const path of traces) removeTrace(path)
  }
  const up = await until(async () => await pings(socket) || daemon.exitCode !== null || undefined, { everyMs: 50, deadlineMs: 20_000 })
  if (up && daemon.exitCode === null) return { socket, stop }
  await stop()
  return undefined
}

/** Empty cgroup folders named docker: one a hierarchy. */
function cgroups (): string[] {
  if (!existsSync('/sys/fs/cgroup')) return []
  return ['/sys/fs/cgroup/docker', ...readdirSync('/sys/fs/cgroup').map(name => `/sys/fs/cgroup/${name}/docker`)]
}

function removeTrace (path: string): void {
  if (!existsSync(path)) return
  try {
    if (path.startsWith('/sys/')) for (const name of readdirSync(path)) if (statSync(join(path, name)).isDirectory()) removeTrace(join(path, name))
    if (path.startsWith('/sys/') || path === '/etc/docker') rmdirSync(path)
    else rmSync(path, { recursive: true, force: true })
  } catch {
    // Somebody else's lies in it.
  }
}

async function pings (socket: string): Promise<boolean> {
  const dispatcher = new Agent({ connect: { socketPath: socket } })
  try {
    return (await request('http://docker/_ping', { dispatcher })).statusCode === 200
  } catch {
    return false
  } finally {
    await dispatcher.close()
  }
}

/** Nothing can be pulled: an image of the few programs that the tests need, out of this machine's own files. */
function smallImage (): Buffer {
  const programs = ['sh', 'sleep', 'touch', 'rm', 'cat', 'ls'].map(name => `/bin/${name}`)
  const libraries = programs.flatMap(path => execFileSync('ldd', [path], { encoding: 'utf8' }).split('\n').flatMap(line => /(\/\S+) \(0x/.exec(line)?.[1] ?? []))
  const files = [...new Set([...programs, ...libraries])].map(path => path.slice(1))
  return execFileSync('tar', ['-C', '/', '-ch', '--hard-dereference', ...files], { maxBuffer: 64 * 1024 * 1024 })
}

const found = await findEngine()
const skip = typeof found === 'string' ? found : false

describe('a container', { skip, timeout: 60_000 }, () => {
  const engineOf = found as RunningEngine
  const image = 'muster-test:latest'
  const mark = `t${process.pid}`
  const control = (): DockerControl => ({
    kind: 'docker', socket: engineOf.socket, labels: { 'muster.test': mark, role: 'db' },
    tools: { sh: { path: '/bin/sh', env: { TOOL: 'yes' } }, sleep: { path: '/bin/sleep' }, missing: { path: '/bin/missing' } },
  })
  const name = `muster-${mark}`
  const code = (wanted: string) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted
  let engine: ReturnType<typeof dockerEngine>

  before(async () => {
    engine = dockerEngine(engineOf.socket)
    const dispatcher = new Agent({ connect: { socketPath: engineOf.socket } })
    const answer = await request(`http://docker/images/create?fromSrc=-&repo=${image.split(':')[0]}&tag=latest`, { method: 'POST', dispatcher, body: smallImage(), headers: { 'content-type': 'application/x-tar' } })
    await answer.body.text()
    await dispatcher.close()
    await create(name, 'db')
  })

  async function create (called: string, role: string): Promise<void> {
    await engine.must('POST', `/containers/create?name=${called}`, {
      Image: image, Cmd: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'], Labels: { 'muster.test': mark, role },
      Volumes: { '/data': {} }, HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
    })
  }

  after(async () => {
    for (const { Id } of await engine.json<Array<{ Id: string }>>('GET', `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [`muster.test=${mark}`] }))}`)) {
      await engine.request('DELETE', `/containers/${Id}?force=true&v=true`)
    }
    await engine.request('DELETE', `/images/${image}`)
    await engineOf.stop()
  })

  it('starts and stops, and each again changes nothing', async () => {
    const hand = controlOf(control())
    assert.equal(await hand.state(), 'dead')
    assert.equal(await hand.start(), 'started')
    assert.equal(await hand.start(), 'already')
    assert.equal(await hand.state(), 'running')
    assert.equal(await hand.stop({ timeoutMs: 5_000 }), 'stopped')
    assert.equal(await hand.stop(), 'already')
  })

  it('is frozen, thawed and killed, twice each, and killed while frozen', async () => {
    const hand = controlOf(control())
    await assert.rejects(hand.freeze(), code('control.failed'))
    await hand.start()
    await hand.freeze()
    await hand.freeze()
    assert.equal(await hand.state(), 'frozen')
    assert.equal(await hand.start(), 'already', 'a start must not thaw')
    await assert.rejects(hand.run('sh', ['-c', 'true']), code('control.failed'))
    await hand.thaw()
    await hand.thaw()
    assert.equal(await hand.state(), 'running')
    await hand.freeze()
    await hand.kill()
    await hand.kill()
    assert.equal(await hand.state(), 'dead')
    await hand.thaw()
  })

  it('runs what is on the allow-list, in it while it runs and beside it while it is dead', async () => {
    const hand = controlOf(control())
    await assert.rejects(hand.run('rm', []), code('control.refused'))
    for (const state of ['running', 'dead'] as const) {
      if (state === 'running') await hand.start()
      else await hand.kill()
      const result = await hand.run('sh', ['-c', 'echo "$TOOL $HANDED"; echo wrong >&2; touch /data/$MADE; exit 7'], { env: { HANDED: 'over', MADE: state } })
      assert.deepEqual(result, { exitCode: 7, stdout: 'yes over\n', stderr: 'wrong\n', truncated: false })
      assert.equal(await hand.hasFile(`/data/${state}`), true, `the volume is the same one while ${state}`)
      await hand.createFile('/data/standby.signal')
      assert.equal(await hand.hasFile('/data/standby.signal'), true)
      await hand.removeFile('/data/standby.signal')
      await hand.removeFile('/data/standby.signal')
      assert.equal(await hand.hasFile('/data/standby.signal'), false)
      await assert.rejects(hand.run('sleep', ['1000'], { timeoutMs: 400 }), code('control.failed'))
    }
    // In the dead container: what outlives its caller goes on beside it, and the next try waits for it.
    const args = ['-c', 'sleep 0.5; echo done >> /data/log; cat /data/log']
    await assert.rejects(hand.run('sh', args, { outlives: '/data', signal: AbortSignal.timeout(450) }))
    assert.equal((await hand.run('sh', args, { outlives: '/data' })).stdout, 'done\ndone\n')
    assert.equal((await engine.json<unknown[]>('GET', `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ name: [`${name}.muster`] }))}`)).length, 0, 'nothing is left beside it')
  })

  it('is blocked, which nobody starts by its name, and gets its restart policy back', async () => {
    const hand = controlOf(control())
    await hand.block()
    await hand.block()
    assert.equal(await hand.blocked(), true)
    await assert.rejects(hand.start(), code('control.refused'))
    assert.equal((await engine.request('POST', `/containers/${name}/start`)).status, 404)
    const policy = async (called: string): Promise<unknown> =>
      (await engine.json<{ HostConfig: { RestartPolicy: unknown } }>('GET', `/containers/${called}/json`)).HostConfig.RestartPolicy
    assert.deepEqual(await policy(`${name}.blocked.on-failure.3`), { Name: 'no', MaximumRetryCount: 0 })
    await hand.unblock()
    await hand.unblock()
    assert.equal(await hand.blocked(), false)
    assert.deepEqual(await policy(name), { Name: 'on-failure', MaximumRetryCount: 3 })
    assert.equal(await hand.start(), 'started')
    await hand.kill()
  })

  it('must be exactly one', async () => {
    const none = controlOf({ ...control(), labels: { 'muster.test': mark, role: 'none' } })
    await assert.rejects(none.kill(), code('control.failed'))
    await create(`${name}-twin`, 'db')
    await assert.rejects(controlOf(control()).kill(), code('control.refused'))
    await engine.request('DELETE', `/containers/${name}-twin?force=true`)
  })
})
