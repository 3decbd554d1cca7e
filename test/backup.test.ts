import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseInfo } from '../activities/backup/repository.js'
import { parseAmcheck, parseChecksums } from '../activities/backup/sound.js'
import { parseVerification } from '../activities/backup/verified.js'
import { parseWalEvents, type WalEvents } from '../activities/backup/wal-events.js'
import { actionCatalog } from '../src/drill/actions.js'
import { judgeFreshness, type BackupSet, type Repository } from '../src/drill/backup.js'
import { parseRecoveryLog } from '../src/drill/copy.js'
import { culpritOf, fullXid } from '../src/drill/damage.js'
import { promiseOf, type CommitSettings } from '../src/drill/promise.js'
import { estimateRecovery } from '../src/drill/recovery-rate.js'
import { canonicalLsn, checkTarget, commitAtTime, isReplayed, setBefore, targetTimeMicros, type Commit } from '../src/drill/target.js'
import { continuityOf, parseHistory, parseSegment, segmentAt, segmentOfEnd, segmentText, timelineAt, wayThrough, type ArchivedWal } from '../src/drill/wal.js'
import { countRows, noRowChanges, rowsOf } from '../src/drill/wal-rows.js'

const MiB = 1024 * 1024
const hour = 3_600_000

describe('WAL segments', () => {
  const archive = (segments: string[], histories: Array<[number, string]> = []): ArchivedWal =>
    ({ segments, histories: new Map(histories.map(([timeline, text]) => [timeline, parseHistory(text)])), segmentBytes: 16 * MiB })
  const name = (timeline: number, index: number): string => segmentText({ timeline, index }, 16 * MiB)
  const names = (timeline: number, from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => name(timeline, from + at))

  test('names count in segments of any size, over the border of a log too', () => {
    assert.equal(name(1, 256), '000000010000000100000000')
    assert.deepEqual(parseSegment('0000000A00000001000000FF', 16 * MiB), { timeline: 10, index: 511 })
    assert.equal(segmentText({ timeline: 1, index: 4096 }, MiB), '000000010000000100000000')
    assert.deepEqual(segmentAt('1/A000028', 3, 16 * MiB), { timeline: 3, index: 266 })
    assert.throws(() => parseSegment('00000001000000010000000G', 16 * MiB), RangeError)
    const ends = ['0/3000060', '0/3000028', '0/2FFFFF8'].map(lsn => segmentOfEnd(lsn, 1, 16 * MiB).index)
    assert.deepEqual(ends, [3, 2, 2], 'what filled a segment ended in it')
  })

  test('without a hole there is none; a hole in the middle names what cannot be reached from which backup', () => {
    assert.deepEqual(continuityOf(archive(names(1, 2, 9)), [{ label: 'F', startSegment: name(1, 3) }]), { gaps: [], needed: 7, newest: name(1, 9), stranded: [], unexplained: [] })
    const { gaps } = continuityOf(archive([...names(1, 2, 4), ...names(1, 7, 9)]), [{ label: 'F', startSegment: name(1, 3) }, { label: 'D', startSegment: name(1, 8) }])
    assert.deepEqual(gaps, [{ backups: ['F'], first: name(1, 5), last: name(1, 6), count: 2 }])
  })

  test('a hole before every backup matters to nobody, and an empty archive has nothing', () => {
    assert.deepEqual(continuityOf(archive([name(1, 1), ...names(1, 3, 5)]), [{ label: 'F', startSegment: name(1, 3) }]).gaps, [])
    assert.deepEqual(continuityOf(archive([]), [{ label: 'F', startSegment: name(1, 3) }]), { gaps: [], needed: 0, stranded: [], unexplained: [] })
  })

  test('over a promotion the way goes on under the new number from the segment of the switch on', () => {
    const history: [number, string] = [2, '1\t0/5000100\tno recovery target specified\n']
    assert.deepEqual(wayThrough({ timeline: 1, index: 3 }, { timeline: 2, index: 6 }, archive([], [history])), [name(1, 3), name(1, 4), name(2, 5), name(2, 6)])
    assert.deepEqual(continuityOf(archive([...names(1, 3, 4), ...names(2, 5, 6)], [history]), [{ label: 'F', startSegment: name(1, 3) }]).gaps, [])
    const { stranded } = continuityOf(archive([...names(1, 3, 9), ...names(2, 5, 6)], [history]), [{ label: 'late', startSegment: name(1, 7) }])
    assert.deepEqual(stranded, ['late'], 'what was backed up on the old branch after the switch leads nowhere')
  })

  test('a PG timeline without its history is unexplained', () => {
    const { unexplained, stranded } = continuityOf(archive([...names(1, 3, 4), ...names(2, 5, 6)]), [{ label: 'F', startSegment: name(1, 3) }])
    assert.deepEqual([unexplained, stranded], [[2], ['F']])
  })

  test('a position belongs to the PG timeline that had it', () => {
    const histories = archive([], [[3, '1\t0/5000000\tx\n2\t0/8000000\ty\n']])
    assert.deepEqual(['0/4FFFFFF', '0/5000000', '0/7FFFFFF', '0/8000000'].map(lsn => timelineAt(histories, 3, lsn)), [1, 2, 2, 3])
  })
})

describe('targets of a recovery', () => {
  const commit = (xid: string, committedAt: string): Commit => ({ xid, lsn: `0/${xid}`, committedAt, committedAtMs: 0 })
  const commits = [commit('10', '2026-11-24 14:00:00.000001 UTC'), commit('11', '2026-11-24 14:00:00.000002 UTC'), commit('12', '2026-11-24 14:00:00.000002 UTC'), commit('13', '2026-11-24 14:00:01 UTC')]

  test('times count in microseconds, whatever their zone', () => {
    assert.equal(targetTimeMicros('2026-11-24T15:00:00.000001+01:00'), targetTimeMicros('2026-11-24 14:00:00.000001Z'))
    assert.equal(targetTimeMicros('2026-11-24 14:00:00.000002+00') - targetTimeMicros('2026-11-24T14:00:00Z'), 2n)
    for (const text of ['2026-11-24T14:00:00', '2026-13-24T14:00:00Z', '14:03:07', '', '2026-11-24T14:00:00.1234567Z']) assert.throws(() => targetTimeMicros(text), RangeError, text)
  })

  test('a time is the last commit until then, or before the first one from then on', () => {
    const at = (time: string, inclusive: boolean): [string, boolean] => {
      const { commit, inclusive: side } = commitAtTime(commits, { time, inclusive })
      return [commit.xid, side]
    }
    assert.deepEqual(at('2026-11-24T14:00:00.000001Z', true), ['10', true])
    assert.deepEqual(at('2026-11-24T14:00:00.000001Z', false), ['10', false])
    assert.deepEqual(at('2026-11-24T14:00:00.000002Z', true), ['12', true], 'both of one microsecond')
    assert.deepEqual(at('2026-11-24T14:00:00.000002Z', false), ['11', false], 'neither of one microsecond')
    assert.deepEqual(at('2026-11-24T13:00:00Z', true), ['10', false], 'before everything')
    assert.throws(() => commitAtTime(commits, { time: '2026-11-24T14:00:01Z', inclusive: true }), /no commit follows/)
    assert.equal(at('2026-11-24T14:00:01Z', false)[0], '13')
  })

  test('a record is replayed or not by where it begins: with the target’s own where that is inclusive', () => {
    const [start, next] = ['0/4212D8C0', '0/4212D8E8']
    assert.equal(isReplayed(start, { lsn: start, inclusive: true }), true)
    assert.equal(isReplayed(start, { lsn: start, inclusive: false }), false)
    assert.equal(isReplayed(start, { lsn: next, inclusive: false }), true)
    assert.equal(isReplayed(next, { lsn: start, inclusive: true }), false)
    assert.equal(canonicalLsn('00/0a'), '0/A')
  })

  test('exactly one of the four, well formed', () => {
    checkTarget({ lsn: '0/4212d8c0' })
    for (const target of [{}, { xid: '0' }, { xid: '-1' }, { xid: '1; drop' }, { lsn: '42' }, { lsn: '0/123456789' }, { name: "a'b" }, { name: 'x'.repeat(64) }, { xid: '1', lsn: '0/1' }]) {
      assert.throws(() => { checkTarget(target) }, RangeError, JSON.stringify(target))
    }
  })

  test('the set is the newest that was consistent before the target, not the newest', () => {
    const sets = [['old', '0/2000000'], ['fits', '0/4000000'], ['new', '0/6000000']].map(([label, stopLsn]) => ({ label, stopLsn }) as BackupSet)
    assert.equal(setBefore(sets, '0/5000000')?.label, 'fits')
    assert.equal(setBefore(sets, '0/4000000')?.label, 'fits')
    assert.equal(setBefore(sets, '0/1FFFFFF'), undefined)
  })
})

describe('what the WAL says of transactions and rows', () => {
  const text = `
rmgr: Heap        len (rec/tot):     59/  8111, tx:        745, lsn: 0/03000028, prev 0/03000000, desc: INSERT off 5 flags 0x08, blkref #0: rel 1663/16385/16402 blk 0 FPW
rmgr: Heap        len (rec/tot):     59/    59, tx:        746, lsn: 0/03000100, prev 0/03000028, desc: HOT_UPDATE off 1 xmax 746 flags 0x60 ; new off 2 xmax 0, blkref #0: rel 1663/16385/16402 blk 0
rmgr: Heap        len (rec/tot):     59/    59, tx:        747, lsn: 0/03000150, prev 0/03000100, desc: DELETE off 1 flags 0x00 KEYS_UPDATED , blkref #0: rel 1663/16385/16403 blk 0
rmgr: Heap2       len (rec/tot):     59/    59, tx:        745, lsn: 0/03000200, prev 0/03000150, desc: MULTI_INSERT+INIT 4 tuples flags 0x02, blkref #0: rel 1663/16385/16402 blk 1
rmgr: Heap2       len (rec/tot):     59/    59, tx:        745, lsn: 0/03000250, prev 0/03000200, desc: MULTI_INSERT ntuples: 3, flags: 0x02, blkref #0: rel 1663/16385/16402 blk 1
rmgr: Heap        len (rec/tot):     59/    59, tx:        745, lsn: 0/03000280, prev 0/03000250, desc: LOCK off 3: xid 745: flags 0x00 LOCK_ONLY EXCL_LOCK , blkref #0: rel 1663/16385/16402 blk 0
rmgr: Transaction len (rec/tot):     46/    46, tx:        745, lsn: 0/03000300, prev 0/03000280, desc: COMMIT 2026-11-24 19:45:31.331159 UTC; subxacts: 746
rmgr: Transaction len (rec/tot):     34/    34, tx:        747, lsn: 0/03000350, prev 0/03000300, desc: ABORT 2026-11-24 19:45:32.331159 UTC
rmgr: XLOG        len (rec/tot):     98/    98, tx:          0, lsn: 0/03000380, prev 0/03000350, desc: RESTORE_POINT before release
rmgr: Transaction len (rec/tot):     46/    46, tx:          0, lsn: 0/03000400, prev 0/03000380, desc: COMMIT_PREPARED 748: 2026-11-24 19:45:33 UTC; gid: x
`

  test('commits in their order, what was rolled back, restore points', () => {
    const events: WalEvents = { commits: [], aborted: new Set(), restorePoints: [] }
    parseWalEvents(text, events)
    assert.deepEqual(events.commits.map(({ xid, lsn }) => [xid, lsn]), [['745', '0/03000300'], ['748', '0/03000400']])
    assert.deepEqual([...events.aborted], ['747'])
    assert.deepEqual(events.restorePoints, [{ name: 'before release', lsn: '0/03000380' }])
  })

  test('rows by table, those of a part with its transaction, and none of what was rolled back', () => {
    const changes = noRowChanges()
    countRows(text, changes)
    assert.deepEqual([...rowsOf(changes, new Set(['745']))], [['1663/16385/16402', { inserted: 8, updated: 1, deleted: 0 }]])
    assert.deepEqual([...rowsOf(changes, new Set(['748']))], [])
  })
})

describe('who damaged the rows', () => {
  test('the transaction that wrote more than all others together', () => {
    assert.deepEqual(culpritOf([{ xid: '7', rows: 2 }, { xid: '9', rows: 30 }]), { xid: '9', rows: 30, others: 2 })
    assert.throws(() => culpritOf([]), /no row is damaged/)
    assert.throws(() => culpritOf([{ xid: '7', rows: 2 }, { xid: '9', rows: 2 }]), /no transaction wrote most of the 4/)
  })

  test('the number in a row has 32 bits: the full one lies before the next to be given out', () => {
    assert.equal(fullXid('745', '800'), '745')
    assert.equal(fullXid('5', String(2n ** 32n + 10n)), String(2n ** 32n + 5n))
    assert.equal(fullXid(String(2n ** 32n - 1n), String(2n ** 32n + 10n)), String(2n ** 32n - 1n))
  })
})

describe('what a configuration can promise', () => {
  const sure: CommitSettings = { synchronousCommit: 'on', synchronousStandbyNames: 'pg2', fsync: true, archiving: true, receivers: [{ name: 'pg2', state: 'streaming', sync: 'sync', kind: 'standby' }] }

  test('nothing lost, where a commit waits for another machine’s disk', () => {
    assert.equal(promiseOf(sure).zero, true)
    assert.equal(promiseOf({ ...sure, synchronousCommit: 'remote_apply' }).zero, true)
    assert.match(promiseOf({ ...sure, receivers: [{ name: 'w', state: 'streaming', sync: 'quorum', kind: 'receiver' }] }).reasons[0]!, /w \(WAL only\)/)
  })

  const broken: Array<[string, Partial<CommitSettings>, RegExp]> = [
    ['no name', { synchronousStandbyNames: '' }, /no commit waits for a second machine/],
    ['local commits', { synchronousCommit: 'local' }, /synchronous_commit is local: a commit is acknowledged before/],
    ['no wait at all', { synchronousCommit: 'off' }, /synchronous_commit is off/],
    ['memory only', { synchronousCommit: 'remote_write' }, /in memory only/],
    ['nobody streams', { receivers: [{ name: 'pg2', state: 'catchup', sync: 'sync', kind: 'standby' }] }, /none of "pg2" streams now/],
    ['an asynchronous one only', { receivers: [{ name: 'pg2', state: 'streaming', sync: 'async', kind: 'standby' }] }, /none of "pg2" streams now/],
    ['no fsync', { fsync: false }, /fsync is off/],
    ['archiving alone', { synchronousStandbyNames: '', receivers: [] }, /archiving alone promises nothing/],
  ]
  for (const [what, change, words] of broken) {
    test(`less than that: ${what}`, () => {
      const { zero, reasons } = promiseOf({ ...sure, ...change })
      assert.equal(zero, false)
      assert.match(reasons.join('; '), words)
    })
  }
})

describe('a repository’s catalogue', () => {
  const nowMs = 1_000 * hour
  const set = (label: string, change: Partial<BackupSet> = {}): BackupSet => ({
    label, type: 'full', startedAtMs: nowMs - hour - 10_000, endedAtMs: nowMs - hour, startSegment: '', stopSegment: '', startLsn: '0/1', stopLsn: '0/2',
    bytes: 1000, repositoryBytes: 100, pageErrors: false, annotations: {}, databaseId: 1, ...change,
  })
  const repository = (sets: BackupSet[]): Repository => ({ sets, databases: [{ id: 1, systemId: '7301', version: '15' }], backupRuns: false, cipher: 'none' })
  const policy = { maxAge: '26h', fullMaxAge: '8d' }
  const problems = (sets: BackupSet[], live = { systemId: '7301', major: '15' }): string => judgeFreshness(repository(sets), policy, live, nowMs).problems.join('; ')

  test('is fresh, or says what it is', () => {
    assert.equal(problems([set('a')]), '')
    assert.equal(problems([]), 'there is no backup')
    assert.match(problems([set('a', { endedAtMs: nowMs - 27 * hour })]), /^the newest backup, a, is .* old, allowed are 26h$/)
    assert.match(problems([set('a', { type: 'diff' })]), /^there is no full backup$/)
    assert.match(problems([set('a', { pageErrors: true })]), /pages with wrong checksums/)
    assert.match(problems([set('a', { endedAtMs: nowMs + hour })]), /in the future: a clock is wrong/)
    assert.match(problems([set('a')], { systemId: '9', major: '15' }), /^the backups are of another cluster: system-id 7301, the live one is 9$/)
    assert.match(problems([set('a')], { systemId: '7301', major: '16' }), /PostgreSQL 15, the live server is 16/)
    assert.match(problems([set('a', { databaseId: 0 })]), /there is no backup/, 'of the cluster before an upgrade')
  })

  test('a backup of an unusual size is a problem, once three earlier ones say what is usual', () => {
    const earlier = [1, 2, 3].map(days => set(`e${days}`, { endedAtMs: nowMs - days * 25 * hour, startedAtMs: nowMs - days * 25 * hour - 10_000 }))
    assert.equal(problems([...earlier, set('same', { bytes: 2900 })]), '')
    assert.match(problems([...earlier, set('large', { bytes: 3100 })]), /^large has 310 % of the median size/)
    assert.match(problems([...earlier, set('small', { bytes: 300 })]), /^small has 30 % of the median size/)
    assert.equal(problems([...earlier.slice(1), set('large', { bytes: 9000 })]), '')
  })

  test('a backup that took unusually long is a problem, and one of seconds never is', () => {
    const tookMs = (label: string, ms: number, daysAgo = 0): BackupSet => {
      const endedAtMs = nowMs - hour - daysAgo * 25 * hour
      return set(label, { endedAtMs, startedAtMs: endedAtMs - ms })
    }
    const earlier = [1, 2, 3].map(days => tookMs(`e${days}`, 20_000, days))
    assert.match(problems([...earlier, tookMs('slow', 101_000)]), /^slow has 100 % of the median size and 505 % of the median time of 3 earlier full backups$/)
    assert.equal(problems([...earlier, tookMs('same', 99_000)]), '')
    assert.equal(problems([...[1, 2, 3].map(days => tookMs(`e${days}`, 1_000, days)), tookMs('short', 59_000)]), '')
    assert.match(judgeFreshness(repository([...earlier, tookMs('told', 30_000)]), policy, { systemId: '7301', major: '15' }, nowMs).remarks.join(), /150 % of the median time/)
    const allowed = judgeFreshness(repository([...earlier, tookMs('slow', 101_000)]), { ...policy, timeFactor: 6 }, { systemId: '7301', major: '15' }, nowMs)
    assert.deepEqual(allowed.problems, [])
  })

  test('a number of 19 digits keeps them all, and a wrong passphrase is told from an unreadable repository', () => {
    const info = (change: object): string => JSON.stringify([{ name: 'lab', cipher: 'none', status: { code: 0, message: 'ok' }, db: [{ id: 1, 'repo-key': 1, 'system-id': 1, version: '15' }], backup: [], ...change }])
    assert.equal(parseInfo(info({}).replace('"system-id":1', '"system-id":7301234567890123457'), 'lab').databases[0]!.systemId, '7301234567890123457')
    const unread = (quoted: string): object => {
      const message = `[FormatError] unable to load info file:\nFormatError: key/value found outside of section at line 1: ${quoted}\nHINT: backup.info`
      return { status: { code: 99, message: 'other' }, repo: [{ status: { code: 99, message } }] }
    }
    const sealed = { cipher: 'aes-256-cbc', ...unread('x\u0001') }
    const said = 'The repository of stanza "lab" cannot be read (status 99): other: [FormatError] unable to load info file: FormatError: key/value found outside of section at line 1 HINT: backup.info'
    assert.throws(() => parseInfo(info(sealed).replace('\\u0001', '\u0001'), 'lab'), { code: 'backup.key', message: `The repository’s passphrase is missing or wrong: ${said}` })
    assert.throws(() => parseInfo(info({ ...sealed, cipher: 'none' }), 'lab'), { code: 'backup.unreadable', message: said })
    assert.throws(() => parseInfo(info(unread('Salted__x')), 'lab'), { code: 'backup.key' }, 'it is encrypted, and the configuration does not say so')
    assert.throws(() => parseInfo(info({}), 'other'), { code: 'backup.unreadable' })
    assert.throws(() => parseInfo('no answer', 'lab'), { code: 'backup.unreadable' })
  })
})

describe('words of the checkers', () => {
  const verify = (status: string, wal: string, backup: string): string => `stanza: lab\nstatus: ${status}\n  archiveId: 15-1, total WAL checked: ${wal}\n  backup: 20261128-215510F, status: ${backup}\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n`

  test('verify is good only where every word and every count is', () => {
    assert.deepEqual(parseVerification(verify('ok', '4, total valid WAL: 4', 'valid, total files checked: 9, total valid files: 9')).problems, [])
    assert.match(parseVerification(verify('error', '4, total valid WAL: 4', 'invalid, total files checked: 9, total valid files: 8')).problems.join(), /status invalid, 1 of 9 files are not valid/)
    assert.match(parseVerification(verify('ok', '4, total valid WAL: 3', 'valid, total files checked: 9, total valid files: 9')).problems.join(), /archive 15-1: 1 of 4/)
    assert.match(parseVerification(verify('ok', '4, total valid WAL: 4', 'valid, total files checked: 0, total valid files: 0')).problems.join(), /no file was checked/)
    assert.match(parseVerification(verify('error', '4, total valid WAL: 4', 'valid, total files checked: 9, total valid files: 9')).problems.join(), /says status: error/)
    assert.throws(() => parseVerification('done'), { code: 'backup.unreadable' })
  })

  test('pg_amcheck and pg_checksums that looked at nothing are blind', () => {
    assert.ok('good' in parseAmcheck('', '838/838 relations (100%),  2423/2423 pages (100%)', 0))
    assert.ok('wrong' in parseAmcheck('heap table "shop.public.orders", block 0, offset 5:\n    xmin 9 precedes relation freeze threshold', '', 2))
    assert.ok('blind' in parseAmcheck('', '', 0))
    assert.ok('blind' in parseAmcheck('', '0/0 relations (0%),  0/0 pages (0%)', 0))
    assert.ok('blind' in parseAmcheck('', '1/838 relations (0%),  2/2423 pages (0%)', 1))
    assert.ok('good' in parseChecksums('Checksum operation completed\nBlocks scanned:  3753\nBad checksums:  0\n', '', 0))
    assert.ok('wrong' in parseChecksums('Blocks scanned:  3753\nBad checksums:  1\n', 'checksum verification failed in file', 1))
    assert.ok('blind' in parseChecksums('Blocks scanned:  0\nBad checksums:  0\n', '', 0))
    assert.ok('blind' in parseChecksums('', 'cluster must be shut down', 1))
  })

  test('a recovery’s log: where it stopped, with and without a target, and not what came before', () => {
    const line = (second: number, words: string, level = 'LOG'): string => `2026-11-28 22:00:0${second}.000 UTC [9] ${level}:  ${words}\n`
    const start = (kind: string): string => line(0, 'starting PostgreSQL 15.18') + line(1, `starting ${kind}`) + line(2, 'consistent recovery state reached at 0/3000100')
    const targeted = parseRecoveryLog(start('point-in-time recovery to XID 745') + line(3, 'recovery stopping before commit of transaction 745, time 2026-11-28') + line(4, 'selected new timeline ID: 2') + line(5, 'database system is ready to accept connections'))
    assert.equal(targeted.stopLine, 'recovery stopping before commit of transaction 745, time 2026-11-28')
    assert.deepEqual([targeted.selectedTimeline, targeted.readyAtMs! - targeted.startedAtMs!], [2, 5000])
    const whole = parseRecoveryLog(start('archive recovery') + line(3, 'redo done at 0/7000050 system usage: CPU') + line(4, 'selected new timeline ID: 2'))
    assert.deepEqual([whole.stopLine, whole.redoDone], [undefined, '0/7000050'])
    const died = parseRecoveryLog(start('point-in-time recovery to XID 9') + line(3, 'the database system is starting up', 'FATAL') + line(4, 'recovery ended before configured recovery target was reached', 'FATAL'))
    assert.deepEqual(died.fatal, ['recovery ended before configured recovery target was reached'])
    assert.equal(parseRecoveryLog(start('archive recovery') + line(3, 'redo done at 0/1 x') + start('point-in-time recovery to XID 9')).redoDone, undefined)
  })
})

test('an estimate scales what moves bytes, leaves what does not, and knows the largest cluster that is in time', () => {
  const phases = [{ name: 'restore', ms: 1000, bytes: 100 }, { name: 'promote', ms: 500 }]
  const { estimatedMs, largestBytes } = estimateRecovery(phases, { measuredBytes: 100, sizeBytes: 1000, rtoMs: 20_500 })
  assert.deepEqual([estimatedMs, largestBytes], [10_500, 2000])
})

test('what a person is told to run by hand brings back only rows that are still damaged, as the undo does', () => {
  const column = { name: 'stock', table: 'products', key: 'id', column: 'stock', damagedTo: 0 }
  assert.match(actionCatalog['rows.damage'].byHand({ database: { endpoint: { database: 'shop' } }, column } as never), /where t\.id = s\.key and t\.stock = 0; then drop schema/)
})
