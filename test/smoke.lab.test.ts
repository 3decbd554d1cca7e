import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { restoreCache } from '../activities/redis/restore.js'
import { controlOf } from '../src/control/control.js'
import { until } from '../src/control/until.js'
import type { Environment } from '../src/drill/environment.js'
import type { CheckRun } from '../src/drill/suite.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { secretsFrom } from '../src/secrets.js'
import { runSuite } from '../src/smoke/run.js'
import { controlOfNode, databaseLab, query, stepContext, type DatabaseLab } from './fixtures/database-lab.js'

describe('the shipped suite on a lab', { timeout: 120_000 }, () => {
  let lab: DatabaseLab
  let environment: Environment
  let runs = 0

  before(async () => {
    lab = await databaseLab()
    environment = lab.environment
  })
  after(async () => { await lab?.down() })

  const catalog = loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })
  const ask = async (...only: string[]): Promise<Record<string, CheckRun>> => {
    const { checks } = await runSuite({
      suite: (await catalog).suite('production').value, environment, only, runId: `lab-${++runs}`, signal: AbortSignal.timeout(60_000), secret: secretsFrom(process.env),
    })
    return Object.fromEntries(checks.map(check => [check.id, check]))
  }
  const whole = async (...only: string[]): Promise<void> => {
    let last: string[] = []
    const found = await until(async () => {
      last = Object.values(await ask(...only)).filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skipped').map(({ id, outcome, observed }) => `${id} ${outcome}: ${observed}`)
      return last.length === 0 || undefined
    }, { everyMs: 500, deadlineMs: 30_000 })
    assert.ok(found, last.join('\n'))
  }

  it('what is asked of database, replica and cache is green on a whole lab', async () => {
    await whole('database', 'round-trip', 'replication', 'cache', 'cache-hits')
  })

  it('a replica that is attached and replays nothing is seen: by a row that does not arrive, and by its age', async () => {
    const standby = lab.database.nodes[1]!
    await query(standby, 'select pg_wal_replay_pause()')
    try {
      const { 'round-trip': trip } = await ask('round-trip')
      assert.equal(trip!.outcome, 'fail', trip!.observed)
      assert.match(trip!.observed, /replica|pg2/)
      const behind = await until(async () => {
        const { replication } = await ask('replication')
        return replication!.outcome === 'fail' ? replication!.observed : undefined
      }, { everyMs: 500, deadlineMs: 20_000 })
      assert.match(behind ?? 'it stayed green', /\d s behind$/)
    } finally {
      await query(standby, 'select pg_wal_replay_resume()')
    }
    await whole('round-trip', 'replication')
  })

  it('a standby that is gone is seen, by name', async () => {
    const control = controlOfNode(lab.database.nodes[1]!)
    await control.kill()
    try {
      const { replication } = await ask('replication')
      assert.equal(replication!.outcome, 'fail')
      assert.match(replication!.observed, /^pg2 does not answer: .*no standby is attached to pg1/)
    } finally {
      await control.start()
    }
    await whole('replication')
  })

  it('a dead Redis is seen, whatever the service answers without it', async () => {
    const control = controlOf(environment.cache!.nodes[0]!.control)
    await control.kill()
    try {
      const { cache, 'cache-hits': hits } = await ask('cache', 'cache-hits')
      assert.equal(cache!.outcome, 'fail')
      assert.match(cache!.observed, /^the cache does not answer connecting: /)
      assert.equal(hits!.outcome, 'fail')
      assert.match(hits!.observed, /^no answer came out of the cache \(x-cache: /)
    } finally {
      await restoreCache(environment.cache!, stepContext(), { home: true })
    }
    await whole('cache', 'cache-hits')
  })
})
