import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { DatabaseCluster } from '../src/drill/environment.js'
import { act, ask, backupLab, copyOf, undo, type BackupLab } from './fixtures/backup-lab.js'

describe('backups on a lab', { timeout: 280_000 }, () => {
  let lab: BackupLab
  let database: DatabaseCluster
  let backup: BackupLab['backup']
  let canary: ArchivedCanary

  before(async () => {
    lab = await backupLab();
    ({ database, backup } = lab)
  })
  after(async () => {
    for (const stepId of ['restore']) await undo('backup.restore', { backup, database }, { stepId })
    await lab?.down()
  })

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
    const gone = await undo('backup.restore', input, { stepId: 'restore' })
    assert.deepEqual(gone, { undone: true, summary: 'no process, folder or socket of the copy is left' })
    assert.ok(!existsSync(copy.dir) && !existsSync(copy.socketDir), 'its folders are gone')
  })
})
