import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseWaldump } from '../activities/checks/failed-wal.js'
import { lastSwitch } from '../activities/checks/survivors.js'
import { addAck, firstAckAfter, type Acks } from '../activities/observe/acks.js'
import { follow, standingUp } from '../activities/observe/edges.js'
import { openJournal, parseJournal, readJournals, readLastWords, saveLastWords } from '../activities/observe/journal.js'
import { addLatency, percentileMs } from '../activities/observe/latency.js'
import { createOutbox, createShipment } from '../activities/observe/outbox.js'
import { startProbe } from '../activities/observe/probe.js'
import { latestWords, observationOf, takeUp, type LastWords } from '../activities/observe/words.js'
import type { ProbeEdge, ProbeSample } from '../src/drill/observation.js'

const limits = { failures: 3, successes: 2 }
const folder = mkdtempSync(join(tmpdir(), 'muster-observe-'))
after(() => { rmSync(folder, { recursive: true, force: true }) })

/** Edges of a row of samples, one each 100 ms: `.` good, `x` failed. */
function edgesOf (row: string): ProbeEdge[] {
  let standing = { ...standingUp }
  return [...row].flatMap((mark, index) => {
    const sample: ProbeSample = { target: 'database', atMs: index * 100, latencyMs: 1, ok: mark === '.', error: mark === '.' ? undefined : `refused at ${index}` }
    const result = follow(standing, sample, limits, index * 100 + 7)
    standing = result.standing
    return result.edge ?? []
  })
}

describe('edges of a probe', () => {
  it('an outage begins at the first of the failures in a row and ends at the first of the good ones', () => {
    assert.deepEqual(edgesOf('..xxxx...'), [
      { edge: 'down', target: 'database', firstFailedAtMs: 200, confirmedAtMs: 407, error: 'refused at 2' },
      { edge: 'up', target: 'database', firstGoodAtMs: 600, confirmedAtMs: 707 },
    ])
  })

  it('a flicker is no outage, and one good answer is no recovery', () => {
    assert.deepEqual(edgesOf('.xx.xx.'), [])
    assert.deepEqual(edgesOf('xxx.x.x'), [{ edge: 'down', target: 'database', firstFailedAtMs: 0, confirmedAtMs: 207, error: 'refused at 0' }])
  })

  it('a flicker does not count towards the outage after it', () => {
    assert.equal((edgesOf('xx.xxx')[0] as { firstFailedAtMs: number }).firstFailedAtMs, 300)
  })
})

describe('the rhythm of a probe', () => {
  it('a hung target keeps neither its own next sample nor another’s waiting, and its results come in order of start', async () => {
    const samples: ProbeSample[] = []
    let asked = 0
    let releaseFirst = (): void => {}
    const enough = resolvers()
    const probe = startProbe({
      targets: [
        { name: 'hanging', ask: () => asked++ === 0 ? new Promise(resolve => { releaseFirst = resolve }) : Promise.resolve() },
        { name: 'quick', ask: () => Promise.resolve() },
      ],
      intervalMs: 5,
      timeoutMs: 5_000,
      now: Date.now,
      onBlind: () => {},
      onSample: sample => {
        samples.push(sample)
        if (samples.filter(({ target }) => target === 'quick').length === 4) releaseFirst()
        if (samples.filter(({ target }) => target === 'hanging').length >= 4) enough.resolve()
      },
    })
    await enough.promise
    await probe.stop()
    const first = samples.findIndex(({ target }) => target === 'hanging')
    assert.ok(samples.slice(0, first).filter(({ target }) => target === 'quick').length >= 4)
    const times = samples.filter(({ target }) => target === 'hanging').map(({ atMs }) => atMs)
    assert.deepEqual(times, times.toSorted((a, b) => a - b))
  })

  it('a target that never answers fails at its deadline', async () => {
    const sample = await new Promise<ProbeSample>(resolve => {
      const probe = startProbe({
        targets: [{ name: 'dead', ask: () => new Promise(() => {}) }],
        intervalMs: 1_000, timeoutMs: 10, now: Date.now, onBlind: () => {}, onSample: sample => { probe.stop().then(() => { resolve(sample) }, () => {}) },
      })
    })
    assert.equal(sample.ok, false)
    assert.match(sample.error!, /no answer within 10 ms/)
  })

  it('a process that stood still says that it was blind, and drops what was in flight', async () => {
    let clock = 1_000_000
    const blind: Array<{ fromMs: number, toMs: number }> = []
    const samples: ProbeSample[] = []
    const seen = resolvers()
    const probe = startProbe({
      targets: [{ name: 'database', ask: () => blind.length === 0 ? new Promise(() => {}) : Promise.resolve() }],
      intervalMs: 10,
      timeoutMs: 30,
      now: () => clock,
      onBlind: span => { blind.push(span) },
      onSample: sample => { samples.push(sample); seen.resolve() },
    })
    clock += 3_000
    await seen.promise
    await probe.stop()
    assert.equal(blind.length, 1)
    assert.deepEqual([blind[0]!.fromMs, blind[0]!.toMs], [1_000_000, 1_003_000])
    assert.ok(samples.every(({ atMs, ok }) => ok && atMs === 1_003_000), JSON.stringify(samples))
  })
})

describe('acks of canaries', () => {
  it('the first good write ends the longest silence of the outage, not the flicker of a dying backend', () => {
    const acks: Acks = { longestGapMs: 0, gaps: [] }
    for (const atMs of [0, 10, 20, 30, 100, 600, 610, 620, 900]) addAck(acks, atMs, 50)
    assert.equal(firstAckAfter(acks, { fromMs: 60, toMs: 605 }), 600)
    assert.equal(acks.longestGapMs, 500)
  })

  it('without an outage there is no first write after it', () => {
    const acks: Acks = { longestGapMs: 0, gaps: [{ fromMs: 0, toMs: 500 }] }
    assert.equal(firstAckAfter(acks, undefined), undefined)
    assert.equal(firstAckAfter(acks, { fromMs: 600, toMs: 700 }), undefined)
  })

  it('remembers a bounded number of silences, the longest ones', () => {
    const acks: Acks = { longestGapMs: 0, gaps: [] }
    let atMs = 0
    for (let index = 0; index < 300; index++) addAck(acks, atMs += index === 5 ? 9_000 : 60, 50)
    assert.equal(acks.gaps.length, 100)
    assert.ok(acks.gaps.some(gap => gap.toMs - gap.fromMs === 9_000), 'the longest one is kept')
  })
})

it('percentiles are within one percent, and those of nothing are 0', () => {
  const latencies = {}
  assert.equal(percentileMs(latencies, 0.99), 0)
  for (let ms = 1; ms <= 1000; ms++) addLatency(latencies, ms)
  for (const share of [0.5, 0.9, 0.99]) assert.ok(Math.abs(percentileMs(latencies, share) / (share * 1000) - 1) < 0.015, `p${share}: ${percentileMs(latencies, share)}`)
})

describe('the journal', () => {
  it('tells what became of each canary, over runs, and what has no outcome is unknown', () => {
    const one = openJournal(folder, 'drill-a')
    one.issued(0, 0, 100)
    one.acked(0, 0, 102, '77', '0/10')
    one.issued(1, 0, 101)
    one.refused(1, 1, 105, 'no connection', 104)
    // Another drill whose name begins the same is none of ours.
    const other = openJournal(folder, 'drill-a.b')
    other.issued(0, 9, 1)
    other.close()
    const two = openJournal(folder, 'drill-a')
    assert.equal(two.run, 2)
    two.issued(0, 0, 200)
    two.unknown(0, 0, 300, 'died')
    one.close()
    two.close()
    const canaries = readJournals(folder, 'drill-a')
    assert.deepEqual(canaries.map(({ run, writer, seq, outcome, issuedAtMs, settledAtMs }) => [run, writer, seq, outcome, issuedAtMs, settledAtMs]), [
      [1, 0, 0, 'acked', 100, 102], [1, 1, 0, 'unknown', 101, undefined], [1, 1, 1, 'refused', 104, 105], [2, 0, 0, 'unknown', 200, 300],
    ])
    assert.deepEqual([canaries[0]!.xid, canaries[0]!.lsn], ['77', '0/10'])
  })

  it('passes over the half line that a killed worker leaves, and refuses a damaged one in the middle', () => {
    const journal = openJournal(folder, 'drill-c')
    journal.issued(0, 0, 100)
    journal.close()
    appendFileSync(join(folder, 'canaries', 'drill-c.1.jsonl'), '{"writer":0,"se')
    assert.equal(readJournals(folder, 'drill-c').length, 1)
    assert.throws(() => parseJournal('{"writer":0,"seq":0,"issued":1}\n{"wri\n{"writer":0,"seq":0,"acked":2}\n', 1), { code: 'component.unexpected' })
  })
})

describe('another attempt', () => {
  const words = (more: Partial<LastWords> = {}): LastWords => ({
    startedAtMs: 0, atMs: 5_000, ready: true, blind: [], undelivered: [],
    targets: { database: { samples: 50, failed: 2, maxMs: 9, latencies: {}, standing: { down: true, against: 1, sinceMs: 4_900 } } },
    canaries: { issued: 100, acked: 90, refused: 3, unknown: 1, missed: 0, acks: { lastMs: 4_990, longestGapMs: 20, gaps: [] } },
    ...more,
  })

  it('goes on from the later of two accounts, and only from a whole one', () => {
    saveLastWords(folder, 'drill-d', words({ atMs: 6_000 }))
    assert.equal(latestWords(words(), readLastWords(folder, 'drill-d'))!.atMs, 6_000)
    assert.equal(latestWords(undefined, { faultAtMs: 1 }), undefined)
  })

  it('declares the gap blind, sums the totals, keeps who is down, and calls unknown what was in flight', () => {
    const next = takeUp(words(), 9_000)
    assert.deepEqual(next.blind, [{ fromMs: 5_000, toMs: 9_000, reason: 'the worker of the probe was gone' }])
    assert.deepEqual(next.targets.database!.standing, { down: true, against: 0, sinceMs: 0 })
    assert.equal(next.canaries!.unknown, 7)
    addAck(next.canaries!.acks, 9_100, 50)
    assert.equal(observationOf(next, 9_100, 100).canaries!.longestGapMs, 20)
  })

  it('an outage that lasts to the end is a silence too', () => {
    assert.equal(observationOf(words(), 8_990, 100).canaries!.longestGapMs, 4_000)
  })
})

describe('what the observation owes', () => {
  it('edges get through in order, however often the drill does not answer', async () => {
    const got: number[] = []
    let tries = 0
    const outbox = createOutbox<number>(async item => {
      if (tries++ === 0) throw new Error('no worker')
      got.push(item)
    })
    outbox.push(1)
    outbox.push(2)
    assert.deepEqual(outbox.waiting(), [1, 2])
    await outbox.drain(2_000)
    assert.deepEqual(got, [1, 2])
  })

  it('a drill that never answers does not hold the end', async () => {
    const outbox = createOutbox<number>(() => new Promise(() => {}))
    outbox.push(1)
    await outbox.drain(10)
    assert.deepEqual(outbox.waiting(), [1])
  })

  it('samples outlive a store that is down, up to a bound, the newest ones', async () => {
    let up = false
    const stored: number[] = []
    const shipment = createShipment<number>(async rows => {
      if (!up) throw new Error('down')
      stored.push(...rows)
    }, 10)
    for (let index = 0; index < 8; index++) shipment.add(index)
    await shipment.ship()
    for (let index = 8; index < 13; index++) shipment.add(index)
    await shipment.ship()
    up = true
    await shipment.ship()
    assert.deepEqual(stored, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })
})

describe('the WAL of a failed node', () => {
  const line = (tx: number, lsn: string, what = 'COMMIT 2026-11-24 14:00:00.000000 UTC'): string =>
    `rmgr: Transaction len (rec/tot):     34/    34, tx:       ${tx}, lsn: ${lsn}, prev 0/0, desc: ${what}\n`
  const end = (last: string, at: string): string => `pg_waldump: error: error in WAL record at ${last}: invalid record length at ${at}: wanted 24, got 0\n`

  it('gives the commits at and after the switch', () => {
    const text = line(7, '0/2F0') + line(8, '0/300') + line(9, '0/310', 'ABORT 2026-11-24') + line(10, '0/320')
    assert.deepEqual(parseWaldump(text, end('0/320', '0/348'), 1, '0/300'), { commits: [{ xid: '8', lsn: '0/300' }, { xid: '10', lsn: '0/320' }] })
  })

  it('a WAL that ends right at the switch has no commits after it', () => {
    assert.deepEqual(parseWaldump(line(7, '0/2D0'), end('0/2D0', '0/300'), 1, '0/300'), { commits: [] })
  })

  it('a WAL that ends before the switch, or cannot be read, proves nothing', () => {
    assert.ok('unreadable' in parseWaldump('', end('0/200', '0/228'), 1, '0/300'))
    assert.ok('unreadable' in parseWaldump('', 'pg_waldump: error: could not open directory "x": Permission denied\n', 1, '0/300'))
    assert.ok('unreadable' in parseWaldump('', 'pg_waldump: error: could not find a valid record after 0/200\n', 1, '0/300'))
  })

  it('the switch is the last line of the history', () => {
    assert.deepEqual(lastSwitch('1\t0/5000\tno recovery target specified\n\n2\t0/A41F8F60\tno recovery target specified\n'), { parentTimeline: 2, switchLsn: '0/A41F8F60' })
    assert.deepEqual(lastSwitch(undefined), {})
  })
})

/** Promise.withResolvers is not in Node 20. */
function resolvers (): { promise: Promise<void>, resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}
