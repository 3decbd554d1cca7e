import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import type { Action } from '../activities/action.js'
import { actions } from '../activities/index.js'
import { restoresInto } from '../activities/backup/restore-files.js'
import { accepts } from '../activities/rebuild/ground.js'
import { inventory } from '../activities/restore/inventory.js'
import { controlOf } from '../src/control/control.js'
import { allProcs, commandLineOf } from '../src/control/proc.js'
import { until } from '../src/control/until.js'
import type { ActionInputs, ActionName, ActionResult } from '../src/drill/actions.js'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { Control, Environment } from '../src/drill/environment.js'
import { portsOf, type Rebuild } from '../src/drill/rebuild.js'
import { secretsFrom } from '../src/secrets.js'
import { act, ask, backupLab, copyOf, type BackupLab } from './fixtures/backup-lab.js'
import { stepContext } from './fixtures/database-lab.js'
import { sharedMemoryOf } from './fixtures/lab-traces.js'
import { dieAt, workAt, type DieAt } from './fixtures/killed-step.js'

/** One restore of the whole system, whose every step is killed in the middle: left alone then, and taken up by the next try. */
describe('a worker that is killed in the middle of a whole restore', { timeout: 290_000 }, () => {
  let lab: BackupLab
  let spare: Environment
  let rebuild: Rebuild
  let scratch: string
  let canary: ArchivedCanary
  let opened: string
  const secret = secretsFrom({})

  before(async () => {
    lab = await backupLab();
    ({ spare } = lab.lab)
    rebuild = spare.rebuild!
    scratch = mkdtempSync(join(tmpdir(), 'muster-killed-'))
    const redis = new Redis({ host: '127.0.0.1', port: lab.lab.ports.redis1 })
    await redis.mset({ 'session:one': 'Ana', 'session:two': 'Ben' })
    redis.disconnect()
    const { files, cache, configuration } = lab.environment.recovery!
    await run('backup.take', { backup: lab.backup, type: 'full' })
    canary = (await ask('backup.archiving', { database: lab.database, backup: lab.backup })).output.canary as ArchivedCanary
    await run('files.backup', { files: files! })
    await run('cache.backup', { cache: cache! })
    await run('configuration.seal', { configuration: configuration! })
    opened = (await run('configuration.open', { configuration: spare.recovery!.configuration! })).output.folder as string
  })
  after(async () => {
    await lab?.down()
    rmSync(scratch, { recursive: true, force: true })
  })

  const run = async <A extends ActionName>(action: A, input: ActionInputs[A]): Promise<ActionResult> => await act(action, input, { stepId: action, secret })
  const diesAt = async <A extends ActionName>(action: A, input: ActionInputs[A], call: DieAt, undoes = false): Promise<void> => {
    await dieAt(scratch, { action, input, stepId: action, undoes, dieAt: call })
  }
  const killedAt = async <A extends ActionName>(action: A, input: ActionInputs[A], isThere: () => boolean): Promise<void> => {
    const kill = await workAt(scratch, { action, input, stepId: action }, isThere)
    await kill()
  }
  const isDone = async <A extends ActionName>(action: A, input: ActionInputs[A], done: boolean): Promise<void> => {
    const { undone, summary } = await (actions[action] as Action<ActionInputs[A]>).verify(input, stepContext({ stepId: action, secret }))
    assert.equal(!undone, done, summary)
  }
  /** As often as somebody likes. */
  const undoTwice = async <A extends ActionName>(action: A, input: ActionInputs[A]): Promise<void> => {
    for (const _ of ['once', 'again']) {
      await (actions[action] as Action<ActionInputs[A]>).undo(input, stepContext({ stepId: action, secret }))
      await isDone(action, input, false)
    }
  }
  const processesOf = (text: string): string[] => allProcs().map(proc => commandLineOf(proc.pid)).filter(line => line.includes(text))
  /** One that was started a moment ago writes its pid file in a moment; a step is undone seconds later, at the earliest. */
  const born = async (control: Control): Promise<void> => { assert.ok(await until(async () => await controlOf(control).alive() || undefined, { everyMs: 5, deadlineMs: 20_000 }), 'it is there') }
  const pidOf = (control: Control): string => readFileSync((control as { pidFile: string }).pidFile, 'utf8').split('\n')[0]!

  test('configuring: half of the files are in place, or the mark that says whose the ground is is empty', async () => {
    const input = { rebuild, folder: opened }
    const placed = (): string[] => existsSync(rebuild.root) ? inventory('/', [rebuild.root]).map(({ path }) => path) : []
    const result = await run('rebuild.configure', input)
    const whole = inventory('/', [rebuild.root])
    await undoTwice('rebuild.configure', input)
    const half = Math.floor((result.output.files as number) / 2)
    const calls: DieAt[] = [
      { module: 'node:fs/promises', call: 'writeFile', text: '.muster-rebuild', when: 'torn' },
      { module: 'node:fs/promises', call: 'rename', text: `${rebuild.root}/`, nth: half, when: 'before' },
    ]
    for (const call of calls) {
      await diesAt('rebuild.configure', input, call)
      assert.ok(placed().length < whole.length, 'it was not done')
      await undoTwice('rebuild.configure', input)
      assert.deepEqual(readdirSync(dirname(rebuild.root)).filter(name => name.startsWith(basename(rebuild.root))), [], `killed ${call.when} ${call.call}: nothing is left`)
      await diesAt('rebuild.configure', input, call)
      assert.deepEqual((await run('rebuild.configure', input)).output, result.output)
      assert.deepEqual(inventory('/', [rebuild.root]), whole, `killed ${call.when} ${call.call}: the next try makes it whole`)
      await isDone('rebuild.configure', input, true)
      if (call !== calls.at(-1)) await undoTwice('rebuild.configure', input)
    }
  })

  test('the database: its mark is half written, its files are half there, its server is just started', async () => {
    const backup = spare.backup!
    const input = { rebuild, backup }
    const { dataDir } = rebuild.database
    let memory = (): number[] => []
    const kills = {
      mark: async () => { await diesAt('rebuild.database', input, { module: 'node:fs/promises', call: 'writeFile', text: 'muster.json', nth: 2, when: 'torn' }) },
      files: async () => { await killedAt('rebuild.database', input, () => restoresInto(dataDir).length > 0 && existsSync(join(dataDir, 'base'))) },
      server: async () => {
        await diesAt('rebuild.database', input, { module: 'node:child_process', call: 'spawn', text: 'archive_mode=off', when: 'after' })
        await born(rebuild.database.control)
        memory = sharedMemoryOf(dataDir)
        assert.ok(await until(() => memory().length > 0 || undefined, { everyMs: 5, deadlineMs: 20_000 }), 'it has its shared memory')
      },
    }
    for (const [name, kill] of Object.entries(kills)) {
      await kill()
      if (name === 'server') {
        const half: DieAt = { module: 'node:fs/promises', call: 'rm', text: join(backup.scratchDir, 'database/wal'), when: 'before' }
        await diesAt('rebuild.database', input, half, true)
        await isDone('rebuild.database', input, true)
      }
      await undoTwice('rebuild.database', input)
      assert.deepEqual([existsSync(dataDir), readdirSync(backup.scratchDir), processesOf(`${rebuild.root}/`), await accepts(rebuild.database.port), memory()], [false, [], [], false, []], `killed at its ${name}: nothing is left`)
    }
    // Each next try goes on, and is killed later.
    for (const kill of Object.values(kills)) await kill()
    const pid = pidOf(rebuild.database.control)
    const result = await run('rebuild.database', input)
    assert.equal(pidOf(rebuild.database.control), pid, 'the server that was started went on')
    const { outcome, observed } = await ask('copy.proven', { copy: copyOf(result), database: rebuild.source.database, backup, canary })
    assert.equal(outcome, 'pass', observed)
    await isDone('rebuild.database', input, true)
  })

  test('the files: one is moved to its place, and one is not', async () => {
    const paths = ['style.css', 'flag.svg'].map(name => join(lab.lab.base, 'assets', name))
    const places = paths.map(path => path.replace(lab.lab.base, rebuild.root))
    const there = (): boolean[] => places.map(path => existsSync(path))
    const restored = async (): Promise<ActionInputs['rebuild.files']> => ({
      rebuild, files: { ...spare.recovery!.files!, paths }, folder: (await run('files.restore', { files: spare.recovery!.files! })).output.folder as string,
    })
    const call: DieAt = { module: 'node:fs/promises', call: 'rename', text: 'flag.svg', when: 'before' }
    let input = await restored()
    await diesAt('rebuild.files', input, call)
    assert.deepEqual(there(), [true, false])
    await undoTwice('rebuild.files', input)
    assert.deepEqual(there(), [false, false])
    input = await restored()
    await diesAt('rebuild.files', input, call)
    await run('rebuild.files', input)
    assert.deepEqual(places.map(path => readFileSync(path, 'utf8')), paths.map(path => readFileSync(path, 'utf8')))
    await isDone('rebuild.files', input, true)
  })

  test('the cache: its data are half copied, its server is just started', async () => {
    const { dataDir, control, port } = rebuild.cache!
    const input = { rebuild, folder: (await run('cache.restore', { cache: spare.recovery!.cache! })).output.folder as string }
    const kills = {
      copying: async () => {
        await diesAt('rebuild.cache', input, { module: 'node:fs/promises', call: 'cp', text: 'appendonlydir', when: 'before' })
        assert.deepEqual(readdirSync(dataDir), ['dump.rdb'])
      },
      server: async () => {
        await diesAt('rebuild.cache', input, { module: 'node:child_process', call: 'spawn', text: 'redis1.conf', when: 'after' })
        await born(control)
      },
    }
    for (const [name, kill] of Object.entries(kills)) {
      await kill()
      await undoTwice('rebuild.cache', input)
      assert.deepEqual([existsSync(dataDir), processesOf(`${rebuild.root}/conf/redis1.conf`), await accepts(port)], [false, [], false], `killed at its ${name}: nothing is left`)
    }
    for (const kill of Object.values(kills)) await kill()
    const pid = pidOf(control)
    const { keys, compared } = (await run('rebuild.cache', input)).output as { keys: number, compared: number }
    assert.ok(compared >= 2 && keys >= compared, `${compared} of ${keys} keys`)
    assert.equal(pidOf(control), pid, 'the server that was started went on')
    await isDone('rebuild.cache', input, true)
  })

  test('the services: one is up, and the next has just been started', async () => {
    const input = { rebuild }
    const [first, second] = rebuild.services as [Rebuild['services'][number], Rebuild['services'][number]]
    const kill = async (): Promise<void> => {
      await diesAt('rebuild.services', input, { module: 'node:child_process', call: 'spawn', text: (second.control as { pidFile: string }).pidFile, when: 'after' })
      await born(second.control)
      assert.equal(await controlOf(first.control).alive(), true)
    }
    await kill()
    await undoTwice('rebuild.services', input)
    for (const { name, ports, control } of rebuild.services) {
      assert.deepEqual([await controlOf(control).alive(), ...await Promise.all(ports.map(async port => await accepts(port)))], [false, ...ports.map(() => false)], `nothing is left of ${name}`)
    }
    await kill()
    const pid = pidOf(second.control)
    assert.match((await run('rebuild.services', input)).summary, /^up: haproxy .*, api1 .*, api2 .*, nginx /)
    assert.equal(pidOf(second.control), pid, 'the one that was started went on')
    for (const port of rebuild.services.flatMap(({ ports }) => ports)) assert.equal(await accepts(port), true, `port ${port} answers`)
    await isDone('rebuild.services', input, true)
  })

  test('undone in the end, everything of the machine is gone, and every opened secret', async () => {
    const { files, cache, configuration } = spare.recovery!
    await undoTwice('rebuild.services', { rebuild })
    await undoTwice('rebuild.cache', { rebuild, folder: '' })
    await undoTwice('rebuild.files', { rebuild, files: files!, folder: '' })
    for (const [action, input] of [['cache.restore', { cache: cache! }], ['files.restore', { files: files! }], ['rebuild.database', { rebuild, backup: spare.backup! }]] as const) await undoTwice(action, input as never)
    await undoTwice('rebuild.configure', { rebuild, folder: opened })
    await undoTwice('configuration.open', { configuration: configuration! })
    assert.deepEqual([existsSync(rebuild.root), processesOf(`${rebuild.root}/`), existsSync(opened)], [false, [], false])
    for (const port of portsOf(rebuild)) assert.equal(await accepts(port), false, `port ${port} is free`)
  })
})
