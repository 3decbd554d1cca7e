import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configurationEqual } from '../activities/restore/configuration-equal.js'
import { configurationOpen } from '../activities/restore/configuration-open.js'
import { configurationSeal } from '../activities/restore/configuration-seal.js'
import { wipe } from '../activities/restore/memory.js'
import type { CheckResult } from '../src/drill/checks.js'
import { manifestDifferences } from '../src/drill/manifest.js'
import type { SealedConfiguration } from '../src/drill/recovery.js'
import { findTools } from '../src/tools.js'
import { stepContext } from './fixtures/database-lab.js'
import { toolTable } from './fixtures/recovery.js'

const secretText = 'DATABASE_PASSWORD=hunter2-and-more\n'
const drillId = `drill-${process.pid}`
const { age, ageKeygen } = findTools('age', 'ageKeygen')

let folder: string
let configuration: SealedConfiguration
let keys: Record<'operator' | 'escrow' | 'stranger', { publicKey: string, secretKey: string }>

function newKey (): { publicKey: string, secretKey: string } {
  const text = spawnSync(ageKeygen.path, [], { encoding: 'utf8' }).stdout
  return { publicKey: /public key: (\S+)/.exec(text)![1]!, secretKey: text }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-configuration-'))
  const system = join(folder, 'etc')
  mkdirSync(join(system, 'tls'), { recursive: true })
  writeFileSync(join(system, '.env'), secretText, { mode: 0o600 })
  writeFileSync(join(system, 'compose.yml'), 'services: {}\n', { mode: 0o644 })
  writeFileSync(join(system, 'tls', 'web.key'), 'PRIVATE', { mode: 0o640 })
  symlinkSync('web.key', join(system, 'tls', 'current'))
  writeFileSync(join(folder, 'repository-password'), 'the password of every backup\n', { mode: 0o600 })
  keys = { operator: newKey(), escrow: newKey(), stranger: newKey() }
  configuration = {
    paths: [system, join(folder, 'repository-password')],
    file: join(folder, 'configuration.age'),
    recipients: { operator: keys.operator.publicKey, escrow: keys.escrow.publicKey },
    identity: 'file:/escrow',
    tools: { ...toolTable({ age: 'age' }), tar: { path: '/bin/tar' } },
  }
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  assert.deepEqual(inMemory(), [], 'opened secrets are left in memory')
})

const inMemory = () => readdirSync('/dev/shm').filter(name => name.startsWith(`muster-${drillId}`))
const step = (stepId: string, key: string = keys.escrow.secretKey) => stepContext({ drillId, stepId, secret: async () => key })
const seal = async () => await configurationSeal.do({ configuration }, step('seal'))
const open = async (key?: string) => (await configurationOpen.do({ configuration }, step('open', key))).output as { folder: string }
const equal = async (opened: string, live = true) => await configurationEqual({ configuration, folder: opened, live }, step('equal'))
const wipeAll = async () => await configurationOpen.undo({ configuration }, step('open'))
const coded = (code: string, words: RegExp) => (error: { code?: string, message: string }): boolean => {
  assert.equal(error.code, code, error.message)
  assert.match(error.message, words)
  assert.doesNotMatch(error.message, /hunter2|AGE-SECRET-KEY/)
  return true
}
const is = (result: CheckResult, outcome: CheckResult['outcome'], words: RegExp): void => {
  assert.equal(result.outcome, outcome, result.observed)
  assert.match(result.observed, words)
  assert.doesNotMatch(JSON.stringify(result), /hunter2/)
}

describe('a sealed configuration', () => {
  it('opens with the escrow’s key in memory, is equal by digest, mode and owner, holds the passwords of the backups, and is wiped', async () => {
    const { summary } = await seal()
    assert.match(summary, /sealed 4 files, .* to operator and escrow/)
    assert.equal(statSync(configuration.file).mode & 0o777, 0o600)
    assert.equal(readFileSync(configuration.file).includes('hunter2'), false)
    const { folder: opened } = await open()
    assert.match(opened, /^\/dev\/shm\//)
    assert.equal(statSync(opened).mode & 0o777, 0o700)
    assert.equal(readFileSync(join(opened, configuration.paths[1]!), 'utf8'), 'the password of every backup\n')
    assert.equal(statSync(join(opened, configuration.paths[0]!, '.env')).mode & 0o777, 0o600)
    is(await equal(opened), 'pass', /^4 files have the digest, mode.* that they had, and are what is in use$/)
    assert.equal((await configurationOpen.verify({ configuration }, step('open'))).undone, false)
    assert.equal(await wipeAll(), 'wiped the opened secrets')
    assert.equal(await wipeAll(), 'the opened secrets were wiped already')
    assert.equal((await configurationOpen.verify({ configuration }, step('open'))).undone, true)
  })

  it('opens with the operator’s key too, and by no other one; a key that is none, and none at all, are told apart', async () => {
    await seal()
    await open(keys.operator.secretKey)
    await wipeAll()
    await assert.rejects(open(keys.stranger.secretKey), coded('backup.key', /The key does not open .*sealed to others/))
    await assert.rejects(open('correct horse'), coded('backup.key', /is no secret key of age/))
    const missing = stepContext({ drillId, stepId: 'open', secret: async ref => { throw Object.assign(new Error(`secret ${ref} resolves to nothing`), { code: 'secret.missing' }) } })
    await assert.rejects(configurationOpen.do({ configuration }, missing), coded('secret.missing', /file:\/escrow resolves to nothing/))
  })

  it('that is truncated, damaged, absent or something else is refused, and nothing of it stays in memory', async () => {
    writeFileSync(join(configuration.paths[0]!, 'large'), Buffer.alloc(300_000, 'x'))
    await seal()
    const whole = readFileSync(configuration.file)
    // More than one chunk of 64 KiB comes out before the end is missed.
    truncateSync(configuration.file, whole.length - 100_000)
    await assert.rejects(open(), coded('backup.damaged', /cannot be opened whole: .*authenticate/))
    assert.deepEqual(inMemory(), [])
    const flipped = Buffer.from(whole)
    flipped[whole.length - 1_000]! ^= 1
    writeFileSync(configuration.file, flipped)
    await assert.rejects(open(), coded('backup.damaged', /cannot be opened whole/))
    writeFileSync(configuration.file, whole.subarray(0, 100))
    await assert.rejects(open(), coded('backup.damaged', /cannot be opened whole/))
    rmSync(configuration.file)
    await assert.rejects(open(), coded('backup.missing', /no sealed configuration at/))
    const tar = spawnSync('/bin/sh', ['-c', 'tar -cf - -C "$1" repository-password | "$2" -r "$3" -o "$4"', 'sh', folder, age.path, keys.escrow.publicKey, configuration.file], { encoding: 'utf8' })
    assert.equal(tar.status, 0, tar.stderr)
    await assert.rejects(open(), coded('backup.damaged', /no list of what it should hold/))
    assert.deepEqual(inMemory(), [])
  })

  it('that is not what is in use any more is out of date', async () => {
    await seal()
    const { folder: opened } = await open()
    const env = join(configuration.paths[0]!, '.env')
    writeFileSync(env, 'DATABASE_PASSWORD=hunter2-rotated\n')
    is(await equal(opened), 'fail', /^not as in use: .*\.env has another content$/)
    is(await equal(opened, false), 'pass', /4 files have the digest/)
    rmSync(env)
    is(await equal(opened), 'fail', /\.env is there too/)
    configuration.paths.push(join(folder, 'certificates'))
    is(await equal(opened, false), 'fail', /certificates was never sealed/)
    is(await equal(opened), 'blind', /certificates belongs to the configuration, but is not there/)
    await wipeAll()
  })

  it('whose opened files were changed, lost or added to is no proof', async () => {
    await seal()
    const { folder: opened } = await open()
    const env = join(opened, configuration.paths[0]!, '.env')
    chmodSync(env, 0o644)
    is(await equal(opened, false), 'fail', /\.env has mode 0644 instead of 0600/)
    writeFileSync(env, 'x')
    is(await equal(opened, false), 'fail', /\.env has another content, mode/)
    rmSync(env)
    is(await equal(opened, false), 'fail', /\.env is missing/)
    rmSync(join(opened, 'muster-manifest.json'))
    is(await equal(opened, false), 'blind', /no list of what it should hold/)
    await wipeAll()
    const entry = { path: '/a', kind: 'file' as const, mode: 0o600, uid: 1, gid: 1, digest: 'x' }
    assert.deepEqual(manifestDifferences([entry], [{ ...entry, uid: 2 }], { owners: true }), ['/a has owner 2:1 instead of 1:1'])
    assert.deepEqual(manifestDifferences([entry], [{ ...entry, uid: 2 }], { owners: false }), [])
  })
})

describe('sealing', () => {
  it('refuses what is absent, one key for both, and memory that is a disk: the earlier file stays', async () => {
    await seal()
    const before = readFileSync(configuration.file)
    const changed = async (change: Partial<SealedConfiguration>) => await configurationSeal.do({ configuration: { ...configuration, ...change } }, step('seal'))
    await assert.rejects(changed({ paths: [join(folder, 'nowhere')] }), coded('backup.incomplete', /nowhere belongs to the configuration, but is not there/))
    await assert.rejects(changed({ recipients: { operator: keys.escrow.publicKey, escrow: keys.escrow.publicKey } }), coded('input.invalid', /are the same: whoever loses one/))
    await assert.rejects(changed({ memoryDir: folder }), coded('scratch.notMemory', /lies on a disk, not in memory/))
    await assert.rejects(changed({ memoryDir: join(folder, 'nowhere') }), coded('scratch.notMemory', /cannot be used/))
    await assert.rejects(changed({ recipients: { operator: 'age1nonsense', escrow: keys.escrow.publicKey } }), coded('backup.incomplete', /age could not seal everything/))
    assert.deepEqual(readFileSync(configuration.file), before)
    assert.deepEqual(readdirSync(folder).filter(name => name.endsWith('.new')), [])
  })

  it('can run twice and be undone twice; what a killed try left goes', async () => {
    await seal()
    writeFileSync(`${configuration.file}.new`, 'half')
    assert.equal((await configurationSeal.verify({ configuration }, step('seal'))).undone, false)
    await configurationSeal.undo({ configuration }, step('seal'))
    await configurationSeal.undo({ configuration }, step('seal'))
    assert.equal((await configurationSeal.verify({ configuration }, step('seal'))).undone, true)
    await seal()
    assert.equal(existsSync(configuration.file), true)
  })

  it('what a worker opened before it was killed is wiped by whoever undoes the step', async () => {
    await seal()
    const script = `
      import { configurationOpen } from ${JSON.stringify(fileURLToPath(new URL('../activities/restore/configuration-open.ts', import.meta.url)))}
      const context = { drillId: ${JSON.stringify(drillId)}, stepId: 'open', signal: new AbortController().signal, heartbeat: () => {}, secret: async () => ${JSON.stringify(keys.escrow.secretKey)} }
      await configurationOpen.do({ configuration: ${JSON.stringify(configuration)} }, context)
      process.kill(process.pid, 'SIGKILL')`
    const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.equal(signal, 'SIGKILL', stderr)
    assert.deepEqual(inMemory(), [`muster-${drillId}-open`])
    const { folder: opened } = await open()
    is(await equal(opened), 'pass', /4 files/)
    await wipeAll()
    assert.equal(wipe('/dev/shm', step('open')), 'already')
  })
})
