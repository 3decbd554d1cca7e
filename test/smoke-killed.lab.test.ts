import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { until } from '../src/control/until.js'
import type { Suite, SuiteRun } from '../src/drill/suite.js'
import { query } from './fixtures/database-lab.js'
import { drillLab, type DrillLab } from './fixtures/drill-lab.js'

// A worker that is killed in the middle of a suite cannot clean up. Its next try does.

/** The delivered checks that make something, slow enough to be caught in the middle. */
const shipped = parse(readFileSync('runbooks/smoke/production.yaml', 'utf8')) as Suite
const making = shipped.checks.filter(({ id }) => ['worker', 'sign-in', 'wish', 'round-trip', 'access'].includes(id))
const slow = { ...shipped, thresholds: [], checks: making.map(check => ({ ...check, perSecond: check.id === 'access' ? 4 : 2, timeout: '90s' })) }

let fixture: DrillLab
before(async () => { fixture = await drillLab({ runbooks: { 'smoke/slow': stringify(slow, { aliasDuplicateObjects: false }) } }) })
after(async () => { await fixture?.down() })

test('what the checks of a killed worker had made is removed by the next try, and the suite passes', { timeout: 280_000 }, async () => {
  const { dev, ana, start, reportOf, environment } = fixture
  const made = async (): Promise<{ accounts: number, wishes: number }> => (await query<{ accounts: number, wishes: number }>(
    { ...environment.database!.endpoint, user: environment.database!.nodes[0]!.user },
    "select (select count(*)::int from customers where email like 'smoke-%') as accounts, (select count(*)::int from wishes where note like '%smoke-%') as wishes"))[0]!
  const drillId = await start('smoke', { suite: 'slow' })
  const found = await until(async () => {
    const now = await made()
    return now.accounts >= 3 && now.wishes >= 2 ? now : undefined
  }, { everyMs: 20, deadlineMs: 120_000 })
  assert.ok(found, 'the checks make something')
  process.kill(dev.processOf('worker').pid, 'SIGKILL')
  await until(async () => dev.ailing().includes('worker') || undefined, { everyMs: 20, deadlineMs: 30_000 })
  const left = await made()
  assert.ok(left.accounts > 0 && left.wishes > 0, `what it made stays: ${JSON.stringify(left)}`)

  await dev.again('worker')
  await reportOf(drillId)
  const { verdict, checks } = JSON.parse(await ana.text(`/v1/drills/${drillId}/result`, { format: 'json' })) as SuiteRun
  assert.equal(verdict, 'passed', JSON.stringify(checks.map(({ id, observed, cleanUp }) => [id, observed, cleanUp])))
  assert.deepEqual(await made(), { accounts: 0, wishes: 0 })
  assert.ok(checks.some(({ cleanUp }) => cleanUp?.observed.includes('nothing of a worker that died is left')))
})
