import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { canariesPrepare } from '../activities/canaries.js'
import { canariesCompare } from '../activities/checks/canaries-compare.js'
import { haproxySwitch } from '../activities/haproxy.js'
import { readJournals } from '../activities/observe/journal.js'
import { observe, type ObserveInput } from '../activities/observe/observe.js'
import type { LastWords } from '../activities/observe/words.js'
import { postgresBreak } from '../activities/postgres/break.js'
import { postgresFence } from '../activities/postgres/fence.js'
import { postgresPromote } from '../activities/postgres/promote.js'
import { restorePair } from '../activities/postgres/restore.js'
import { toxiproxyCut } from '../activities/toxiproxy.js'
import { until } from '../src/control/until.js'
import type { DatabaseCluster, PostgresNode } from '../src/drill/environment.js'
import type { Observation, ProbeEdge, ProbeSample } from '../src/drill/observation.js'
import { databaseLab, query, stepContext, type DatabaseLab } from './fixtures/database-lab.js'

const interval = 100

describe('watching a lab from outside', { timeout: 240_000 }, () => {
  let lab: DatabaseLab
  let database: DatabaseCluster
  let pg1: PostgresNode
  let pg2: PostgresNode
  let dataDir: string
  const context = stepContext

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'muster-data-'))
    lab = await databaseLab()
    database = lab.database
    pg1 = database.nodes[0]!
    pg2 = database.nodes[1]!
    await canariesPrepare.do({ database }, context())
  })
  const running: AbortController[] = []
  afterEach(async () => {
    for (const end of running.splice(0)) end.abort()
    await toxiproxyCut.undo({ link: database.links!.replication! }, context())
    await restorePair(database, context(), { home: true })
  })
  after(async () => {
    await lab?.down()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const input = (drillId: string): ObserveInput => ({
    drillId,
    environment: 'lab',
    observe: {
      database,
      canaries: { writers: 4, perSecond: 100 },
      probe: {
        interval: `${interval}ms`, timeout: '500ms', failures: 3, successes: 3,
        http: [{ name: 'shop', url: `${lab.environment.api!.url}/readyz`, caFile: lab.environment.api!.caFile }],
      },
    },
  })

  interface Watch { edges: ProbeEdge[], samples: ProbeSample[], edge: (kind: ProbeEdge['edge']) => Promise<ProbeEdge>, end: () => Promise<Observation>, words: () => LastWords | undefined }

  async function watch (drillId: string, previous?: unknown): Promise<Watch> {
    const edges: ProbeEdge[] = []
    const samples: ProbeSample[] = []
    const end = new AbortController()
    running.push(end)
    let words: LastWords | undefined
    const observation = observe(input(drillId), {
      sendEdge: async edge => { edges.push(edge) },
      saveSamples: async more => { samples.push(...more) },
      signal: end.signal,
      heartbeat: said => { words = said },
      previous,
      secret: async () => '',
      dataDir,
    })
    observation.catch(() => {})
    const isDatabase = (edge: ProbeEdge): boolean => edge.edge === 'ready' || edge.target === 'database'
    const found = (kind: ProbeEdge['edge']): ProbeEdge | undefined => edges.find(edge => edge.edge === kind && isDatabase(edge))
    return {
      edges, samples,
      words: () => words,
      edge: async kind => {
        assert.ok(await eventually(async () => found(kind) !== undefined, 20_000), `no ${kind} edge; ${JSON.stringify(words)}`)
        return found(kind)!
      },
      end: async () => { end.abort(); return await observation },
    }
  }

  /** Only once the probe has seen it: the actions alone are over before three probes have failed. */
  async function failOver (watching: Watch): Promise<number> {
    const { faultAtMs } = await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    await watching.edge('down')
    await postgresFence.do({ database, node: 'pg1' }, context())
    await postgresPromote.do({ database, node: 'pg2' }, context())
    await haproxySwitch.do({ database, to: 'pg2' }, context())
    return faultAtMs!
  }

  const compare = (drillId: string, faultAtMs: number) =>
    canariesCompare({ dataDir })({ database, failed: 'pg1', promoted: 'pg2', faultAtMs }, context({ drillId }))

  it('sees a failover, finds that no acknowledged write is lost, and every falsehood that is then planted', async t => {
    const watching = await watch('failover')
    await watching.edge('ready')
    const cpu = process.cpuUsage()
    await new Promise(resolve => { setTimeout(resolve, 1_000) })
    const used = process.cpuUsage(cpu)
    t.diagnostic(`CPU of the observation in steady state: ${((used.user + used.system) / 10_000).toFixed(0)} % of a core`)
    const faultAtMs = await failOver(watching)
    const down = await watching.edge('down') as ProbeEdge & { edge: 'down' }
    const up = await watching.edge('up') as ProbeEdge & { edge: 'up' }
    const result = await compare('failover', faultAtMs)
    assert.equal(result.outcome, 'pass', result.observed)
    assert.equal(result.loss!.lost, 0)
    assert.equal(result.loss!.witness.outcome, 'agrees', result.observed)
    t.diagnostic(result.observed)

    const victim = readJournals(dataDir, 'failover').find(canary => canary.outcome === 'acked')!
    const admin = { ...pg2, database: 'shop' }
    const key = ['failover', victim.run, victim.writer, victim.seq]
    const where = 'drill = $1 and run = $2 and writer = $3 and seq = $4'
    await query(admin, `insert into muster_canary.canaries select * from muster_canary.canaries where ${where}`, key)
    const doubled = await compare('failover', faultAtMs)
    assert.deepEqual([doubled.outcome, doubled.loss!.doubled], ['fail', 1])
    await query(admin, `delete from muster_canary.canaries where ${where}`, key)
    const gone = await compare('failover', faultAtMs)
    assert.deepEqual([gone.outcome, gone.loss!.lost, gone.loss!.witness.outcome], ['fail', 1, 'disagrees'], 'a row that the failed node committed before the switch, and that is gone, is no loss by the failover')
    await query(admin, "insert into muster_canary.canaries (drill, run, writer, seq) values ('failover', 9, 9, 9)")
    assert.equal((await compare('failover', faultAtMs)).loss!.alien, 1)

    const observation = await watching.end()
    assert.deepEqual(observation.blind, [])
    // One that was under way when the fault struck fails too, and counts from its start.
    assert.ok(down.firstFailedAtMs >= faultAtMs - 500 && down.firstFailedAtMs <= faultAtMs + 2 * interval + 100, `first failure ${down.firstFailedAtMs - faultAtMs} ms after the fault`)
    assert.ok(up.firstGoodAtMs > down.firstFailedAtMs, 'up after down')
    const firstWrite = observation.canaries!.firstAckAfterOutageMs! - faultAtMs
    assert.ok(firstWrite > 0 && Math.abs(observation.canaries!.firstAckAfterOutageMs! - up.firstGoodAtMs) < 300, `first good write after ${firstWrite} ms, first good probe after ${up.firstGoodAtMs - faultAtMs} ms`)
    t.diagnostic(`kill to first good write ${firstWrite} ms, to first failed probe ${down.firstFailedAtMs - faultAtMs} ms, to first good probe ${up.firstGoodAtMs - faultAtMs} ms`)
    assert.deepEqual(observation.targets.map(({ name }) => name), ['database', 'shop'])
    assert.equal(watching.samples.length, observation.targets.reduce((sum, { samples }) => sum + samples, 0))
    const { issued, acked, refused, unknown } = observation.canaries!
    assert.equal(issued, acked + refused + unknown)
  })

  it('counts every write that an asynchronous failover loses, and the failed node’s own WAL agrees', async t => {
    await query(pg1, 'alter system reset synchronous_standby_names')
    await query(pg1, 'select pg_reload_conf()')
    const watching = await watch('lossy')
    await watching.edge('ready')
    await toxiproxyCut.do({ link: database.links!.replication! }, context())
    const cutAtMs = Date.now()
    const ackedSince = (): number => readJournals(dataDir, 'lossy').filter(canary => canary.outcome === 'acked' && canary.issuedAtMs > cutAtMs).length
    assert.ok(await eventually(async () => ackedSince() >= 50, 10_000), 'the primary takes writes with its link cut')
    const faultAtMs = await failOver(watching)
    await watching.edge('up')
    const result = await compare('lossy', faultAtMs)
    await watching.end()
    const old = readJournals(dataDir, 'lossy').filter(canary => canary.outcome === 'acked' && canary.issuedAtMs > cutAtMs && canary.issuedAtMs < faultAtMs)
    assert.equal(result.outcome, 'fail')
    assert.ok(result.loss!.lost >= old.length, `${result.loss!.lost} lost, ${old.length} acknowledged after the cut`)
    assert.ok(result.loss!.lost <= old.length + 30, 'only those that were in flight during the cut beside them')
    assert.equal(result.loss!.witness.outcome, 'agrees', result.observed)
    assert.ok(result.loss!.witness.commitsAfterSwitch! >= result.loss!.lost, result.observed)
    assert.ok(Math.abs(result.loss!.rpaMs - (faultAtMs - cutAtMs)) < 500, `RPA ${result.loss!.rpaMs} ms, the link was cut for ${faultAtMs - cutAtMs} ms`)
    t.diagnostic(result.observed)
    const within = await canariesCompare({ dataDir })({ database, failed: 'pg1', promoted: 'pg2', faultAtMs, rpo: '1h' }, context({ drillId: 'lossy' }))
    assert.equal(within.outcome, 'pass', 'an objective that allows it')

    await toxiproxyCut.undo({ link: database.links!.replication! }, context())
    await restorePair(database, context(), { home: true })
    const late = await compare('lossy', faultAtMs)
    assert.equal(late.loss!.witness.outcome, 'blind', 'a node that was brought back is no witness any more')
  })

  it('a stalled synchronous standby makes writes unknown, never acknowledged, and uses up no connections', async () => {
    const watching = await watch('stalled')
    await watching.edge('ready')
    await toxiproxyCut.do({ link: database.links!.replication! }, context())
    const cutAtMs = Date.now()
    await watching.edge('down')
    assert.ok(await eventually(async () => readJournals(dataDir, 'stalled').filter(canary => canary.outcome === 'unknown' && canary.settledAtMs !== undefined).length >= 12, 10_000), 'unknown ones')
    const [{ count }] = await query<{ count: number }>(pg1, "select count(*)::int as count from pg_stat_activity where application_name like 'muster %'") as [{ count: number }]
    assert.ok(count <= 16, `${count} connections`)
    const acked = readJournals(dataDir, 'stalled').filter(canary => canary.outcome === 'acked' && canary.issuedAtMs > cutAtMs + 100)
    assert.deepEqual(acked, [])
    await toxiproxyCut.undo({ link: database.links!.replication! }, context())
    await watching.edge('up')
    const { unknown } = (await watching.end()).canaries!
    assert.ok(unknown >= 12, `${unknown} unknown`)
  })

  it('an ack with the warning of a cancelled synchronous wait is unknown', async () => {
    const watching = await watch('cancelled')
    await watching.edge('ready')
    await toxiproxyCut.do({ link: database.links!.replication! }, context())
    const doubtful = (): boolean => readJournals(dataDir, 'cancelled').some(canary => canary.outcome === 'unknown' && /synchronous replication/.test(canary.error ?? ''))
    assert.ok(await eventually(async () => {
      await query(pg1, "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'muster canary' and wait_event = 'SyncRep'")
      return doubtful()
    }, 10_000), 'none carried the warning')
    await watching.end()
  })

  it('a killed worker loses none of the account; the next attempt goes on and says how long nobody looked', async () => {
    const entry = fileURLToPath(new URL('../activities/observe/observe.ts', import.meta.url))
    const code = `const { observe } = await import(${JSON.stringify(entry)})
      await observe(${JSON.stringify(input('killed'))}, {
        sendEdge: async edge => { console.log(edge.edge) }, saveSamples: async () => {}, signal: new AbortController().signal,
        heartbeat: () => {}, previous: undefined, secret: async () => '', dataDir: ${JSON.stringify(dataDir)} })`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>(resolve => { child.stdout.on('data', (data: Buffer) => { if (data.toString().includes('ready')) resolve() }) })
    await eventually(async () => readJournals(dataDir, 'killed').filter(canary => canary.outcome === 'acked').length > 50, 10_000)
    child.kill('SIGKILL')
    await new Promise(resolve => { child.once('close', resolve) })
    const before = readJournals(dataDir, 'killed').filter(canary => canary.outcome === 'acked').length

    const watching = await watch('killed')
    await eventually(async () => (watching.words()?.canaries?.acked ?? 0) > before + 20, 10_000)
    const faultAtMs = await failOver(watching)
    await watching.edge('up')
    const result = await compare('killed', faultAtMs)
    assert.equal(result.outcome, 'pass', result.observed)
    const observation = await watching.end()
    assert.ok(result.loss!.acked > before, result.observed)
    assert.equal(observation.blind.length, 1)
    assert.match(observation.blind[0]!.reason, /worker of the probe was gone/)
    assert.ok(observation.canaries!.acked > before - 60 && observation.targets[0]!.samples > 0, JSON.stringify(observation))
    assert.deepEqual([...new Set(readJournals(dataDir, 'killed').map(canary => canary.run))], [1, 2])
  })

  it('an account without a journal is blind, and so is one without a table', async () => {
    assert.equal((await compare('nobody', 0)).outcome, 'blind')
    const other = { ...database, endpoint: { ...database.endpoint, database: 'postgres' } }
    const result = await canariesCompare({ dataDir })({ database: other, failed: 'pg1', promoted: 'pg2' }, context({ drillId: 'failover' }))
    assert.equal(result.outcome, 'blind')
    assert.match(result.observed, /muster_canary/)
  })

  it('the table goes with its undo, and making or dropping it twice is no error', async () => {
    await canariesPrepare.do({ database }, context())
    assert.equal((await canariesPrepare.verify({ database }, context())).undone, false)
    await canariesPrepare.undo({ database }, context())
    await canariesPrepare.undo({ database }, context())
    assert.equal((await canariesPrepare.verify({ database }, context())).undone, true)
  })
})

async function eventually (ask: () => Promise<boolean>, deadlineMs: number): Promise<boolean> {
  return await until(async () => await ask() ? true : undefined, { everyMs: 50, deadlineMs }) ?? false
}
