import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { awaitRecovery, copyControl, onCopy, startCopy, stopCopy } from '../activities/backup/copy-server.js'
import { readArchive, readRepository } from '../activities/backup/repository.js'
import { allProcs } from '../src/control/proc.js'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { Copy } from '../src/drill/copy.js'
import type { DatabaseCluster } from '../src/drill/environment.js'
import { act, ask, backupLab, copyOf, flip, undo, type BackupLab } from './fixtures/backup-lab.js'
import { stepContext } from './fixtures/database-lab.js'
import { sharedMemoryOf } from './fixtures/lab-traces.js'

describe('backups on a lab', { timeout: 280_000 }, () => {
  let lab: BackupLab
  let database: DatabaseCluster
  let backup: BackupLab['backup']
  let canary: ArchivedCanary
  const context = stepContext()

  before(async () => {
    lab = await backupLab();
    ({ database, backup } = lab)
  })
  after(async () => {
    for (const stepId of ['restore']) await undo('backup.restore', { backup, database }, { stepId })
    await lab?.down()
  })

  /** On a copy: an index that lacks rows, a page of a table that rotted, and one of a file that nobody reads. Each has one tool that finds it. */
  async function isRedWhereDamaged (copy: Copy): Promise<void> {
    const on = async (name: string, ...statements: string[]): Promise<string> => await onCopy(copy, { user: 'postgres', database: name }, context, async client => {
      let path = ''
      for (const sql of statements) path = (await client.query<{ path: string }>(sql)).rows[0]?.path ?? path
      return path
    })
    await on('shop', 'set allow_system_table_mods = on', 'create table unindexed as select n from generate_series(1, 100) n', 'create index unindexed_n on unindexed (n)',
      "update pg_index set indisready = false, indislive = false where indexrelid = 'unindexed_n'::regclass", 'insert into unindexed values (101)',
      "update pg_index set indisready = true, indislive = true where indexrelid = 'unindexed_n'::regclass")
    const heap = await on('postgres', 'create table rotten as select n from generate_series(1, 100) n', 'checkpoint', "select pg_relation_filepath('rotten') as path")
    const map = await on('postgres', 'create table mapped as select n from generate_series(1, 10000) n', 'vacuum mapped', "select pg_relation_filepath('mapped') || '_fsm' as path")
    await stopCopy(backup, copy, context)
    for (const file of [heap, map]) flip(join(copy.dataDir, file), 4_000)
    await startCopy(backup, copy, context)
    await awaitRecovery(await copyControl(backup, copy, context), copy, { user: 'postgres', wanted: 'promoted' }, context)
    const { outcome, observed } = await ask('copy.sound', { copy, database, backup })
    assert.equal(outcome, 'fail', observed)
    assert.match(observed, /pg_amcheck: .*lacks matching index tuple/)
    assert.match(observed, /database postgres cannot be read: .*invalid page in block 0/)
    assert.match(observed, /2 of \d+ pages have a wrong checksum/)
  }

  test('an empty repository is red or blind, never green', async () => {
    const fresh = await ask('backup.fresh', { database, backup })
    assert.deepEqual([fresh.outcome, fresh.observed], ['fail', 'there is no backup'])
    assert.equal((await ask('backup.verified', { backup })).outcome, 'blind')
    assert.equal((await ask('backup.continuous', { database, backup })).outcome, 'blind')
  })

  test('a step that makes a backup and runs twice makes one', async () => {
    const first = await act('backup.take', { backup, type: 'full' }, { stepId: 'full' })
    const second = await act('backup.take', { backup, type: 'full' }, { stepId: 'full' })
    assert.equal(first.output.label, second.output.label)
    assert.match(second.summary, /by an earlier try/)
    assert.deepEqual(await undo('backup.take', { backup, type: 'full' }, { stepId: 'full' }), { undone: true, summary: 'no backup of this step runs; a finished one stays' })
  })

  test('every file of the repository is encrypted, and the passphrase stands nowhere but in pgBackRest’s configuration and its own file', async () => {
    assert.equal((await readRepository(backup, context)).cipher, 'aes-256-cbc')
    const { base, environmentFile } = lab.lab
    const stored = filesIn(join(base, 'backup/repo'))
    assert.ok(stored.length > 1_000 && ['/archive/', '/backup/'].every(part => stored.some(path => path.includes(part))), `${stored.length} files`)
    assert.deepEqual(stored.filter(path => readFileSync(path).subarray(0, 8).toString() !== 'Salted__'), [])
    const passphrase = readFileSync(join(base, 'secrets/repository-passphrase'), 'utf8').trim()
    assert.match(passphrase, /^[0-9a-f]{64}$/)
    const holders = [...new Set([join(environmentFile, '../..'), base].flatMap(filesIn))].filter(path => readFileSync(path).includes(passphrase))
    const others = 0o007
    assert.deepEqual(holders.map(path => [path.slice(base.length + 1), statSync(path).mode & others]).sort(), [
      ['conf/pgbackrest-pg1.conf', 0], ['conf/pgbackrest-pg2.conf', 0], ['conf/pgbackrest.conf', 0], ['secrets/repository-passphrase', 0],
    ])
    assert.deepEqual(allProcs().filter(({ pid }) => ['cmdline', 'environ'].some(file => textOf(`/proc/${pid}/${file}`).includes(passphrase))), [])
  })

  test('fresh, verified, continuous and archiving: green on a good repository', async () => {
    const archiving = await ask('backup.archiving', { database, backup })
    assert.equal(archiving.outcome, 'pass', archiving.observed)
    canary = archiving.output.canary as ArchivedCanary
    for (const [name, input] of [['backup.fresh', { database, backup }], ['backup.verified', { backup }], ['backup.continuous', { database, backup }]] as const) {
      const result = await ask(name, input as never)
      assert.equal(result.outcome, 'pass', `${name}: ${result.observed}`)
    }
  })

  test('restored to a scratch copy: six proofs, sound, in time, and removed', async () => {
    const input = { backup, database }
    const result = await act('backup.restore', input, { stepId: 'restore' })
    const copy = copyOf(result)
    for (const [name, more] of [['copy.proven', { canary }], ['copy.sound', {}], ['copy.proven', { canary }], ['copy.timely', { rto: '4h' }]] as const) {
      const answer = await ask(name, { copy, ...(name === 'copy.timely' ? {} : input), ...more } as never)
      assert.equal(answer.outcome, 'pass', `${name}: ${answer.observed}`)
    }
    const late = await ask('copy.timely', { copy, rto: '1ms' })
    assert.equal(late.outcome, 'fail', late.observed)
    assert.match(late.observed, /^measured: restore .* \(.*\/s\), .*; \d+ MB would take .*; assumed: /)
    assert.equal((await ask('copy.timely', { copy: { ...copy, phases: [] }, rto: '4h' })).outcome, 'blind', 'nothing was measured')
    const { segments, histories } = await readArchive(backup, await readRepository(backup, context), 16 * 1024 * 1024, context)
    assert.deepEqual([segments.filter(name => !name.startsWith('00000001')), [...histories]], [[], []], 'the promoted copy has archived nothing')
    await isRedWhereDamaged(copy)
    const memory = sharedMemoryOf(copy.dataDir)
    assert.equal(memory().length, 1, 'its server runs')
    const gone = await undo('backup.restore', input, { stepId: 'restore' })
    assert.deepEqual(memory(), [], 'what it had of the machine’s shared memory is given back')
    assert.deepEqual(gone, { undone: true, summary: 'no process, folder or socket of the copy is left' })
    assert.ok(!existsSync(copy.dir) && !existsSync(copy.socketDir), 'its folders are gone')
  })
})

function filesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

/** A process may end, and be another user's. */
function textOf (path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
