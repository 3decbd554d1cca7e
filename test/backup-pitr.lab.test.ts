import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import pg from 'pg'
import { lookAtPrimary } from '../activities/backup/live.js'
import { onCopy } from '../activities/backup/copy-server.js'
import { placeOf, takePlace } from '../activities/backup/place.js'
import { backupRestore } from '../activities/backup/restore.js'
import { readRepository, readArchive } from '../activities/backup/repository.js'
import { readWalEvents } from '../activities/backup/wal-events.js'
import { controlOf } from '../src/control/control.js'
import type { ArchivedCanary } from '../src/drill/backup.js'
import type { Progress } from '../src/drill/progress.js'
import type { DatabaseCluster } from '../src/drill/environment.js'
import { lsnBytes } from '../src/drill/loss.js'
import type { RecoveryTarget } from '../src/drill/target.js'
import { segmentAt, segmentOfEnd, segmentText } from '../src/drill/wal.js'
import { act, ask, backupLab, copyOf, undo, type BackupLab } from './fixtures/backup-lab.js'
import { stepContext } from './fixtures/database-lab.js'

const segmentBytes = 16 * 1024 * 1024

/** One of the transactions whose order is the question. */
interface Written { xid: string, committedAt: string }

describe('point-in-time recovery to one transaction', { timeout: 280_000 }, () => {
  let lab: BackupLab
  let database: DatabaseCluster
  let backup: BackupLab['backup']
  let base: string
  const written: Record<string, Written> = {}
  const lsn = { startOfA: '', endOfA: '', endOfB: '', startOfE: '', insideE: '', endOfE: '' }
  const context = stepContext()

  const connect = async (): Promise<pg.Client> => {
    const node = database.nodes[0]!
    const client = new pg.Client({ host: node.host, port: node.port, user: node.user, database: 'shop' })
    await client.connect()
    return client
  }

  before(async () => {
    lab = await backupLab();
    ({ database, backup } = lab)
    base = (await act('backup.take', { backup, type: 'full' }, { stepId: 'base' })).output.label as string
    await write()
    // A newer set lies behind every target: pgBackRest would take it for an xid or a name.
    await act('backup.take', { backup, type: 'incr' }, { stepId: 'newer' })
    await ask('backup.archiving', { database, backup })
  })
  afterEach(async () => { await undo('backup.restore', { backup, database }, { stepId: 'restore' }) })
  after(async () => { await lab?.down() })

  /** What a canary of that transaction would know. */
  const canaryOf = (name: string, end: string): ArchivedCanary => ({
    xid: written[name]!.xid, lsn: end, segment: segmentText(segmentOfEnd(end, 1, segmentBytes), segmentBytes), timeline: 1,
  })

  /** B is opened before A and commits after it, with no record between; then C, a restore point, D, E over the border of a segment, F, and the damage. */
  async function write (): Promise<void> {
    const [a, b] = [await connect(), await connect()]
    try {
      await a.query('create table balances (name text primary key, balance integer not null)')
      // Segments between the set and all that is looked for.
      for (let segment = 0; segment < 3; segment++) await a.query("select pg_logical_emit_message(true, 'fill', 'x'), pg_switch_wal()")
      for (let tries = 1; ; tries++) {
        await a.query('truncate balances')
        const begin = async (client: pg.Client, name: string): Promise<string> => {
          await client.query('begin')
          await client.query('insert into balances values ($1, 100)', [name])
          return (await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid')).rows[0]!.xid
        }
        const xids: Record<string, string> = { B: await begin(b, 'B'), A: await begin(a, 'A') }
        await a.query('commit')
        lsn.endOfA = await insertLsn(a)
        await b.query('commit')
        lsn.endOfB = await insertLsn(a)
        xids.C = await begin(a, 'C')
        await a.query('commit')
        await a.query(`select pg_create_restore_point('after-c-${tries}')`)
        xids.D = await begin(a, 'D')
        await a.query('commit')
        xids.E = await begin(a, 'E')
        const rest = await fillSegment(b)
        await a.query('commit')
        lsn.endOfE = await insertLsn(a)
        xids.F = await begin(a, 'F')
        await a.query('commit')
        await a.query('update balances set balance = 0')
        for (const [name, xid] of Object.entries(xids)) {
          const { rows: [row] } = await a.query<{ at: string }>("select to_char(pg_xact_commit_timestamp($1::xid) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at", [xid])
          written[name] = { xid, committedAt: row!.at }
        }
        await ask('backup.archiving', { database, backup })
        const commits = await archivedCommits()
        const startOf = (name: string): string => commits.find(commit => commit.xid === xids[name])?.lsn ?? `no commit of ${name}`
        lsn.startOfA = startOf('A')
        lsn.startOfE = startOf('E')
        lsn.insideE = lsn.startOfE.replace(/.$/, '8')
        written.point = { xid: '', committedAt: `after-c-${tries}` }
        // Only where B's commit is the very next record the two sides of a position differ, and others write too.
        if (lsnBytes(startOf('B')) === lsnBytes(lsn.endOfA) && rest === 16 && lsnBytes(lsn.endOfE) % segmentBytes < 100) return
        assert.ok(tries < 10, `other records come between every time; ${rest} bytes were left before E`)
      }
    } finally {
      await a.end()
      await b.end()
    }
  }

  async function insertLsn (client: pg.Client): Promise<string> {
    return (await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')).rows[0]!.lsn
  }

  /** Fills a segment of the WAL to its last bytes, so that the next commit goes on in the one behind it. How many are left. */
  async function fillSegment (client: pg.Client): Promise<number> {
    const rest = async (): Promise<number> => segmentBytes - lsnBytes(await insertLsn(client)) % segmentBytes
    const write = async (bytes: number): Promise<void> => { await client.query("select pg_logical_emit_message(false, 'fill', repeat('x', $1))", [bytes]) }
    const page = 8192
    let left = await rest()
    if (left > page) await write(left - Math.ceil(left / page) * 24 - page / 2)
    // Within one page: one message says what a message takes beside its text.
    left = await rest()
    await write(1000)
    const taken = left - await rest()
    await write(1000 + (await rest()) - taken - 56)
    // An empty transaction's commit takes 40.
    await client.query('begin; select pg_current_xact_id(); commit')
    return await rest()
  }

  async function archivedSegments (): Promise<readonly string[]> {
    return (await readArchive(backup, await readRepository(backup, context), segmentBytes, context)).segments
  }

  async function archivedCommits (): Promise<Array<{ xid: string, lsn: string }>> {
    const { place } = await takePlace(backup, database, { drillId: 'test', stepId: 'look' })
    try {
      const archive = await readArchive(backup, await readRepository(backup, context), (await lookAtPrimary(database, context)).segmentBytes, context)
      return (await readWalEvents(backup, place, archive.segments, context)).commits
    } finally {
      await undo('backup.restore', { backup, database }, { stepId: 'look' })
    }
  }

  const rows: Array<{ what: string, target: () => RecoveryTarget, holds: string, log: RegExp }> = [
    { what: 'the time of A, inclusive', target: () => ({ time: written.A!.committedAt }), holds: 'A', log: /recovery stopping after commit of transaction/ },
    { what: 'the time of B, exclusive', target: () => ({ time: written.B!.committedAt, inclusive: false }), holds: 'A', log: /recovery stopping before commit of transaction/ },
    { what: 'xid A, inclusive, though its number is the higher one', target: () => ({ xid: written.A!.xid }), holds: 'A', log: /recovery stopping after commit of transaction/ },
    { what: 'xid B, exclusive', target: () => ({ xid: written.B!.xid, inclusive: false }), holds: 'A', log: /recovery stopping before commit of transaction/ },
    { what: 'the start of A’s commit record, inclusive', target: () => ({ lsn: lsn.startOfA }), holds: 'A', log: /recovery stopping after WAL location/ },
    { what: 'the end of A’s commit record, exclusive', target: () => ({ lsn: lsn.endOfA, inclusive: false }), holds: 'A', log: /recovery stopping before WAL location/ },
    { what: 'the end of A’s commit record, inclusive: one transaction too many', target: () => ({ lsn: lsn.endOfA }), holds: 'AB', log: /recovery stopping after WAL location/ },
    { what: 'a restore point after C', target: () => ({ name: written.point!.committedAt }), holds: 'ABC', log: /recovery stopping at restore point/ },
    { what: 'xid E, inclusive, whose commit record goes over the border of a segment', target: () => ({ xid: written.E!.xid }), holds: 'ABCDE', log: /recovery stopping after commit of transaction/ },
    { what: 'the inside of E’s commit record, exclusive: recovery knows whole records only', target: () => ({ lsn: lsn.insideE, inclusive: false }), holds: 'ABCDE', log: /recovery stopping before WAL location/ },
  ]
  for (const { what, target, holds, log } of rows) {
    test(`${what}: ${holds.split('').join(', ')}`, async () => {
      const input = { backup, database, target: target() }
      const result = await act('backup.restore', input, { stepId: 'restore' })
      const copy = copyOf(result)
      assert.equal(copy.set, base, 'the set before the target, not the newest')
      assert.match(result.summary, log)
      const found = await onCopy(copy, { user: 'postgres', database: 'shop' }, context, async client =>
        (await client.query<{ name: string, balance: number }>('select name, balance from balances order by name')).rows)
      assert.equal(found.map(row => row.name).join(''), holds)
      assert.ok(found.every(row => row.balance === 100), 'nothing is damaged yet')
      // A canary on either side of the target, and none is called red: they begin and end where the target lies.
      for (const [name, later] of [['A', 'B'], ['A', 'E']] as const) {
        const ends = { A: lsn.endOfA, B: lsn.endOfB, E: lsn.endOfE }
        const proven = await ask('copy.proven', { copy, database, backup, canary: canaryOf(name, ends[name]), later: canaryOf(later, ends[later]) })
        assert.equal(proven.outcome, 'pass', proven.observed)
        for (const one of [name, later]) assert.match(proven.observed, new RegExp(`transaction ${written[one]!.xid}, is ${holds.includes(one) ? 'here' : 'not here, as its target wants'}`))
      }
      assert.equal((await undo('backup.restore', input, { stepId: 'restore' })).undone, true)
    })
  }

  test('a transaction is looked for from the newest segment on, however far back its set lies, and that is a phase of the restore', async () => {
    const input = { backup, database, target: { xid: written.F!.xid } }
    const watched = stepContext({ stepId: 'restore' })
    const copy = copyOf(await backupRestore.do(input, watched))
    const read = (watched.beats as Progress[]).filter(({ text }) => text.startsWith('read the archived WAL'))
    const segments = await archivedSegments()
    const from = segments.indexOf(segmentText(segmentAt(copy.target!.lsn, 1, segmentBytes), segmentBytes))
    assert.ok(from > 1, `it begins in segment ${from} of ${segments.length}`)
    // The one in which the newest set begins is looked into for that set and for the one before it.
    assert.ok(read.length <= segments.length - from + 1, `${read.length} of ${segments.length} segments were read, it begins in the one with index ${from}`)
    const [find, ...others] = copy.phases
    assert.equal(find!.name, 'find')
    assert.equal(find!.bytes, read.length * segmentBytes)
    assert.ok(find!.ms > 0)
    assert.deepEqual(others.map(({ name }) => name), ['restore', 'start', 'replay', 'promote'])
  })

  test('a copy that is paused at its target is looked at, then promoted, and takes writes only then', async () => {
    const input = { backup, database, target: { xid: written.B!.xid, inclusive: false }, pause: true }
    const paused = copyOf(await act('backup.restore', input, { stepId: 'restore' }))
    assert.equal(paused.state, 'paused')
    const insert = async (): Promise<unknown> => await onCopy(paused, { user: 'postgres', database: 'shop' }, context, client => client.query("insert into balances values ('new', 1)"))
    await assert.rejects(insert, /read-only transaction/)
    const canary = canaryOf('A', lsn.endOfA)
    assert.equal((await ask('copy.proven', { copy: paused, database, backup, canary })).outcome, 'pass')
    const waits = await ask('copy.proven', { copy: { ...paused, state: 'promoted' }, database, backup, canary })
    assert.deepEqual([waits.outcome, waits.observed], ['fail', 'it is still in recovery'], 'a copy that was to have ended it')
    assert.equal((await ask('copy.sound', { copy: paused, database, backup })).outcome, 'blind')
    const behind = await ask('copy.behind', { copy: paused, database, backup })
    assert.equal(behind.outcome, 'pass', behind.observed)
    assert.match(behind.observed, /balances \+5 ~6/, 'B to F, and the update of six rows')
    for (const time of ['first', 'second']) {
      const promoted = copyOf(await act('copy.promote', { copy: paused, database, backup }, { stepId: 'promote' }))
      assert.equal(promoted.state, 'promoted', time)
      const proven = await ask('copy.proven', { copy: promoted, database, backup, canary })
      assert.equal(proven.outcome, 'pass', proven.observed)
    }
    await insert()
    assert.equal((await undo('backup.restore', input, { stepId: 'restore' })).undone, true)
    assert.deepEqual(placeOf(backup, { drillId: 'test', stepId: 'restore' }).dir, paused.dir)
  })

  // The last one: nothing brings the old primary back.
  test('a transaction behind a failover: what is read goes over from one timeline to the next', async () => {
    const [old, standby] = database.nodes
    await controlOf(old!.control).stop()
    const client = new pg.Client({ host: standby!.host, port: standby!.port, user: standby!.user, database: 'shop' })
    await client.connect()
    try {
      await client.query('select pg_promote()')
      // Its own standby is gone: nobody could acknowledge.
      await client.query('set synchronous_commit = local')
      const { rows: [row] } = await client.query<{ xid: string }>("with done as (insert into balances values ('G', 100) returning 1) select pg_current_xact_id()::text as xid from done")
      await client.query("insert into balances values ('H', 100)")
      await client.query('checkpoint')
      await ask('backup.archiving', { database, backup })
      const input = { backup, database, target: { xid: row!.xid } }
      const copy = copyOf(await act('backup.restore', input, { stepId: 'restore' }))
      const found = await onCopy(copy, { user: 'postgres', database: 'shop' }, context, async client => (await client.query<{ name: string }>("select name from balances where name in ('G', 'H')")).rows)
      assert.deepEqual(found.map(row => row.name), ['G'])
    } finally {
      await client.end()
    }
  })
})
