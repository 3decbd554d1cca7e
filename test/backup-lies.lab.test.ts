import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { awaitRecovery, copyControl, startCopy } from '../activities/backup/copy-server.js'
import { takePlace } from '../activities/backup/place.js'
import { restoreFiles } from '../activities/backup/restore-files.js'
import { runTool } from '../activities/backup/tools.js'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { Copy } from '../src/drill/copy.js'
import type { DatabaseCluster } from '../src/drill/environment.js'
import { proofOf } from '../src/drill/target.js'
import { act, ask, backupLab, copyOf, flip, undo, type BackupLab } from './fixtures/backup-lab.js'
import { query, stepContext } from './fixtures/database-lab.js'
import { sharedMemoryOf } from './fixtures/lab-traces.js'

// Each of these ended with exit code 0 somewhere. The one check whose business it is must turn red, in words that say what is wrong.
describe('where exit code 0 lies', { timeout: 280_000 }, () => {
  let lab: BackupLab
  let database: DatabaseCluster
  let backup: BackupLab['backup']
  let set: string
  let canary: ArchivedCanary
  let copy: Copy
  const context = stepContext()

  const admin = async <Row extends object>(sql: string): Promise<Row[]> => await query<Row>(database.nodes[0]!, sql)
  const archived = async (): Promise<ArchivedCanary> => {
    const result = await ask('backup.archiving', { database, backup })
    assert.equal(result.outcome, 'pass', result.observed)
    return result.output.canary as ArchivedCanary
  }
  const isRed = async (name: 'backup.fresh' | 'backup.promise' | 'backup.continuous' | 'backup.verified' | 'copy.proven', input: object, words: RegExp): Promise<void> => {
    const { outcome, observed } = await ask(name, input as never)
    assert.equal(outcome, 'fail', `${name}: ${observed}`)
    assert.match(observed, words)
  }
  const restoring = async (): Promise<Copy> => {
    await undo('backup.restore', { backup, database }, { stepId: 'restore' })
    return copyOf(await act('backup.restore', { backup, database }, { stepId: 'restore' }))
  }

  before(async () => {
    lab = await backupLab();
    ({ database, backup } = lab)
    set = (await act('backup.take', { backup, type: 'full' }, { stepId: 'full' })).output.label as string
    canary = await archived()
    copy = await restoring()
  })
  after(async () => {
    for (const stepId of ['restore', 'dying']) await undo('backup.restore', { backup, database }, { stepId })
    await lab?.down()
  })

  test('a canary that is not on the copy', async () => {
    const later = await archived()
    await isRed('copy.proven', { copy, database, backup, canary: later }, /^the newest archived canary, transaction \d+ in [0-9A-F]{24}, is not here$/)
    assert.equal((await ask('copy.proven', { copy, database, backup })).outcome, 'blind', 'without any canary nobody can tell')
    const good = await ask('copy.proven', { copy, database, backup, canary })
    assert.equal(good.outcome, 'pass', good.observed)
  })

  test('a copy on another PG timeline than the one wanted', async () => {
    await isRed('copy.proven', { copy: { ...copy, timeline: 7 }, database, backup, canary }, /^it came up on PG timeline 2, which comes from 1, expected from 7$/)
  })

  test('a copy that should have stopped at a target, and went on', async () => {
    const target = { type: 'xid', value: '740', inclusive: false, proof: proofOf('xid', '740', false), lsn: '0/9000000', text: 'before 740' } as const
    await isRed('copy.proven', { copy: { ...copy, target }, database, backup, canary }, /the log has no "recovery stopping" line, expected "recovery stopping before commit of transaction 740"/)
  })

  test('invariants that do not hold on the copy', async () => {
    const invariants = [{ name: 'there are no products', sql: 'select count(*) = 0 from products' }]
    await isRed('copy.proven', { copy, database: { ...database, invariants }, backup, canary }, /^invariant "there are no products" does not hold$/)
  })

  test('a server that is dead though its start said success', async () => {
    const memory = sharedMemoryOf(copy.dataDir)
    await (await copyControl(backup, copy, context)).kill()
    await isRed('copy.proven', { copy, database, backup, canary }, /^the copy's server is dead/)
    assert.equal(memory().length, 1, 'whoever kills it leaves its shared memory')
    await undo('backup.restore', { backup, database }, { stepId: 'restore' })
    assert.deepEqual(memory(), [])
  })

  test('recovery that dies after the server could be read', async () => {
    const { place } = await takePlace(backup, database, { drillId: 'test', stepId: 'dying' })
    const target = { type: 'xid', value: '999999', inclusive: true, proof: proofOf('xid', '999999', true), lsn: '0/9000000', text: 'after 999999' } as const
    await restoreFiles(backup, { set, dataDir: place.dataDir, target }, context)
    await startCopy(backup, place, context)
    await assert.rejects(awaitRecovery(await copyControl(backup, place, context), place, { user: 'postgres', wanted: 'promoted' }, context), (error: { code: string, message: string }) => {
      assert.equal(error.code, 'restore.recovery')
      assert.match(error.message, /recovery ended before configured recovery target was reached/)
      return true
    })
  })

  test('a backup that is stale though every run of its job was green', async () => {
    await isRed('backup.fresh', { database, backup: { ...backup, policy: { maxAge: '1ms', fullMaxAge: '1ms' } } }, /^the newest backup, \S+F, is .* old, allowed are 1ms; the newest full backup, \S+F, is /)
  })

  test('backups of another cluster', async () => {
    const initdb = join(backup.tools.postgres!.path, '..', 'initdb')
    const dir = `${backup.scratchDir}/other`
    const tools = { ...backup.tools, initdb: { ...backup.tools.postgres!, path: initdb } }
    const other = { ...backup, tools, stanza: 'other' }
    assert.equal((await runTool(other, 'initdb', ['-D', dir, '-k', '-A', 'trust', '-U', 'postgres', '--no-sync'], context)).exitCode, 0)
    const made = await runTool(other, 'pgbackrest', [`--config=${backup.configFile}`, '--stanza=other', `--pg1-path=${dir}`, '--no-online', 'stanza-create'], context)
    assert.equal(made.exitCode, 0, made.stderr)
    await runTool({ ...other, tools: { rm: { path: '/bin/rm' } } }, 'rm', ['-rf', dir], context)
    await isRed('backup.fresh', { database, backup: other }, /^the backups are of another cluster: system-id \d{15,}, the live one is \d{15,}/)
  })

  test('a configuration that waits for a standby, and a role that does not', async () => {
    const good = await ask('backup.promise', { database, rpo: '0s' })
    assert.equal(good.outcome, 'pass', good.observed)
    await admin("alter role shop in database shop set synchronous_commit = 'off'")
    try {
      await isRed('backup.promise', { database, rpo: '0s' }, /^the objective is to lose nothing, and the configuration cannot promise that: synchronous_commit is off: a commit is acknowledged before a second machine has it$/)
      const allowed = await ask('backup.promise', { database, rpo: '5s' })
      assert.equal(allowed.outcome, 'pass', 'where some may be lost it is told and no failure')
    } finally {
      await admin('alter role shop in database shop reset synchronous_commit')
    }
  })

  test('an archive command that pretends, and the hole that it leaves', async () => {
    await admin("alter system set archive_command = '/bin/true'")
    await admin('select pg_reload_conf()')
    try {
      const { outcome, observed } = await ask('backup.archiving', { database, backup, within: '3s' })
      assert.equal(outcome, 'fail', observed)
      assert.match(observed, /^the server says that [0-9A-F]{24} is archived, and the repository does not have [0-9A-F]{24}: the archive command pretends$/)
    } finally {
      await admin('alter system reset archive_command')
      await admin('select pg_reload_conf()')
    }
    const after = await archived()
    await isRed('backup.continuous', { database, backup }, new RegExp(`^([0-9A-F]{24} is|\\d+ segments from .* are) missing: nothing after it can be reached from ${set}$`))
    const verified = await ask('backup.verified', { backup })
    assert.equal(verified.outcome, 'pass', 'pgBackRest’s own verification sees no hole')
    // A restore over the hole succeeds, promotes, and has lost everything behind it.
    copy = await restoring()
    assert.ok(copy.gap, 'the restore itself says so')
    await isRed('copy.proven', { copy, database, backup, canary: after }, /before a hole in the archive: [0-9A-F]{24} is missing; the newest archived canary, transaction \d+ in [0-9A-F]{24}, is not here/)
    await undo('backup.restore', { backup, database }, { stepId: 'restore' })
  })

  test('a page of the live cluster that rotted before it was backed up', async () => {
    await admin("create table rotten as select n, repeat('x', 100) as text from generate_series(1, 500) n")
    await admin('checkpoint')
    const [file] = await admin<{ path: string }>("select pg_relation_filepath('rotten') as path")
    flip(join(database.nodes[0]!.dataDir, file!.path), 12_000)
    const taken = await act('backup.take', { backup, type: 'diff' }, { stepId: 'rotten' })
    assert.equal(taken.output.pageErrors, true)
    assert.match(taken.summary, /pages with wrong checksums were in it: the live cluster is corrupt$/)
    await isRed('backup.fresh', { database, backup }, /^\S+D holds pages with wrong checksums: the live cluster was corrupt when it was made$/)
    await admin('drop table rotten')
  })

  test('a byte of the repository that flipped', async () => {
    const folder = join(backup.configFile, '../../backup/repo/backup', backup.stanza, set)
    const largest = filesIn(folder).filter(path => !path.includes('backup.manifest')).reduce((last, path) => statSync(path).size > statSync(last).size ? path : last)
    flip(largest, Math.floor(statSync(largest).size / 2))
    await isRed('backup.verified', { backup }, new RegExp(`backup ${set}: status invalid`))
    await assert.rejects(act('backup.restore', { backup, database, set }, { stepId: 'restore' }), { code: 'backup.damaged' })
    assert.equal((await undo('backup.restore', { backup, database }, { stepId: 'restore' })).undone, true)
  })
})

function filesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
