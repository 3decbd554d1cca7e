import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { recoveryClock } from '../src/drill/clock.js'
import { statusOf } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { DrillError } from '../src/errors.js'
import { canonicalJson, chainHash, chainStart, verifyChain } from '../src/store/chain.js'
import type { Cluster } from '../src/store/cluster.js'
import { findDrill, recordedStatus } from '../src/store/drills.js'
import { migrate } from '../src/store/migrate.js'
import { openStore, rows, transaction, type Store } from '../src/store/pool.js'
import { appendEvents, exportTimeline, followEvents, readEvents } from '../src/store/timeline.js'
import { startCluster } from './fixtures/cluster.js'
import { drillEvents } from './fixtures/events.js'

let cluster: Cluster
let store: Store

before(async () => {
  cluster = await startCluster()
  await migrate(cluster.url)
  store = openStore(cluster.url, { pollEveryMs: 200 })
})
after(async () => {
  await store?.close()
  await cluster?.stop()
})

const rejects = async (promise: Promise<unknown>, code: string, pattern = /./): Promise<void> => {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof DrillError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    return true
  })
}

test('what is appended in pieces is read back as it was, and the drill’s row follows', async () => {
  const events = drillEvents('passed', { drillId: 'pieces' })
  for (let at = 0; at < events.length; at += 3) {
    await appendEvents(store.pool, 'pieces', events.slice(at, at + 3))
    const soFar = events.slice(0, at + 3)
    assert.deepEqual(await recordedStatus(store.pool, 'pieces'), plain(statusOf(soFar)), `after event ${soFar.length}`)
  }
  assert.deepEqual(await readEvents(store.pool, 'pieces'), events)
  assert.deepEqual(await readEvents(store.pool, 'pieces', { after: 5, limit: 2 }), events.slice(5, 7))
  const row = await findDrill(store.pool, 'pieces')
  const clock = recoveryClock(events)
  assert.equal(row?.phase, 'ended')
  assert.equal(row.verdict, 'passed')
  assert.equal(row.rtaTechnicalMs, clock.rtaTechnicalMs)
  assert.equal(row.rtaWithoutWaitingMs, clock.rtaTechnicalWithoutWaitingMs)
  assert.equal(row.rtaBusinessMs, clock.rtaBusinessMs)
  assert.equal(row.lost, 0)
  assert.equal(row.slowestStep?.id, 'approve-failover')
  assert.equal(row.lastSeq, events.length)
})

test('a drill that waits says for what in its row', async () => {
  const events = drillEvents('passed', { drillId: 'waits' })
  const open = events.findIndex(event => event.type === 'gate.opened')
  await appendEvents(store.pool, 'waits', events.slice(0, open + 1))
  const row = await findDrill(store.pool, 'waits')
  assert.deepEqual(row?.waitingFor.map(waiting => waiting.step), ['approve-failover'])
  assert.equal(row?.verdict, undefined)
})

test('the same events again change nothing, overlapping ones add what is new', async () => {
  const events = drillEvents('passed', { drillId: 'again' })
  const first = await appendEvents(store.pool, 'again', events.slice(0, 4))
  assert.deepEqual(await appendEvents(store.pool, 'again', events.slice(0, 4)), first)
  assert.equal((await appendEvents(store.pool, 'again', events.slice(2, 8))).lastSeq, 8)
  assert.deepEqual(await readEvents(store.pool, 'again'), events.slice(0, 8))
})

test('another content under a recorded number, a gap and a headless timeline are refused whole', async () => {
  const events = drillEvents('passed', { drillId: 'refused' })
  await rejects(appendEvents(store.pool, 'refused', events.slice(1, 3)), 'store.append', /begins with drill.started/)
  await appendEvents(store.pool, 'refused', events.slice(0, 3))
  const changed = { ...events[1]!, atMs: events[1]!.atMs + 1 }
  await rejects(appendEvents(store.pool, 'refused', [changed, events[2]!, events[3]!]), 'store.append', /event 2 is recorded with another content/)
  await rejects(appendEvents(store.pool, 'refused', [events[4]!]), 'store.append', /event 4 is missing/)
  await rejects(appendEvents(store.pool, 'refused', [events[3]!, events[5]!]), 'store.append', /event 5 is missing/)
  assert.deepEqual(await readEvents(store.pool, 'refused'), events.slice(0, 3))
})

test('appends of one drill at once give one chain', async () => {
  const events = drillEvents('passed', { drillId: 'race' })
  await appendEvents(store.pool, 'race', events.slice(0, 1))
  const results = await Promise.allSettled(Array.from({ length: 8 }, async () => await appendEvents(store.pool, 'race', events)))
  assert.deepEqual(results.map(result => result.status), Array(8).fill('fulfilled'))
  const exported = await exportTimeline(store.pool, 'race')
  assert.equal(exported.events.length, events.length)
  assert.deepEqual(verifyChain(exported), { ok: true, events: events.length, head: exported.head })
})

test('texts that break other stores are kept: NUL, lone surrogates, quotes, emoji, __proto__', async () => {
  const [first] = drillEvents('passed', { drillId: 'odd' })
  const odd: DrillEvent[] = [first!, { seq: 2, atMs: first!.atMs + 0.25, type: 'note.added', person: { id: 'ana', name: 'A\u0000"\'\\' }, text: '\ud800 🚢 $1 {{x}} \u2028', door: 'api' },
    { seq: 3, atMs: 1, type: 'step.finished', step: 's', outcome: 'passed', summary: '', output: JSON.parse('{"__proto__":{"a":1},"10":1,"9":1e21,"x":1.5e-9}') as Record<string, unknown> }]
  await appendEvents(store.pool, 'odd', odd)
  await appendEvents(store.pool, 'odd', odd)
  assert.deepEqual(await readEvents(store.pool, 'odd'), odd)
  assert.equal(verifyChain(await exportTimeline(store.pool, 'odd')).ok, true)
})

test('a recorded event can be neither changed nor removed, by Muster’s role nor by the owner', async () => {
  await appendEvents(store.pool, 'fixed', drillEvents('passed', { drillId: 'fixed' }))
  const owner = new pg.Client({ connectionString: cluster.url })
  await owner.connect()
  try {
    const { rows: [role] } = await store.pool.query('select current_user as name')
    assert.equal((role as { name: string }).name, 'muster_app')
    for (const sql of ["update timeline set event = '{}' where drill_id = 'fixed'", "delete from timeline where drill_id = 'fixed'", 'truncate timeline']) {
      await assert.rejects(store.pool.query(sql), /permission denied/, sql)
      await assert.rejects(owner.query(sql), /append-only/, `${sql}, as the owner`)
      await owner.query('set session_replication_role = replica')
      await assert.rejects(owner.query(sql), /append-only/, `${sql}, as a replica`)
      await owner.query('reset session_replication_role')
    }
  } finally {
    await owner.end()
  }
  assert.equal(verifyChain(await exportTimeline(store.pool, 'fixed')).ok, true)
})

test('an export tells its first changed, missing, moved or added event', async () => {
  const events = drillEvents('passed', { drillId: 'export' })
  await appendEvents(store.pool, 'export', events)
  const whole = await exportTimeline(store.pool, 'export')
  assert.equal(verifyChain(JSON.parse(JSON.stringify(whole)) as typeof whole).ok, true)
  const firstBad = (change: (copy: typeof whole) => void): number | 'whole' => {
    const copy = JSON.parse(JSON.stringify(whole)) as typeof whole
    change(copy)
    const result = verifyChain(copy)
    return result.ok ? 'whole' : result.seq
  }
  assert.equal(firstBad(copy => { copy.events[6]!.event.atMs++ }), 7, 'changed')
  assert.equal(firstBad(copy => { copy.events.splice(4, 1) }), 5, 'missing')
  assert.equal(firstBad(copy => { copy.events.splice(4, 2, copy.events[5]!, copy.events[4]!) }), 5, 'moved')
  assert.equal(firstBad(copy => { copy.events.pop() }), events.length, 'cut off at the end')
  assert.equal(firstBad(copy => { copy.events.push(copy.events[0]!) }), events.length + 1, 'added')
  assert.equal(firstBad(copy => { copy.head = copy.events[3]!.hash }), events.length + 1, 'head')
  assert.equal(firstBad(copy => { copy.events = [] }), 1, 'empty')
  await rejects(exportTimeline(store.pool, 'nowhere'), 'report.unavailable')
})

test('the chain is what its description says, so that anybody can check it', () => {
  assert.equal(canonicalJson({ b: [1, undefined, null], a: { y: undefined, x: 'é' }, 10: 1, 9: 2 }), '{"10":1,"9":2,"a":{"x":"é"},"b":[1,null,null]}')
  // python3: hashlib.sha256(('0' * 64 + '{}').encode()).hexdigest()
  assert.equal(chainHash(chainStart, '{}'), '5508d2b710e64bc470079e1b211d9c58e21011e59d0559e422345dc19d659a75')
})

test('a follower gets what was there, then each event as it comes, and the end ends it', async () => {
  const events = drillEvents('passed', { drillId: 'follow' })
  await appendEvents(store.pool, 'follow', events.slice(0, 3))
  // A poll that never comes: what arrives, the notice has brought.
  const other = openStore(cluster.url, { pollEveryMs: 600_000 })
  try {
    const got: number[] = []
    let appended: Promise<unknown> | undefined
    for await (const event of followEvents(other, 'follow', 1, AbortSignal.timeout(20_000))) {
      got.push(event.seq)
      // The next piece is recorded only once the last one was seen.
      if (event.seq === 3) await appendEvents(store.pool, 'follow', events.slice(3, 10))
      if (event.seq === 10) setImmediate(() => { appended = appendEvents(store.pool, 'follow', events.slice(10)) })
    }
    await appended
    assert.deepEqual(got, events.slice(1).map(event => event.seq))
  } finally {
    await other.close()
  }
})

test('a follower outlives the loss of its connection', async () => {
  const events = drillEvents('passed', { drillId: 'cut' })
  await appendEvents(store.pool, 'cut', events.slice(0, 3))
  const got: number[] = []
  for await (const event of followEvents(store, 'cut', 0, AbortSignal.timeout(20_000))) {
    got.push(event.seq)
    if (event.seq === 3) {
      const owner = new pg.Client({ connectionString: cluster.url })
      await owner.connect()
      await owner.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'muster%' and pid <> pg_backend_pid()")
      await owner.end()
      await appendAgain(store, 'cut', events.slice(3))
    }
  }
  assert.deepEqual(got, events.map(event => event.seq))
})

test('a connection lost between two statements of a transaction is told as store.down, and ends no process', async () => {
  const owner = new pg.Client({ connectionString: cluster.url })
  await owner.connect()
  try {
    await rejects(transaction(store.pool, async client => {
      const { rows: [backend] } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const gone = new Promise(resolve => client.once('end', resolve))
      await owner.query('select pg_terminate_backend($1)', [backend!.pid])
      await gone
      await rows(client, 'select 1')
    }), 'store.down')
  } finally {
    await owner.end()
  }
})

test('a follower stops at its signal, with no timer left', async () => {
  const stop = new AbortController()
  const following = followEvents(store, 'nowhere', 0, stop.signal).next()
  setImmediate(() => { stop.abort() })
  assert.deepEqual(await following, { done: true, value: undefined })
})

/** As the `record` activity does: a store that has just lost its connections is tried again. */
async function appendAgain (to: Store, drillId: string, events: DrillEvent[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await appendEvents(to.pool, drillId, events)
      return
    } catch (error) {
      if (tries > 20 || !(error instanceof DrillError) || error.code !== 'store.down') throw error
    }
  }
}

function plain (value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
