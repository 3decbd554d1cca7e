import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { DrillReport } from '../src/drill/report.js'
import { query } from './fixtures/database-lab.js'
import { drillLab, isWhole, observed, type DrillLab } from './fixtures/drill-lab.js'

describe('backups as drills on a lab', { timeout: 280_000 }, () => {
  let lab: DrillLab
  before(async () => { lab = await drillLab() })
  after(async () => { await lab?.down() })

  const ends = (report: DrillReport, verdict: DrillReport['judgement']['verdict']): void => {
    assert.equal(report.judgement.verdict, verdict, JSON.stringify([report.judgement, report.checks.map(check => [check.step, check.outcome, check.observed])]))
    isWhole(report)
  }
  const summaryOf = (report: DrillReport, step: string): string => report.steps.find(({ id }) => id === step)?.summary ?? `no step ${step}`
  /** Nothing of a copy is left where copies lie. */
  const isClean = (): void => {
    const { scratchDir } = lab.environment.backup!
    assert.deepEqual(existsSync(scratchDir) ? readdirSync(scratchDir) : [], [])
  }

  test('an empty repository fails the verification, in words', async () => {
    const report = await lab.run('backup-verification')
    ends(report, 'failed')
    assert.equal(observed(report, 'fresh'), 'there is no backup')
  })

  test('a backup is made, with its figures in the report', async () => {
    const report = await lab.run('backup')
    ends(report, 'passed')
    assert.match(summaryOf(report, 'backup'), /^\d{8}-\d{6}F holds \d+ MB in [\d.]+ MB, made in /)
    assert.match(observed(report, 'fresh'), / old; \d+ MB, made in .*; 1 set; /)
  })

  test('the daily verification passes on a whole repository', async () => {
    const report = await lab.run('backup-verification')
    ends(report, 'passed')
    assert.match(observed(report, 'verified'), /^\d+ files of 1 set and the archive are whole/)
    assert.match(observed(report, 'continuous'), / without a gap$/)
    assert.match(observed(report, 'archiving'), / with transaction \d+, was in the repository /)
    assert.match(observed(report, 'promise'), /^no acknowledged write can be lost/)
  })

  test('the newest backup is restored, proven six times, read to the last page, and removed', async () => {
    const report = await lab.run('restore-test')
    ends(report, 'passed')
    assert.match(summaryOf(report, 'restore'), / to the end of the archive in .*: restore .*, start .*, replay .*, promote .*; redo done at /)
    assert.match(observed(report, 'proven'), /^recovery is over; its server lives; redo ended at .*; PG timeline 2, from 1; the canary, transaction \d+, is here; 3 of 3 invariants hold$/)
    assert.match(observed(report, 'sound'), /^pg_amcheck looked at \d+ relations, \d+ pages; every row of \d+ tables of shop; \d+ pages have their checksum/)
    assert.match(observed(report, 'timely'), /4h are enough for .*; assumed: /)
    assert.ok(report.undo.some(({ entry, state }) => entry === 'restore' && state === 'undone'), 'the copy was removed')
    isClean()
  })

  const stocks = async (): Promise<Array<{ id: number, stock: number }>> => await query({ ...lab.environment.database!.endpoint, user: 'postgres' }, 'select id, stock from products order by id')

  test('somebody zeroed a column: the transaction is found, the copy stops just before it, and the rows get back what they held', async () => {
    const before = await stocks()
    const report = await lab.run('pitr-drill', { baseline: '1s' })
    ends(report, 'passed')
    assert.deepEqual(await stocks(), before)
    const xid = / transaction (\d+) set products\.stock to 0 in (\d+) of \2 rows at \d{4}-/.exec(` ${observed(report, 'find')}`)?.[1]
    assert.ok(xid, observed(report, 'find'))
    assert.match(summaryOf(report, 'damage'), new RegExp(`^transaction ${xid} `), 'it is the one that did it')
    assert.match(observed(report, 'proven'), new RegExp(`recovery stopping before commit of transaction ${xid}.*; the canary, transaction \\d+, is here; the canary, transaction \\d+, is not here, as its target wants; 3 of 3 invariants hold`))
    assert.match(observed(report, 'whole'), new RegExp(`^transaction ${xid} is not on the copy, and 0 of `))
    assert.match(observed(report, 'control-damaged'), new RegExp(`^transaction ${xid} is on the copy, and (\\d+) of \\1 rows`))
    assert.match(observed(report, 'behind'), /\d+ transactions from .*, rows: .*muster_canary\.canaries \+\d+/, 'what was written meanwhile is counted')
    assert.match(summaryOf(report, 'hand-back'), /^handed \d+ rows of products\.stock back from the copy$/)
    isClean()
  })

  test('the copy is promoted instead: it takes writes, production keeps its own, and the damage is undone', async () => {
    const before = await stocks()
    const report = await lab.run('pitr-drill', { baseline: '1s', remedy: 'promote' })
    ends(report, 'passed')
    assert.deepEqual(await stocks(), before)
    assert.match(observed(report, 'promoted-proven'), /^recovery is over; .*PG timeline 2, from 1; the canary, transaction \d+, is here; the canary, transaction \d+, is not here, as its target wants/)
    isClean()
  })

  test('somebody else did it: nothing is injected, and their damage is mended', async () => {
    const before = await stocks()
    await query({ ...lab.environment.database!.endpoint, user: 'postgres' }, 'update products set stock = 0')
    const report = await lab.run('pitr-drill', { baseline: '500ms', inject: false })
    ends(report, 'passed')
    assert.equal(report.steps.find(({ id }) => id === 'damage')?.state, 'skipped')
    assert.deepEqual(await stocks(), before)
    isClean()
  })

  test('nobody approves: what was damaged is brought back, and the copy removed; meanwhile the backups are verified, for what only reads takes no lock', async () => {
    const before = await stocks()
    const drillId = await lab.start('pitr-drill', { baseline: '1s' })
    await lab.until(drillId, status => status.waitingFor.length > 0)
    await assert.rejects(lab.start('backup'), { code: 'environment.held' })
    ends(await lab.run('backup-verification'), 'passed')
    await lab.approve(drillId, 'reject')
    const report = await lab.reportOf(drillId)
    ends(report, 'aborted')
    assert.deepEqual(await stocks(), before)
    isClean()
  })
})
