import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { standingOf } from '../activities/backup/copy-server.js'
import { placeOf, type Place } from '../activities/backup/place.js'
import { readRepository } from '../activities/backup/repository.js'
import { restoresInto } from '../activities/backup/restore-files.js'
import { runTool } from '../activities/backup/tools.js'
import { allProcs, commandLineOf, sendSignal, type Proc } from '../src/control/proc.js'
import { retrying, until } from '../src/control/until.js'
import type { ActionInputs, ActionName } from '../src/drill/actions.js'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { Backup, DatabaseCluster } from '../src/drill/environment.js'
import { lsnBytes } from '../src/drill/loss.js'
import type { RecoveryTarget } from '../src/drill/target.js'
import { DrillError } from '../src/errors.js'
import { act, ask, backupLab, copyOf, undo, type BackupLab } from './fixtures/backup-lab.js'
import { query, stepContext } from './fixtures/database-lab.js'
import { workAt } from './fixtures/killed-step.js'

let lab: BackupLab
let database: DatabaseCluster
let backup: Backup
let set: string
let canary: ArchivedCanary
let scratch: string
const context = stepContext()

const archived = async (): Promise<ArchivedCanary> => (await ask('backup.archiving', { database, backup })).output.canary as ArchivedCanary

const waitFor = async (isSo: () => boolean): Promise<void> => { assert.ok(await until(() => isSo() || undefined, { everyMs: 5, deadlineMs: 60_000 }), 'it never came to that') }

/** An archive that is slow to give one segment: whoever asks for it waits until it is released, and then gets it whole. */
const holdSegment = (segment: string): { isAsked: () => boolean, release: () => Promise<void> } => {
  const folder = join(backup.configFile, '../../backup/repo/archive/lab')
  const entry = readdirSync(folder, { recursive: true, withFileTypes: true }).find(({ name }) => name.startsWith(segment))
  assert.ok(entry, `${segment} is in the archive`)
  const [file, kept, pipe] = [join(entry.parentPath, entry.name), join(scratch, 'kept'), join(scratch, 'pipe')]
  renameSync(file, kept)
  execFileSync('mkfifo', ['-m', '666', file])
  const asking = (): Proc[] => allProcs().filter(({ pid }) => commandLineOf(pid).includes(`archive-get ${segment}`) && commandLineOf(pid).includes(lab.lab.base))
  let held = true
  return {
    isAsked: () => asking().length > 0,
    release: async () => {
      if (!held) return
      held = false
      renameSync(file, pipe)
      renameSync(kept, file)
      try {
        // Refused where nobody waits to read.
        const end = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
        await new Promise(resolve => { spawn('sh', ['-c', 'cat "$0" > "$1"', file, pipe], { stdio: 'ignore' }).once('close', resolve) })
        closeSync(end)
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENXIO')
      }
      rmSync(pipe)
    },
  }
}

before(async () => {
  lab = await backupLab()
  database = lab.database
  backup = lab.backup
  scratch = mkdtempSync(join(tmpdir(), 'muster-trouble-'))
  chmodSync(scratch, 0o755)
  set = (await act('backup.take', { backup, type: 'full' }, { stepId: 'full' })).output.label as string
  // WAL to replay, of several segments.
  await query(database.nodes[0]!, 'create table filler (n integer, text text)')
  for (let part = 0; part < 6; part++) await query(database.nodes[0]!, 'insert into filler select n, md5(n::text) from generate_series(1, 50000) n')
  canary = await archived()
})
after(async () => {
  await lab?.down()
  rmSync(scratch, { recursive: true, force: true })
})

describe('a worker that is killed', { timeout: 280_000 }, () => {
  const input = (): ActionInputs['backup.restore'] => ({ backup, database })
  const place = (): Place => placeOf(backup, { drillId: 'test', stepId: 'killed' })
  let kill: () => Promise<void> = async () => {}
  afterEach(async () => { await kill() })

  const startAndWait = async <A extends ActionName>(action: A, input: ActionInputs[A], isThere: () => Promise<boolean> | boolean): Promise<void> => {
    kill = await workAt(scratch, { action, input, stepId: 'killed' }, isThere)
  }
  const isNothingLeft = async (): Promise<void> => {
    assert.deepEqual(await undo('backup.restore', input(), { stepId: 'killed' }), { undone: true, summary: 'no process, folder or socket of the copy is left' })
    assert.deepEqual(allProcs().filter(proc => commandLineOf(proc.pid).includes(place().dir)), [], 'no process of the copy')
    assert.ok(!existsSync(place().dir) && !existsSync(place().socketDir), 'no folder of the copy')
    assert.equal((await undo('backup.restore', input(), { stepId: 'killed' })).undone, true, 'again')
  }
  /** How far the copy's server has come, bytes of WAL. */
  const replayed = async (): Promise<number> => {
    const { inRecovery, replayed } = await retrying(() => standingOf(place(), 'postgres', context), { everyMs: 20, deadlineMs: 20_000 })
    assert.ok(inRecovery, 'it replays')
    return lsnBytes(replayed!)
  }
  const isProven = async (result: Awaited<ReturnType<typeof act>>): Promise<void> => {
    const { outcome, observed } = await ask('copy.proven', { copy: copyOf(result), database, backup, canary })
    assert.equal(outcome, 'pass', observed)
  }

  test('in the middle of a restore: the next try brings what is missing', async () => {
    await startAndWait('backup.restore', input(), () => restoresInto(place().dataDir).length > 0 && existsSync(join(place().dataDir, 'base')))
    await kill()
    assert.ok(!existsSync(join(place().dataDir, 'global/pg_control')) || restoresInto(place().dataDir).length > 0, 'it was not done')
    await isProven(await act('backup.restore', input(), { stepId: 'killed' }))
    await isNothingLeft()
  })

  test('in the middle of a restore that nobody takes up: the undo ends pgBackRest and removes what is there', async () => {
    await startAndWait('backup.restore', input(), () => restoresInto(place().dataDir).length > 0)
    await kill()
    await isNothingLeft()
  })

  test('in the middle of a replay: the next try waits for that very server, which goes on from where it is', async () => {
    const hold = holdSegment(canary.segment)
    try {
      await startAndWait('backup.restore', input(), () => hold.isAsked())
      const midway = await replayed()
      assert.ok(midway < lsnBytes(canary.lsn) && midway > 0, `replay stands at ${midway}`)
      await kill()
      // It fetches ahead of what it replays: how far that is, it says itself.
      const since = await replayed()
      assert.ok(since >= midway && since < lsnBytes(canary.lsn), `the server lives, and waits for the segment: replay stands at ${since}`)
      const pid = readFileSync(join(place().dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]
      const beats: unknown[] = []
      const again = act('backup.restore', input(), { stepId: 'killed', heartbeat: details => { beats.push(details) } })
      await waitFor(() => beats.some(beat => /"text":"replay: \d.* of WAL, to [0-9A-F/]+","figures":\{"doing":"replay","bytes":\d+,"replayed":"/.test(JSON.stringify(beat))))
      await hold.release()
      await isProven(await again)
      assert.equal(readFileSync(join(place().dataDir, 'postmaster.pid'), 'utf8').split('\n')[0], pid)
    } finally {
      await hold.release()
    }
    await isNothingLeft()
  })

  test('in the middle of a replay that nobody takes up: the undo ends its server and what it had begun to fetch', async () => {
    const hold = holdSegment(canary.segment)
    try {
      await startAndWait('backup.restore', input(), () => hold.isAsked())
      await kill()
      await isNothingLeft()
      assert.equal(hold.isAsked(), false, 'nobody fetches the segment any more')
    } finally {
      await hold.release()
    }
  })

  test('in the middle of a backup: the next try waits for it and makes no second one; another step is told who holds the lock', async () => {
    const runs = (): Proc[] => allProcs().filter(proc => commandLineOf(proc.pid).includes('muster=test.killed'))
    await startAndWait('backup.take', { backup, type: 'full' }, () => runs().length > 0 && existsSync(join(backup.configFile, `../../backup/${backup.stanza}-backup.lock`)))
    for (const proc of runs()) sendSignal(proc, 'SIGSTOP')
    await kill()
    await assert.rejects(act('backup.take', { backup, type: 'incr', lockWithinMs: 300 }, { stepId: 'other' }), (error: DrillError) => {
      assert.equal(error.code, 'backup.locked')
      assert.match(error.message, /^(another backup|Another run of pgBackRest) has held stanza "lab" for the .* that this step waited$/)
      return true
    })
    for (const proc of runs()) sendSignal(proc, 'SIGCONT')
    const result = await act('backup.take', { backup, type: 'full' }, { stepId: 'killed' })
    const again = await act('backup.take', { backup, type: 'full' }, { stepId: 'killed' })
    assert.equal(result.output.label, again.output.label)
    assert.equal((await undo('backup.take', { backup, type: 'full' }, { stepId: 'killed' })).undone, true)
    assert.deepEqual(runs(), [])
  })
})

describe('an abort leaves nothing half', { timeout: 200_000 }, () => {
  /** Begins a step, lets it come to somewhere, hears what it says of its way there, and aborts it. */
  const abortAt = async <A extends ActionName>(
    action: A, input: ActionInputs[A], { isThere, tools, says }: { isThere: () => boolean, tools: () => Proc[], says: RegExp }
  ): Promise<void> => {
    const abort = new AbortController()
    const beats: unknown[] = []
    const step = act(action, input, { stepId: 'aborted', signal: abort.signal, heartbeat: details => { beats.push(details) } })
    const ended = step.then(() => 'it was done', () => 'aborted')
    await waitFor(isThere)
    // Held, so that it does not end before it has been heard.
    const held = tools()
    for (const proc of held) sendSignal(proc, 'SIGSTOP')
    await waitFor(() => beats.some(beat => says.test(JSON.stringify(beat))))
    abort.abort(new Error('the drill is aborted'))
    for (const proc of held) sendSignal(proc, 'SIGCONT')
    assert.equal(await ended, 'aborted')
    await assert.rejects(step, /the drill is aborted/)
    await waitFor(() => tools().length === 0)
  }

  test('a backup: no run, no lock and no half set; the next one is made', async () => {
    const tools = (): Proc[] => allProcs().filter(proc => commandLineOf(proc.pid).includes('muster=test.aborted'))
    const catalogued = async (): Promise<string[]> => (await readRepository(backup, context)).sets.map(set => set.label).sort()
    const begun = (): string[] => readdirSync(join(backup.configFile, '../../backup/repo/backup/lab')).filter(name => /^\d{8}-/.test(name)).sort()
    const before = await catalogued()
    await abortAt('backup.take', { backup, type: 'full' }, {
      tools, isThere: () => tools().length > 0 && begun().length > before.length, says: /"text":"full backup: [\d.]+ [kM]?B read","figures":\{"doing":"full backup","bytes":[1-9]/,
    })
    assert.deepEqual([await catalogued(), (await readRepository(backup, context)).backupRuns], [before, false])
    assert.equal((await undo('backup.take', { backup, type: 'full' }, { stepId: 'aborted' })).undone, true)
    assert.equal((await act('backup.take', { backup, type: 'incr' }, { stepId: 'after' })).output.type, 'incr')
    assert.deepEqual(begun(), await catalogued(), 'what was begun is gone')
  })

  test('a restore: the undo leaves no process, folder or socket', async () => {
    const { dir, dataDir, socketDir } = placeOf(backup, { drillId: 'test', stepId: 'aborted' })
    await abortAt('backup.restore', { backup, database }, {
      tools: () => restoresInto(dataDir), isThere: () => existsSync(join(dataDir, 'base')) && restoresInto(dataDir).length > 0,
      says: /"text":"restore \S+: [\d.]+ [kM]?B read","figures":\{"doing":"restore \S+","bytes":[1-9]/,
    })
    assert.equal((await undo('backup.restore', { backup, database }, { stepId: 'aborted' })).undone, true)
    assert.ok(!existsSync(dir) && !existsSync(socketDir), 'its folders are gone')
  })

  test('a replay from an older set that was chosen: the undo ends the server that still waits for its next segment', async () => {
    const { dir, socketDir } = placeOf(backup, { drillId: 'test', stepId: 'aborted' })
    // Before every newer set, so that only a replay from this one asks for it.
    const hold = holdSegment(canary.segment)
    try {
      const abort = new AbortController()
      const step = act('backup.restore', { backup, database, set }, { stepId: 'aborted', signal: abort.signal })
      const ended = assert.rejects(step, (error: Error) => /the drill is aborted/.test(String(error.cause ?? error)))
      await waitFor(() => hold.isAsked())
      abort.abort(new Error('the drill is aborted'))
      await ended
      assert.equal((await undo('backup.restore', { backup, database }, { stepId: 'aborted' })).undone, true)
      assert.deepEqual([existsSync(dir), existsSync(socketDir), hold.isAsked()], [false, false, false])
    } finally {
      await hold.release()
    }
  })

  test('a verification says how much it has read, and an abort of it is no answer', async () => {
    const tools = (): Proc[] => allProcs().filter(proc => proc.name === 'pgbackrest' && commandLineOf(proc.pid).includes(`--config=${backup.configFile}`) && commandLineOf(proc.pid).includes(' verify'))
    const abort = new AbortController()
    const beats: unknown[] = []
    const check = ask('backup.verified', { backup }, { stepId: 'aborted', signal: abort.signal, heartbeat: details => { beats.push(details) } })
    const ended = assert.rejects(check, /the drill is aborted/)
    await waitFor(() => tools().length > 0)
    const held = tools()
    for (const proc of held) sendSignal(proc, 'SIGSTOP')
    await waitFor(() => beats.some(beat => /"text":"verify the repository: [\d.]+ [kM]?B read","figures":\{"doing":"verify the repository","bytes":[1-9]/.test(JSON.stringify(beat))))
    abort.abort(new Error('the drill is aborted'))
    for (const proc of held) sendSignal(proc, 'SIGCONT')
    await ended
    await waitFor(() => tools().length === 0)
  })
})

describe('what is asked wrongly is refused in words, and nothing is left of it', { timeout: 120_000 }, () => {
  const refused = async (change: Partial<ActionInputs['backup.restore']>, code: string, words: RegExp): Promise<void> => {
    const input = { backup, database, ...change }
    await assert.rejects(act('backup.restore', input, { stepId: 'wrong' }), (error: DrillError) => {
      assert.equal(error.code, code, error.message)
      assert.match(error.message, words)
      return true
    })
  }
  const target = async (target: RecoveryTarget, code: string, words: RegExp): Promise<void> => { await refused({ target }, code, words) }
  afterEach(async () => { await undo('backup.restore', { backup, database }, { stepId: 'wrong' }) })

  test('a time in the future, before the first backup, without a zone, without anything behind it, or none at all', async () => {
    await target({ time: '2999-01-01T00:00:00Z' }, 'target.unreachable', /^2999-01-01T00:00:00Z lies in the future$/)
    await target({ time: '2001-01-01T00:00:00Z' }, 'target.unreachable', /lies before the first backup, \S+F, had ended/)
    await target({ time: '2026-10-25T02:30:00' }, 'target.invalid', /has no zone: .*twice the same in the night when clocks go back/)
    await target({ time: new Date().toISOString() }, 'target.unreachable', /^no commit follows .* in the archive, so nobody can tell where it lies; the last one is of /)
    await target({ time: 'yesterday' }, 'target.invalid', /^yesterday is no time; write /)
    await target({}, 'target.invalid', /says neither time, xid, lsn nor name$/)
    await target({ xid: '5', name: 'x' }, 'target.invalid', /says xid and name: one of them must do$/)
  })

  test('a transaction that was rolled back or never was, a position outside, a restore point that is not there', async () => {
    const [rolledBack] = await query<{ xid: string }>(database.nodes[0]!, 'select pg_current_xact_id()::text as xid')
    const client = database.nodes[0]!
    await assert.rejects(query(client, 'do $$ begin perform pg_current_xact_id(); insert into filler values (1, \'x\'); raise exception \'no\'; end $$'))
    const aborted = String(BigInt(rolledBack!.xid) + 1n)
    await archived()
    await target({ xid: aborted }, 'target.unreachable', new RegExp(`^Transaction ${aborted} was rolled back: it never committed`))
    await target({ xid: '99999999' }, 'target.unreachable', /^Transaction 99999999 never committed in the archived WAL \(up to [0-9A-F]{24}\)$/)
    await target({ lsn: 'F/0' }, 'target.unreachable', /^Position F\/0 lies behind the end of the archive/)
    await target({ lsn: '0/1000000' }, 'target.unreachable', /^Position 0\/1000000 lies before the first backup was consistent$/)
    await target({ name: 'nowhere' }, 'target.unreachable', /^There is no restore point "nowhere" in the archived WAL/)
  })

  test('a set that is not there, and one that the target lies before', async () => {
    await refused({ set: '20200101-000000F' }, 'backup.missing', new RegExp(`^There is no backup set "20200101-000000F", only ${set}`))
    const newer = (await act('backup.take', { backup, type: 'incr' }, { stepId: 'newer' })).output.label as string
    await refused({ set: newer, target: { lsn: canary.lsn } }, 'target.unreachable', new RegExp(`^Set ${newer} is consistent at .* only, behind `))
  })

  test('a folder that is a live cluster’s, or somebody’s, or a socket’s place that is', async () => {
    await refused({ backup: { ...backup, scratchDir: database.nodes[0]!.dataDir } }, 'scratch.notOurs', /lies in or around the live cluster of pg1/)
    const { dir, socketDir } = placeOf(backup, { drillId: 'test', stepId: 'wrong' })
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'precious'), 'mine')
    await refused({}, 'scratch.notOurs', /is not empty and not ours: it holds precious$/)
    assert.equal((await undo('backup.restore', { backup, database }, { stepId: 'wrong' })).undone, true)
    assert.deepEqual(readdirSync(dir), ['precious'], 'it was not touched')
    rmSync(dir, { recursive: true })
    writeFileSync(socketDir, 'mine')
    await refused({}, 'scratch.notOurs', /is there already, and is not ours$/)
    rmSync(socketDir)
  })

  test('too little room is told before the first byte', { skip: process.getuid?.() === 0 ? false : 'a small file system can be mounted as root only' }, async () => {
    const small = join(scratch, 'small')
    mkdirSync(small)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0755', 'muster', small])
    try {
      const input = { backup: { ...backup, scratchDir: small } }
      await refused(input, 'scratch.full', /\/small has 17 MB free, and a copy of \d+ MB needs \d+ MB$/)
      const { dataDir } = placeOf(input.backup, { drillId: 'test', stepId: 'wrong' })
      assert.equal(existsSync(dataDir), false, 'nothing was restored')
      assert.equal((await undo('backup.restore', { ...input, database }, { stepId: 'wrong' })).undone, true)
      assert.deepEqual(readdirSync(small), [])
    } finally {
      execFileSync('umount', [small])
    }
  })

  test('a server beside the worker of another version than the backups', async () => {
    const postgres = join(scratch, 'postgres')
    writeFileSync(postgres, '#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n', { mode: 0o755 })
    await refused({ backup: { ...backup, tools: { ...backup.tools, postgres: { path: postgres } } } }, 'backup.mismatch', /^The backups are of PostgreSQL 15, the server beside the worker is 14/)
  })

  test('a passphrase that is missing or wrong is blind with its own code, and never shown', async () => {
    const configFile = join(backup.configFile, '../pgbackrest-encrypted.conf')
    writeFileSync(configFile, readFileSync(backup.configFile, 'utf8').replace(/repo1-path=.*/, `repo1-path=${backup.scratchDir}/encrypted`).replace(/repo1-cipher-pass=.*\n/, ''), { mode: 0o644 })
    const encrypted: Backup = { ...backup, configFile, cipherPass: 'env:PASS' }
    const secret = (value: string) => async (): Promise<string> => value
    const made = await runTool(encrypted, 'pgbackrest', [`--config=${configFile}`, '--stanza=lab', `--pg1-path=${database.nodes[0]!.dataDir}`, '--no-online', 'stanza-create'], { ...context, secret: secret('right horse') })
    assert.equal(made.exitCode, 0, made.stderr)
    const wrong = await ask('backup.verified', { backup: encrypted }, { secret: secret('wrong horse') })
    assert.deepEqual([wrong.outcome, wrong.output.code], ['blind', 'backup.key'], wrong.observed)
    assert.doesNotMatch(JSON.stringify(wrong), /horse/)
    const none = await ask('backup.verified', { backup: { ...encrypted, cipherPass: undefined } })
    assert.deepEqual([none.outcome, none.output.code], ['blind', 'backup.key'], none.observed)
    const gone = await ask('backup.verified', { backup: encrypted }, { secret: async ref => { throw new DrillError('secret.missing', `${ref} is not set on this worker`) } })
    assert.deepEqual([gone.outcome, gone.output.code], ['blind', 'secret.missing'])
    rmSync(`${backup.scratchDir}/encrypted`, { recursive: true })
  })

  test('a target behind a hole in the archive', async () => {
    const [before, hole] = [await archived(), await archived()]
    const behindAt = new Date().toISOString()
    const behind = await archived()
    const folder = join(backup.configFile, '../../backup/repo/archive/lab')
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) if (entry.name.startsWith(hole.segment)) rmSync(join(entry.parentPath, entry.name))
    const words = new RegExp(`WAL segment ${hole.segment} is missing in the archive`)
    await target({ lsn: behind.lsn, inclusive: false }, 'target.unreachable', words)
    await target({ xid: behind.xid }, 'target.unreachable', words)
    await target({ time: behindAt }, 'target.unreachable', words)
    const copy = copyOf(await act('backup.restore', { backup, database, target: { xid: before.xid } }, { stepId: 'wrong' }))
    assert.equal((await ask('copy.proven', { copy, database, backup, canary })).outcome, 'pass', 'what lies before it can be reached')
  })
})
