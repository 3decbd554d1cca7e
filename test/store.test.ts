import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { ProbeSample } from '../src/drill/observation.js'
import { statusOf } from '../src/drill/status.js'
import type { LoadResult } from '../src/drill/load.js'
import type { SuiteRun } from '../src/drill/suite.js'
import { DrillError } from '../src/errors.js'
import { startCluster as startIn, type Cluster } from '../src/store/cluster.js'
import { findDrill, lastDrills, listDrills, releaseDrill, reserveDrill, runningDrills, type Reservation } from '../src/store/drills.js'
import { expectations } from '../src/store/expectations.js'
import { migrate } from '../src/store/migrate.js'
import { addKey, revokeKey } from '../src/store/keys.js'
import { addPerson, listPeople, peopleOnCall, personByKey, personBySlackUser, personBySubject, setRoles } from '../src/store/people.js'
import { openStore, rows, transaction, type Db, type Store } from '../src/store/pool.js'
import { earlierRuns, resultsOf, saveResult } from '../src/store/results.js'
import { appendSamples, readSamples } from '../src/store/samples.js'
import { standings, verifiedState } from '../src/store/standings.js'
import { appendEvents } from '../src/store/timeline.js'
import { findTools } from '../src/tools.js'
import { startCluster } from './fixtures/cluster.js'
import { ana, ben, drillEvents, drillStart, type Ending } from './fixtures/events.js'

let cluster: Cluster
let store: Store

before(async () => {
  cluster = await startCluster()
  await migrate(cluster.url)
  store = openStore(cluster.url)
})
after(async () => {
  await store?.close()
  await cluster?.stop()
})

const rejects = async (promise: Promise<unknown>, code: string, pattern = /./): Promise<void> => {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof DrillError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    return true
  })
}

const drilled = async (drillId: string, ending: Ending, options: { day?: number, hash?: string, environment?: string, decisionMs?: number } = {}): Promise<void> => {
  await appendEvents(store.pool, drillId, drillEvents(ending, {
    drillId, startAtMs: drillStart + (options.day ?? 0) * 86_400_000, runbookHash: options.hash, environment: options.environment, decisionMs: options.decisionMs,
  }))
}

test('a second migration finds nothing to do; a runner beside another is told so', async () => {
  assert.deepEqual(await migrate(cluster.url), [])
  const other = new pg.Client({ connectionString: cluster.url })
  await other.connect()
  // node-pg-migrate's own lock.
  await other.query('select pg_advisory_lock(7241865325823964)')
  await rejects(migrate(cluster.url), 'store.migrating')
  await other.end()
})

test('a store that does not answer, has no tables or refuses the login says store.down and no password', async () => {
  const nowhere = openStore('postgresql://muster:s3cret@127.0.0.1:1/muster', { connectTimeoutMs: 2000 })
  const noTables = openStore(cluster.url.replace('/muster?', '/postgres?'))
  const noDatabase = openStore(cluster.url.replace('/muster?', '/nothing?'))
  try {
    for (const failing of [findDrill(nowhere.pool, 'x'), transaction(nowhere.pool, async () => {}), migrate('postgresql://muster:s3cret@127.0.0.1:1/muster')]) {
      await assert.rejects(failing, (error: unknown) => {
        assert.ok(error instanceof DrillError)
        assert.equal(error.code, 'store.down')
        assert.doesNotMatch(error.message, /s3cret/)
        return true
      })
    }
    await rejects(findDrill(noTables.pool, 'x'), 'store.down', /muster migrate/)
    await rejects(findDrill(noDatabase.pool, 'x'), 'store.down', /nothing/)
  } finally {
    await Promise.all([nowhere.close(), noTables.close(), noDatabase.close()])
  }
  await rejects(findDrill(nowhere.pool, 'x'), 'store.down')
})

test('a statement that takes too long is store.down, and the connection is good again', async () => {
  const hasty = openStore(cluster.url, { statementTimeoutMs: 50 })
  try {
    await rejects(transaction(hasty.pool, async db => await rows(db, 'select pg_sleep(5)')), 'store.down', /statement timeout/)
    assert.equal(await findDrill(hasty.pool, 'x'), undefined)
  } finally {
    await hasty.close()
  }
})

const reservation = (drillId: string, part: Partial<Reservation> = {}): Reservation => ({
  drillId, requestHash: 'aa', runbook: 'r', runbookTitle: 'R', runbookType: 'verification', runbookHash: 'h', environment: 'lab', tier: 'lab', commander: ana, ...part,
})

test('a retried start finds its drill; the key or the id with another request is refused', async () => {
  const asked = reservation('once-1', { idempotencyKey: 'k1' })
  assert.deepEqual(await reserveDrill(store.pool, asked), { state: 'created', drillId: 'once-1' })
  assert.deepEqual(await reserveDrill(store.pool, { ...asked, drillId: 'once-2' }), { state: 'earlier', drillId: 'once-1' })
  assert.deepEqual(await reserveDrill(store.pool, asked), { state: 'earlier', drillId: 'once-1' })
  await rejects(reserveDrill(store.pool, { ...asked, drillId: 'once-3', requestHash: 'bb' }), 'drill.exists', /once-1/)
  await rejects(reserveDrill(store.pool, reservation('once-1', { requestHash: 'cc' })), 'drill.exists')
  assert.equal((await reserveDrill(store.pool, reservation('once-4', { idempotencyKey: 'k1', commander: ben }))).state, 'created', 'a key is its commander’s own')
  const raced = await Promise.all(Array.from({ length: 8 }, async (_, index) => await reserveDrill(store.pool, reservation(`raced-${index}`, { idempotencyKey: 'k2' }))))
  assert.equal(new Set(raced.map(result => result.drillId)).size, 1)
  assert.equal(raced.filter(result => result.state === 'created').length, 1)
})

test('a reserved id can be given back while nothing is recorded, and never after', async () => {
  await reserveDrill(store.pool, reservation('given-back'))
  assert.equal((await findDrill(store.pool, 'given-back'))?.phase, 'reserved')
  await releaseDrill(store.pool, 'given-back')
  assert.equal(await findDrill(store.pool, 'given-back'), undefined)
  await drilled('recorded', 'refused')
  await releaseDrill(store.pool, 'recorded')
  assert.equal((await findDrill(store.pool, 'recorded'))?.verdict, 'aborted')
})

test('drills are listed by what is asked for, page by page, none twice and none left out', async () => {
  for (let index = 0; index < 7; index++) await drilled(`page-${index}`, index % 2 === 0 ? 'passed' : 'failed', { environment: 'pages', day: Math.floor(index / 2) })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listDrills(store.pool, { environment: 'pages' }, { limit: 3, cursor })
    seen.push(...page.drills.map(drill => drill.drillId))
    cursor = page.next
  } while (cursor)
  assert.deepEqual(seen, ['page-6', 'page-5', 'page-4', 'page-3', 'page-2', 'page-1', 'page-0'])
  const ids = async (filters: Parameters<typeof listDrills>[1]): Promise<string[]> => (await listDrills(store.pool, { environment: 'pages', ...filters })).drills.map(drill => drill.drillId)
  assert.deepEqual(await ids({ verdict: 'failed' }), ['page-5', 'page-3', 'page-1'])
  assert.deepEqual(await ids({ from: drillStart + 86_400_000, to: drillStart + 2 * 86_400_000 }), ['page-3', 'page-2'])
  assert.deepEqual(await ids({ runbook: 'another' }), [])
  assert.deepEqual(await ids({ state: 'running' }), [])
  const half = drillEvents('passed', { drillId: 'page-open', environment: 'pages', startAtMs: drillStart + 9 * 86_400_000 })
  await appendEvents(store.pool, 'page-open', half.slice(0, half.findIndex(event => event.type === 'gate.opened') + 1))
  assert.deepEqual(await ids({ state: 'running' }), ['page-open'])
  assert.deepEqual(await ids({ state: 'waiting' }), ['page-open'])
  assert.equal((await ids({ state: 'ended' })).length, 7)
  assert.deepEqual((await runningDrills(store.pool, 'pages')).map(drill => drill.drillId), ['page-open'])
  await rejects(listDrills(store.pool, {}, { cursor: 'bm9uc2Vuc2U' }), 'input.invalid')
})

test('the last drills come newest first, without the one that asks and those after it', async () => {
  for (let day = 0; day < 5; day++) await drilled(`last-${day}`, day === 3 ? 'failed' : 'passed', { environment: 'lasts', day })
  const last = await lastDrills(store.pool, 'database-primary-failure', 'lasts', 3, { except: 'last-4' })
  assert.deepEqual(last.map(drill => [drill.drillId, drill.verdict]), [['last-3', 'failed'], ['last-2', 'passed'], ['last-1', 'passed']])
  assert.equal(last[1]?.slowestStep?.id, 'approve-failover')
  assert.equal(typeof last[1]?.rtaTechnicalMs, 'number')
  assert.deepEqual((await lastDrills(store.pool, 'database-primary-failure', 'lasts', 3, { except: 'last-1' })).map(drill => drill.drillId), ['last-0'])
})

test('a runbook is verified by its own content’s last drill alone', async () => {
  const state = async (hash: string): Promise<string> => await verifiedState(store.pool, 'database-primary-failure', 'verified', hash)
  const drill = async (drillId: string, ending: Ending, day: number, hash: string): Promise<void> => await drilled(drillId, ending, { day, hash, environment: 'verified' })
  assert.equal(await state('h1'), 'never')
  await drill('v0', 'failed', 0, 'h1')
  assert.equal(await state('h1'), 'never')
  await drill('v1', 'passed', 1, 'h1')
  assert.equal(await state('h1'), 'verified')
  assert.equal(await state('h2'), 'changed')
  await drill('v2', 'aborted', 2, 'h1')
  await drill('v3', 'invalid', 3, 'h1')
  assert.equal(await state('h1'), 'verified', 'an aborted or invalid drill proves nothing')
  await drill('v4', 'failed', 4, 'h1')
  assert.notEqual(await state('h1'), 'verified')
  assert.equal(await verifiedState(store.pool, 'database-primary-failure', 'elsewhere', 'h1'), 'never')
  const [here, elsewhere] = await standings(store.pool, [{ runbook: 'database-primary-failure', environment: 'verified', hash: 'h2' }, { runbook: 'database-primary-failure', environment: 'elsewhere', hash: 'h1' }], 3)
  assert.deepEqual([here!.verified, here!.last.map(({ drillId, verdict }) => [drillId, verdict])], ['changed', [['v2', 'aborted'], ['v3', 'invalid'], ['v4', 'failed']]], 'the trend is the last ones, oldest first')
  assert.deepEqual([elsewhere!.verified, elsewhere!.last], ['never', []])
})

test('a step is expected to take the median of the last twenty passed drills', async () => {
  assert.deepEqual(await expectations(store.pool, 'database-primary-failure', 'expected'), {})
  // The oldest two are far off, and forgotten; failed ones teach nothing.
  for (let day = 0; day < 22; day++) await drilled(`exp-${day}`, 'passed', { environment: 'expected', day, decisionMs: day < 2 ? 500_000 : 1000 + day * 10 })
  await drilled('exp-failed', 'failed', { environment: 'expected', day: 30, decisionMs: 300_000 })
  const expected = await expectations(store.pool, 'database-primary-failure', 'expected')
  const step = statusOf(drillEvents('passed', { decisionMs: 1115 }))!.steps.find(step => step.id === 'approve-failover')!
  assert.equal(expected['approve-failover'], step.endedAtMs! - step.startedAtMs!)
  const { rows: [kept] } = await store.pool.query("select count(distinct drill_id) as drills from step_durations where environment = 'expected'")
  assert.equal((kept as { drills: number }).drills, 20)
})

test('a key is shown once, kept as a digest, and opens the door until it is revoked or expires', async () => {
  const { key, keyId } = await addPerson(store.pool, { id: 'cleo', name: 'Cleo', roles: ['approver', 'engineer'], slackUser: 'U1', oidcSubject: 'sub-1' })
  assert.match(key, /^mst_[\w-]{43}$/)
  assert.deepEqual(await personByKey(store.pool, key), { id: 'cleo', name: 'Cleo', roles: ['approver', 'engineer'] })
  assert.equal((await personBySlackUser(store.pool, 'U1'))?.id, 'cleo')
  assert.equal((await personBySubject(store.pool, 'sub-1'))?.id, 'cleo')
  const dump = JSON.stringify((await store.pool.query('select * from people, person_keys')).rows)
  assert.ok(!dump.includes(key) && !dump.includes(key.slice(4)))
  assert.ok(!JSON.stringify(await listPeople(store.pool)).includes('digest'))
  for (const wrong of ['', 'mst_', `${key}x`, key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'), `mst_${'A'.repeat(43)}`, "' or 1=1 --"]) {
    assert.equal(await personByKey(store.pool, wrong), undefined, wrong)
  }
  const second = await addKey(store.pool, 'cleo', { label: 'laptop', expiresAt: new Date(Date.now() + 3_600_000) })
  assert.equal((await personByKey(store.pool, second.key))?.id, 'cleo')
  await store.pool.query("update person_keys set expires_at = now() - interval '1 second' where id = $1", [second.keyId])
  assert.equal(await personByKey(store.pool, second.key), undefined, 'expired')
  assert.equal(await revokeKey(store.pool, keyId), true)
  assert.equal(await revokeKey(store.pool, keyId), false)
  assert.equal(await personByKey(store.pool, key), undefined, 'revoked')
})

test('when a key was used is written at most once a minute', async () => {
  const { key, keyId } = await addPerson(store.pool, { id: 'dora', name: 'Dora', roles: [] })
  const used = async (): Promise<Date | undefined> => (await listPeople(store.pool)).find(person => person.id === 'dora')?.keys.find(known => known.id === keyId)?.lastUsedAt
  assert.equal(await used(), undefined)
  await personByKey(store.pool, key)
  const first = await used()
  assert.ok(first)
  await personByKey(store.pool, key)
  assert.deepEqual(await used(), first)
  await store.pool.query("update person_keys set last_used_at = now() - interval '61 seconds' where id = $1", [keyId])
  await personByKey(store.pool, key)
  assert.ok((await used())! >= first)
})

test('a role is held only by people who have a way in', async () => {
  const holders = async (): Promise<string[]> => (await peopleOnCall(store.pool)).filter(person => person.roles.includes('management')).map(person => person.id)
  assert.deepEqual(await holders(), [])
  const { keyId } = await addPerson(store.pool, { id: 'emil', name: 'Emil', roles: ['management'] })
  await addPerson(store.pool, { id: 'fay', name: 'Fay', roles: ['observer'] })
  assert.deepEqual(await holders(), ['emil'])
  await setRoles(store.pool, 'fay', ['management'])
  assert.deepEqual(await holders(), ['emil', 'fay'])
  await revokeKey(store.pool, keyId)
  assert.deepEqual(await holders(), ['fay'])
  await rejects(addPerson(store.pool, { id: 'fay', name: 'Other', roles: [] }), 'input.invalid', /already/)
  await rejects(addPerson(store.pool, { id: 'Not an id', name: 'X', roles: [] }), 'input.invalid', /small letters/)
  await rejects(addKey(store.pool, 'nobody'), 'input.invalid')
  await rejects(setRoles(store.pool, 'nobody', []), 'input.invalid')
})

test('samples are thinned for a chart without losing a failure or a peak', async () => {
  const samples: ProbeSample[] = Array.from({ length: 20_000 }, (_, index) => ({
    target: index % 2 === 0 ? 'database' : 'shop', atMs: drillStart + index * 5, latencyMs: index === 7000 ? 900 : 2, ok: index !== 12_345 && !(index > 15_000 && index < 16_000), ...(index === 12_345 ? { error: 'a\0b' } : {}),
  }))
  await appendSamples(store.pool, 'samples', samples.slice(0, 15_000))
  await appendSamples(store.pool, 'samples', samples.slice(10_000))
  await appendSamples(store.pool, 'samples', [])
  assert.equal((await readSamples(store.pool, 'samples', { maxPoints: 100_000 })).length, 20_000, 'the same samples again are not counted twice')
  const thin = await readSamples(store.pool, 'samples', { maxPoints: 200 })
  assert.ok(thin.length <= 200, `${thin.length}`)
  assert.ok(thin.some(sample => !sample.ok && sample.atMs === drillStart + 12_345 * 5 && sample.error === 'ab'), 'a single failure')
  assert.ok(thin.some(sample => sample.latencyMs === 900), 'the peak')
  assert.ok(thin.filter(sample => !sample.ok).length > 5, 'the outage')
  assert.deepEqual(thin.map(sample => sample.atMs), thin.map(sample => sample.atMs).sort((a, b) => a - b))
  assert.deepEqual(await readSamples(store.pool, 'nowhere'), [])
})

test('a cluster is made once, answers on its port with its password alone, and takes over from a killed Muster', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'muster-cluster-'))
  const port = 20_000 + process.pid % 10_000
  try {
    const options = { dir, port, tools: findTools('postgres', 'initdb'), settings: { fsync: 'off' } }
    const first = await startIn(options)
    await migrate(first.url)
    const stray = Number(readFileSync(join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[0])
    // Nobody stopped the first one: as after kill -9 of Muster.
    const second = await startIn(options)
    assert.ok(!existsSync(`/proc/${stray}`) || !readFileSync(`/proc/${stray}/cmdline`, 'utf8').includes(dir))
    assert.equal(second.url, first.url)
    assert.deepEqual(await migrate(second.url), [], 'what was written is there')
    const guessing = openStore(second.url.replace(/muster:[^@]+@/, 'muster:guess@'))
    await rejects(findDrill(guessing.pool, 'x'), 'store.down', /password authentication failed/)
    await guessing.close()
    await second.stop()
    await second.stop()
    assert.ok(!existsSync(join(dir, 'data/postmaster.pid')))
    await rejects(startIn({ ...options, settings: { nonsense: '1' } }), 'store.down', /nonsense/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('ten thousand drills: a page of any filter is read from an index, not from the table', async () => {
  await store.pool.query(`insert into drills (drill_id, created_at_ms, runbook, runbook_title, runbook_type, runbook_hash, environment, tier, commander_id, commander_name, phase, verdict)
    select 'many-' || n, 1700000000000 + n * 1000, 'r' || n % 20, 'R', 'full-test', 'h', 'e' || n % 7, 'lab', 'ana', 'Ana', case when n % 1000 = 0 then 'running' else 'ended' end,
      case when n % 1000 = 0 then null when n % 50 = 0 then 'invalid' else 'passed' end from generate_series(1, 10000) n`)
  const owner = new pg.Client({ connectionString: cluster.url })
  await owner.connect()
  await owner.query('analyze drills').finally(() => owner.end())
  const asked: Array<{ sql: string, values: unknown[] }> = []
  const heard = {
    query: async (sql: string, values: unknown[]) => {
      asked.push({ sql, values })
      return await store.pool.query(sql, values)
    }
  } as unknown as Db
  for (const filter of [{}, { environment: 'e3' }, { runbook: 'r4' }, { verdict: 'invalid' as const }, { state: 'running' as const }, { environment: 'e3', runbook: 'r4', from: 1700001000000, to: 1700009000000 }]) {
    const { drills } = await listDrills(heard, filter, { limit: 50 })
    assert.ok(drills.length > 0, `none of ${JSON.stringify(filter)}`)
  }
  assert.equal(asked.length, 6)
  for (const { sql, values } of asked) {
    const plan = (await store.pool.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, values)).rows.map(row => row['QUERY PLAN']).join('\n')
    assert.match(plan, /Index Scan|Bitmap Index Scan/, `${sql}\n${plan}`)
    assert.doesNotMatch(plan, /Seq Scan on drills/, `${sql}\n${plan}`)
  }
})

const loadResult = (runId: string, more: Partial<LoadResult> = {}): LoadResult => ({
  runId, scenario: 'peak', environment: 'lab', target: 'http://a', configHash: 'one', startedAtMs: 1000 + Number(runId.replace(/\D/g, '')), durationMs: 60_000, plannedDurationMs: 60_000,
  verdict: 'passed', total: { requests: 10, errors: 0, responseMs: { p95: Number(runId.replace(/\D/g, '')) } }, ...more,
}) as LoadResult

test('a load is held against the last five accepted runs of its own configuration and target, and no others', async () => {
  const save = async (result: LoadResult): Promise<void> => { await saveResult(store.pool, `drill-${result.runId}`, { step: 'load', kind: 'load', result }) }
  for (let run = 1; run <= 7; run++) await save(loadResult(`run${run}`))
  await save(loadResult('run20', { configHash: 'two' }))
  await save(loadResult('run21', { target: 'http://b' }))
  await save(loadResult('run22', { verdict: 'failed' }))
  await save(loadResult('run23', { scale: 0.5 }))
  await save(loadResult('run24', { isHeld: true }))
  await save(loadResult('run25', { durationMs: 30_000 }))
  const { runs, otherConfigurations } = await earlierRuns(store.pool, { scenario: 'peak', target: 'http://a', configHash: 'one' })
  assert.deepEqual([runs.map(({ runId }) => runId), runs[0]!.p95Ms, otherConfigurations], [['run7', 'run6', 'run5', 'run4', 'run3'], 7, 1])
  assert.deepEqual(await earlierRuns(store.pool, { scenario: 'peak', target: 'http://c', configHash: 'one' }), { runs: [], otherConfigurations: 0 })
})

test('a result is kept once, and found by its drill and step', async () => {
  const load = loadResult('run100')
  const suite = { runId: 'smoke-1', suite: 'production', environment: 'lab', startedAtMs: 1, verdict: 'passed' } as SuiteRun
  for (let time = 0; time < 2; time++) await saveResult(store.pool, 'both', { step: 'load', kind: 'load', result: load })
  await saveResult(store.pool, 'both', { step: 'smoke', kind: 'suite', result: suite })
  assert.deepEqual((await resultsOf(store.pool, 'both')).map(({ step, kind }) => [step, kind]), [['smoke', 'suite'], ['load', 'load']])
  assert.deepEqual(await resultsOf(store.pool, 'both', 'load'), [{ step: 'load', kind: 'load', result: load }])
  assert.deepEqual(await resultsOf(store.pool, 'both', 'nothing'), [])
})
