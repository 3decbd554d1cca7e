import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createChecks } from '../activities/checks/index.js'
import { pointEndpointAt } from '../activities/haproxy.js'
import { restorePair } from '../activities/postgres/restore.js'
import { until } from '../src/control/until.js'
import type { CheckInputs, CheckName, CheckResult } from '../src/drill/checks.js'
import { controlOf } from '../src/control/control.js'
import type { DatabaseCluster, Environment } from '../src/drill/environment.js'
import { controlOfNode, databaseLab, query, stepContext, type DatabaseLab } from './fixtures/database-lab.js'

const checks = createChecks({ dataDir: '/nonexistent' })

async function ask<C extends CheckName> (name: C, input: CheckInputs[C]): Promise<CheckResult> {
  return await checks[name](input, stepContext())
}

/** Asks until the outcome is the wanted one: alerts and archivers take their second. */
async function becomes<C extends CheckName> (name: C, input: CheckInputs[C], outcome: CheckResult['outcome'], words: RegExp = /./): Promise<void> {
  let last: CheckResult | undefined
  const found = await until(async () => {
    last = await ask(name, input)
    return last.outcome === outcome && words.test(last.observed) ? true : undefined
  }, { everyMs: 200, deadlineMs: 20_000 })
  assert.equal(found, true, `${name}: wanted ${outcome} ${words}, was ${last?.outcome}: ${last?.observed}`)
}

describe('checks on a lab', { timeout: 180_000 }, () => {
  let lab: DatabaseLab
  let environment: Environment
  let database: DatabaseCluster

  before(async () => {
    lab = await databaseLab()
    environment = lab.environment
    database = lab.database
  })
  after(async () => { await lab?.down() })

  it('postgres.steady: green on a whole pair, with the names of its roles', async () => {
    const result = await ask('postgres.steady', { database })
    assert.equal(result.outcome, 'pass', result.observed)
    assert.deepEqual(result.output, { primary: 'pg1', standby: 'pg2' })
  })

  it('postgres.steady: red when commits wait for a standby although nobody promised it', async () => {
    const result = await ask('postgres.steady', { database: { ...database, synchronous: false } })
    assert.equal(result.outcome, 'fail')
    assert.match(result.observed, /commits wait for pg2/)
  })

  it('postgres.steady: red when the promised synchronous standby is none', async () => {
    await query(database.nodes[0]!, "alter system set synchronous_standby_names = ''")
    await query(database.nodes[0]!, 'select pg_reload_conf()')
    await becomes('postgres.steady', { database }, 'fail', /no standby is synchronous/)
    await restorePair(database, stepContext(), { home: true })
    await becomes('postgres.steady', { database }, 'pass')
  })

  it('postgres.steady: red when the archiver’s last word is a failure', async () => {
    const [pg1] = database.nodes
    await query(pg1!, "alter system set archive_command = 'false'")
    await query(pg1!, 'select pg_reload_conf()')
    await query(pg1!, 'select pg_switch_wal()')
    await becomes('postgres.steady', { database }, 'fail', /archiving fails/)
    await query(pg1!, 'alter system reset archive_command')
    await query(pg1!, 'select pg_reload_conf()')
    await becomes('postgres.steady', { database }, 'pass', /archived/)
  })

  it('postgres.steady: red when the endpoint leads elsewhere, and when a node is dead', async () => {
    await pointEndpointAt(database, 'pg2', stepContext())
    await becomes('postgres.steady', { database }, 'fail', /the endpoint leads to pg2/)
    await pointEndpointAt(database, 'pg1', stepContext())
    await controlOfNode(database.nodes[1]!).kill()
    await becomes('postgres.steady', { database }, 'fail', /pg2 is down/)
    await restorePair(database, stepContext(), { home: true })
    await becomes('postgres.steady', { database }, 'pass')
  })

  it('postgres.invariants: green when all are true, red when one is false, blind when one cannot be asked', async () => {
    const withInvariant = (sql: string): CheckInputs['postgres.invariants'] => ({ database: { ...database, invariants: [...database.invariants!, { name: 'mine', sql }] } })
    assert.equal((await ask('postgres.invariants', { database })).outcome, 'pass')
    const broken = await ask('postgres.invariants', withInvariant('select false'))
    assert.deepEqual([broken.outcome, broken.observed], ['fail', '"mine" does not hold'])
    for (const sql of ['select null::boolean', 'select true where false', 'select 1', 'select nonsense']) {
      assert.equal((await ask('postgres.invariants', withInvariant(sql))).outcome, 'blind', sql)
    }
    assert.equal((await ask('postgres.invariants', { database: { ...database, invariants: [] } })).outcome, 'blind')
    const writing = await ask('postgres.invariants', withInvariant('with gone as (delete from products returning 1) select true from gone'))
    assert.equal(writing.outcome, 'blind')
    assert.match(writing.observed, /read-only/)
    const nobody = { ...database, endpoint: { ...database.endpoint, port: 1 } }
    assert.equal((await ask('postgres.invariants', { database: nobody })).outcome, 'blind')
  })

  it('http.ok: green below 400, red above or without an answer, blind without the authority', async () => {
    const { url, caFile } = environment.api!
    assert.equal((await ask('http.ok', { url: `${url}/readyz`, caFile })).outcome, 'pass')
    const missing = await ask('http.ok', { url: `${url}/nothing-here`, caFile })
    assert.equal(missing.outcome, 'fail')
    assert.match(missing.observed, /status 404/)
    assert.equal((await ask('http.ok', { url: `${url}/readyz` })).outcome, 'fail', 'an authority that the worker does not know')
    assert.equal((await ask('http.ok', { url: 'http://127.0.0.1:1/' })).outcome, 'fail')
    assert.equal((await ask('http.ok', { url, caFile: '/nonexistent/ca.crt' })).outcome, 'blind')
  })

  it('http.ok: red when the page does not answer in time', async () => {
    const server = await serve(() => undefined)
    const result = await ask('http.ok', { url: server.url, timeout: '50ms' })
    assert.deepEqual([result.outcome, /within 50 ms/.test(result.observed)], ['fail', true], result.observed)
    server.close()
  })

  it('alerts.quiet and api.ready: green, then red while an instance is dead', async () => {
    const monitoring = environment.monitoring!
    await becomes('alerts.quiet', { monitoring }, 'pass')
    assert.equal((await ask('api.ready', { api: environment.api! })).outcome, 'pass')
    const control = controlOf(environment.api!.instances[0]!.control)
    await control.kill()
    const ready = await ask('api.ready', { api: environment.api! })
    assert.equal(ready.outcome, 'fail')
    assert.match(ready.observed, /^api1: /, 'the load balancer hides it, the instance itself does not')
    await becomes('alerts.quiet', { monitoring }, 'fail', /ApiDown/)
    assert.equal((await ask('alerts.quiet', { monitoring, except: ['ApiDown'] })).outcome, 'pass')
    await control.start()
    await becomes('api.ready', { api: environment.api! }, 'pass')
  })

  it('alerts.quiet: a monitoring that is dead, without watchdog, without targets or stale is blind', async () => {
    const watchdog = { state: 'firing', labels: { alertname: 'Watchdog' } }
    const cases: Array<[RegExp, unknown[], unknown[]]> = [
      [/Watchdog does not fire/, [], [{ value: [1, '0.5'] }]],
      [/no target/, [watchdog], []],
      [/40\.0 s old/, [watchdog], [{ value: [1, '40'] }]],
    ]
    for (const [words, alerts, result] of cases) {
      const server = await serve(path => path.startsWith('/api/v1/alerts') ? { data: { alerts } } : { data: { result } })
      const answer = await ask('alerts.quiet', { monitoring: { prometheus: server.url } })
      assert.equal(answer.outcome, 'blind')
      assert.match(answer.observed, words)
      server.close()
    }
    assert.equal((await ask('alerts.quiet', { monitoring: { prometheus: 'http://127.0.0.1:1' } })).outcome, 'blind')
  })
})

/** A server that answers JSON by path, and never where that is undefined. */
async function serve (answer: (path: string) => unknown): Promise<{ url: string, close: () => void }> {
  const server: Server = createServer((request, response) => {
    const body = answer(request.url ?? '/')
    if (body !== undefined) response.end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => { server.once('listening', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => { server.close(); server.closeAllConnections() } }
}
