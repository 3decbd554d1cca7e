import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controlOf } from '../src/control/control.js'
import { allProcs, isSame, isStopped, readProc } from '../src/control/proc.js'
import { sharedSegments } from '../src/control/shared-memory.js'
import { until } from '../src/control/until.js'
import { DrillError } from '../src/errors.js'
import type { ProcessControl } from '../src/drill/environment.js'
import { signalAll } from './fixtures/lab-traces.js'

const soon = { everyMs: 5, deadlineMs: 20_000 }

interface Bench { folder: string, control: ProcessControl, children: () => number[] }

/** A server: a shell with a child that has a child in a session of its own, as PostgreSQL's backends are. */
async function withServer (use: (bench: Bench) => Promise<void>, change: (control: ProcessControl, folder: string) => void = () => {}): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'muster-control-')))
  const script = join(folder, 'server.sh')
  writeFileSync(join(folder, 'server.conf'), '')
  mkdirSync(join(folder, 'data'))
  writeFileSync(script, 'cd "$1/data"; trap "exit 0" TERM; setsid sleep 1000 & echo $! > ../child; echo $$ > ../server.pid; while :; do sleep 0.05; done\n')
  const control: ProcessControl = {
    kind: 'process',
    pidFile: join(folder, 'server.pid'),
    match: script,
    start: { command: realpathSync('/bin/sh'), args: [script, folder], cwd: folder, env: { PATH: '/usr/bin:/bin' }, log: join(folder, 'log') },
    blockFile: join(folder, 'server.conf'),
    staleFiles: [join(folder, 'server.pid'), join(folder, 'lock')],
    tools: { sh: { path: '/bin/sh', env: { TOOL: 'yes' } }, sleep: { path: '/bin/sleep' } },
  }
  change(control, folder)
  const children = (): number[] => existsSync(join(folder, 'child')) ? [Number(readFileSync(join(folder, 'child'), 'utf8'))] : []
  try {
    await use({ folder, control, children })
  } finally {
    await controlOf(control).kill()
    signalAll(children(), 'SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

const code = (wanted: string) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted

test('starts, says that it runs, and starts no second one', async () => {
  await withServer(async ({ control, folder }) => {
    writeFileSync(join(folder, 'lock'), 'left by an unclean death')
    const hand = controlOf(control)
    assert.equal(await hand.state(), 'dead')
    assert.equal(await hand.start(), 'started')
    assert.equal(existsSync(join(folder, 'lock')), false)
    assert.equal(await hand.state(), 'running')
    assert.equal(await hand.start(), 'already')
  })
})

test('kill takes the tree, also what has a session of its own; twice is as once', async () => {
  await withServer(async ({ control, children }) => {
    const hand = controlOf(control)
    await hand.start()
    const child = readProc(children()[0]!)!
    await hand.kill()
    assert.equal(await hand.alive(), false)
    assert.equal(isSame(child), false)
    await hand.kill()
  })
})

test('kill of the first process alone leaves its children, and the whole kill finds those in the work folder', async () => {
  await withServer(async ({ control, folder }) => {
    // The child must run the same program to be found by its folder.
    const hand = controlOf(control, { workDir: join(folder, 'data') })
    await hand.start()
    const child = (await until(() => existsSync(join(folder, 'twin')) ? readProc(Number(readFileSync(join(folder, 'twin'), 'utf8'))) : undefined, soon))!
    await hand.kill({ tree: false })
    assert.equal(isSame(child), true)
    assert.equal(await hand.state(), 'running', 'an orphan is not nothing')
    await hand.kill()
    assert.equal(isSame(child), false)
    assert.equal(await hand.state(), 'dead')
  }, (control, folder) => {
    writeFileSync(join(folder, 'server.sh'), 'cd "$1/data"; (while :; do sleep 0.05; done) & echo $! > ../twin; echo $$ > ../server.pid; while :; do sleep 0.05; done\n')
  })
})

test('a frozen one is alive, takes no step, and goes on once thawed', async () => {
  await withServer(async ({ control, children }) => {
    const hand = controlOf(control)
    await assert.rejects(hand.freeze(), code('control.failed'))
    await hand.start()
    await hand.freeze()
    await hand.freeze()
    assert.equal(await hand.state(), 'frozen')
    assert.equal(await hand.alive(), true)
    assert.equal(isStopped(readProc(children()[0]!)!), true)
    assert.equal(await hand.start(), 'already', 'a start must not thaw')
    assert.equal(await hand.state(), 'frozen')
    await hand.thaw()
    await hand.thaw()
    assert.equal(await hand.state(), 'running')
    await hand.freeze()
    await hand.kill()
    assert.equal(await hand.state(), 'dead')
  })
})

const noPython = spawnSync('python3', ['-c', '']).status !== 0 && 'what ends one thread of its own is there with python3 only'

test('one that is frozen between vfork and exec of its child is known to be frozen, thaws and dies', { skip: noPython }, async () => {
  await withServer(async ({ control }) => {
    const hand = controlOf(control)
    await hand.start()
    const pid = Number(readFileSync(control.pidFile, 'utf8'))
    // Its child waits for a reader of the pipe, and it waits for its child, and takes no note of a SIGSTOP while it does.
    await until(() => (allProcs().some(({ parent }) => parent === pid) && readProc(pid)?.state === 'D') || undefined, soon)
    await hand.freeze()
    assert.equal(readProc(pid)!.state, 'D')
    assert.equal(await hand.state(), 'frozen')
    await hand.thaw()
    assert.equal(await hand.state(), 'running')
    await hand.freeze()
    await hand.kill()
    assert.equal(await hand.state(), 'dead')
  }, (control, folder) => {
    const program = 'import os, sys; open(sys.argv[1], "w").write(str(os.getpid())); os.mkfifo(sys.argv[2]); os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, sys.argv[2], os.O_WRONLY, 0)])'
    writeFileSync(join(folder, 'server.py'), program)
    control.match = join(folder, 'server.py')
    control.start.command = '/usr/bin/python3'
    control.start.args = [control.match, control.pidFile, join(folder, 'pipe')]
  })
})

test('what a killed server left of shared memory is freed before another one starts, and nothing that somebody else made', async () => {
  await withServer(async ({ control }) => {
    const make = (): number => Number(/(\d+)\s*$/.exec(execFileSync('ipcmk', ['--shmem', '4096'], { encoding: 'utf8' }))![1])
    const isThere = (id: number): boolean => sharedSegments().some(segment => segment.id === id)
    const [own, others] = [make(), make()]
    try {
      const { key, maker } = sharedSegments().find(({ id }) => id === own)!
      const pidFile = (made: number, id: number): void => { writeFileSync(control.pidFile, [made, '/data', '1', '5432', '/run', '', `${key} ${id}`, 'ready'].join('\n')) }
      pidFile(1, others)
      assert.equal(await controlOf(control).start(), 'started')
      await controlOf(control).kill()
      pidFile(maker, own)
      assert.equal(await controlOf(control).start(), 'started')
      assert.deepEqual([own, others].map(isThere), [false, true])
    } finally {
      for (const id of [own, others].filter(isThere)) execFileSync('ipcrm', ['-m', String(id)])
    }
  })
})

test('a blocked one is not started until it is unblocked', async () => {
  await withServer(async ({ control, folder }) => {
    const hand = controlOf(control)
    await hand.block()
    await hand.block()
    assert.equal(await hand.blocked(), true)
    assert.equal(existsSync(join(folder, 'server.conf.blocked')), true)
    await assert.rejects(hand.start(), code('control.refused'))
    await hand.unblock()
    await hand.unblock()
    assert.equal(await hand.blocked(), false)
    assert.equal(await hand.start(), 'started')
  })
})

test('one without a file to block is refused, not believed to be blocked', async () => {
  await withServer(async ({ control }) => {
    await assert.rejects(controlOf(control).block(), code('control.refused'))
  }, control => { delete control.blockFile })
})

test('a pid file that names somebody else’s process is no process of ours', async () => {
  await withServer(async ({ control }) => {
    const stranger = spawn('/bin/sleep', ['1000'])
    try {
      writeFileSync(control.pidFile, `${stranger.pid}\n`)
      const hand = controlOf(control)
      assert.equal(await hand.state(), 'dead')
      await hand.kill()
      assert.notEqual(readProc(stranger.pid!), undefined)
    } finally {
      stranger.kill('SIGKILL')
    }
  })
})

test('a signal never reaches a process that got the number of another', async () => {
  const { sendSignal } = await import('../src/control/proc.js')
  const child = spawn('/bin/sleep', ['1000'])
  try {
    const proc = readProc(child.pid!)!
    sendSignal({ ...proc, startTime: proc.startTime - 1 }, 'SIGKILL')
    assert.equal(isSame(proc), true)
  } finally {
    child.kill('SIGKILL')
  }
})

test('a zombie counts as dead and does not prevent a start', async () => {
  await withServer(async ({ control, folder, children }) => {
    // A parent that never reaps.
    const parent = spawn('/bin/sh', ['-c', `/bin/sh ${control.match} ${folder} & exec sleep 1000`], { stdio: 'ignore' })
    try {
      const hand = controlOf(control)
      await until(async () => await hand.alive() || undefined, soon)
      const pid = Number(readFileSync(control.pidFile, 'utf8'))
      process.kill(pid, 'SIGKILL')
      // The next server has a child of its own, and its number will be what the file says.
      process.kill(children()[0]!, 'SIGKILL')
      await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ') || undefined, soon)
      assert.equal(await hand.state(), 'dead')
      assert.equal(await hand.start(), 'started')
    } finally {
      parent.kill('SIGKILL')
    }
  })
})

test('a process whose first thread has ended lives until its last one has: it holds its ports', { skip: noPython }, async () => {
  const program = 'import ctypes, threading, time; threading.Thread(target=time.sleep, args=(1000,)).start(); ctypes.CDLL(None).pthread_exit(None)'
  const child = spawn('python3', ['-c', program], { stdio: 'ignore' })
  try {
    await until(() => readFileSync(`/proc/${child.pid}/stat`, 'latin1').includes(') Z ') || undefined, soon)
    assert.equal(readProc(child.pid!)?.pid, child.pid)
  } finally {
    child.kill('SIGKILL')
  }
  assert.equal(await until(() => readProc(child.pid!) === undefined || undefined, soon), true)
})

test('stop waits for the end, and says which deadline passed', async () => {
  await withServer(async ({ control, children }) => {
    const hand = controlOf(control)
    await hand.start()
    process.kill(children()[0]!, 'SIGKILL')
    assert.equal(await hand.stop(), 'stopped')
    assert.equal(await hand.stop(), 'already')
    await hand.start()
    await hand.freeze()
    await assert.rejects(hand.stop({ timeoutMs: 50 }), code('control.failed'))
  })
})

test('a start that fails gives the last words of its log', async () => {
  await withServer(async ({ control }) => {
    await assert.rejects(controlOf(control).start(), (error: unknown) => code('control.failed')(error) && /port is taken/.test((error as Error).message))
  }, (control, folder) => { writeFileSync(join(folder, 'server.sh'), 'echo the port is taken >&2; exit 3\n') })
})

test('only tools of the allow-list run, with their own environment and bounded output', async () => {
  await withServer(async ({ control }) => {
    const hand = controlOf(control)
    await assert.rejects(hand.run('rm', ['-rf', '/nowhere']), code('control.refused'))
    await assert.rejects(hand.run('constructor', []), code('control.refused'))
    const result = await hand.run('sh', ['-c', 'echo "$TOOL $HANDED $HOME"; head -c 100000 /dev/zero >&2; exit 7'], { env: { HANDED: 'over' }, maxOutputBytes: 1_000 })
    assert.equal(result.exitCode, 7)
    assert.equal(result.stdout, 'yes over \n')
    assert.equal(result.stderr.length, 1_000)
    assert.equal(result.truncated, true)
  })
})

test('a command ends at its deadline and when it is aborted, with all that it started', async () => {
  await withServer(async ({ control, folder }) => {
    const hand = controlOf(control)
    const child = join(folder, 'grandchild')
    await assert.rejects(hand.run('sh', ['-c', `sleep 1000 & echo $! > ${child}; wait`], { timeoutMs: 100 }), code('control.failed'))
    assert.equal(readProc(Number(readFileSync(child, 'utf8'))), undefined)
    const abort = new AbortController()
    const running = hand.run('sleep', ['1000'], { signal: abort.signal })
    setImmediate(() => { abort.abort(new Error('the drill was aborted')) })
    await assert.rejects(running, /the drill was aborted/)
  })
})

test('a command that outlives its caller goes on when it is aborted, and the next try waits for it', async () => {
  await withServer(async ({ control, folder }) => {
    const hand = controlOf(control)
    const mark = join(folder, 'mark')
    const args = ['-c', 'sleep 0.4; echo done >> "$0"; echo said', mark]
    const abort = new AbortController()
    const torn = hand.run('sh', args, { outlives: mark, signal: abort.signal })
    setTimeout(() => { abort.abort(new Error('the worker stops')) }, 100)
    await assert.rejects(torn, /the worker stops/)
    await assert.rejects(hand.ended('sh', mark, { timeoutMs: 20 }), code('control.failed'))
    assert.equal((await hand.run('sh', args, { outlives: mark })).stdout, 'said\n')
    assert.equal(readFileSync(mark, 'utf8'), 'done\ndone\n')
    await assert.rejects(hand.run('sh', args, { outlives: mark, timeoutMs: 50 }), code('control.failed'))
    await hand.ended('sh', mark)
    assert.equal(readFileSync(mark, 'utf8'), 'done\ndone\ndone\n')
  }, control => { control.tools = { sh: { path: realpathSync('/bin/sh') } } })
})

test('locks stay while anything lives', async () => {
  await withServer(async ({ control, folder }) => {
    const hand = controlOf(control)
    await hand.start()
    writeFileSync(join(folder, 'lock'), '')
    await assert.rejects(hand.clean(), code('control.refused'))
    assert.equal(existsSync(join(folder, 'lock')), true)
    await hand.kill()
    await hand.clean()
    await hand.clean()
    assert.equal(existsSync(join(folder, 'lock')), false)
    const mark = join(folder, 'standby.signal')
    await hand.createFile(mark)
    await hand.createFile(mark)
    assert.equal(await hand.hasFile(mark), true)
    await hand.removeFile(mark)
    await hand.removeFile(mark)
    assert.equal(await hand.hasFile(mark), false)
  })
})
