import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Environment } from '../src/drill/environment.js'
import { checkPlan } from '../src/load/check.js'
import { overridden, preparePlan } from '../src/load/prepare.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { planOf } from './fixtures/load.js'

const scratch = mkdtempSync(join(tmpdir(), 'muster-scenarios-'))
after(() => { rmSync(scratch, { recursive: true }) })
mkdirSync(join(scratch, 'load/users'), { recursive: true })

const users = 'userTypes:\n  Visitor:\n    tasks:\n      - { name: t, weight: 1, steps: [{ name: home, request: { path: / } }] }\n'
const scenario = 'title: T\nusers: 10\nrunTime: 5m\nspawnRate: 1\nevery: 500ms\ntimeout: 10s\nbehaviour: them\nmix: { Visitor: 1 }\nthresholds:\n  - { metric: errorShare, atMost: 0.01 }\n'

async function wrongWith (changed: { users?: string, scenario?: string }): Promise<string[]> {
  writeFileSync(join(scratch, 'load/users/them.yaml'), changed.users ?? users)
  writeFileSync(join(scratch, 'load/it.yaml'), changed.scenario ?? scenario)
  const { problems } = await loadCatalog({ runbookDirs: [scratch], environmentDirs: [] })
  return problems.map(({ line, message, hint }) => `${line}: ${message}${hint === undefined ? '' : ` (${hint})`}`)
}

test('the shipped scenarios are good, and hold the figures that were asked for', async () => {
  const catalog = await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })
  assert.deepEqual([...catalog.scenarios, ...catalog.behaviours].flatMap(({ problems }) => problems), [])
  const figures = ['baseline', 'peak', 'stress', 'endurance'].map(name => {
    const { scenario: { value: { users, runTime, thresholds, every } } } = catalog.scenario(name)
    const [p99, errors] = [thresholds.find(({ metric }) => metric === 'responseMs')!, thresholds.find(({ metric }) => metric === 'errorShare')!]
    return [name, users, runTime, every, p99.stat, p99.atMost, errors.atMost]
  })
  assert.deepEqual(figures, [
    ['baseline', 10, '5m', '500ms', 'p99', 500, 0.001], ['peak', 100, '10m', '500ms', 'p99', 1000, 0.01],
    ['stress', 200, '15m', '500ms', 'p99', 2000, 0.05], ['endurance', 50, '60m', '500ms', 'p99', 800, 0.005],
  ])
  assert.deepEqual(catalog.scenario('peak').scenario.value.mix, { BaselineUser: 70, PeakUser: 20, AdminUser: 10 })
  assert.deepEqual(catalog.scenario('stress').scenario.value.mix, { StressTestUser: 100 })
})

const bad: Array<[what: string, changed: { users?: string, scenario?: string }, told: RegExp]> = [
  ['an unknown metric', { scenario: scenario.replace('errorShare', 'errorRate') }, /^10: "errorRate" is not one of responseMs, serviceMs, errorShare, missedShare, requestsPerSecond/],
  ['a user type without tasks', { users: 'userTypes:\n  Visitor:\n    tasks: []\n' }, /^3: /],
  ['weights of zero', { users: users.replace('weight: 1', 'weight: 0') }, /^4: every task of Visitor has weight 0, so none is ever drawn \(give one a weight above 0\)$/],
  ['a mix of zero', { scenario: scenario.replace('Visitor: 1', 'Visitor: 0') }, /^8: every share is 0, so there are no users/],
  ['a mix of users that are not there', { scenario: scenario.replace('Visitor: 1', 'Visitors: 1') }, /^8: them has no users "Visitors" \(did you mean "?Visitor"?\?\)$/],
  ['a behaviour that is not there', { scenario: scenario.replace('behaviour: them', 'behaviour: then') }, /^7: there is no load\/users\/then\.yaml \(did you mean/],
  ['a threshold that demands nothing', { scenario: scenario.replace(', atMost: 0.01', '') }, /^10: demands nothing \(add atMost or atLeast\)$/],
  ['a share above one', { scenario: scenario.replace('0.01', '5') }, /^10: errorShare is a share from 0 to 1 \(5 % is 0\.05\)$/],
  ['a threshold on an endpoint that nobody asks for', { scenario: scenario.replace('atMost', 'endpoint: hom, atMost') }, /^10: none of these users asks for "hom" \(did you mean "?home"?\?\)$/],
  ['a whole address', { users: users.replace('path: /', 'path: "http://elsewhere.example/"') }, /^4: a load goes to its target alone/],
  ['following redirects', { users: users.replace('path: /', 'path: /, follow: true') }, /^4: a load follows no redirect/],
  ['no time at all', { scenario: scenario.replace('5m', '0s') }, /^3: runTime is nothing/],
  ['loads that do not fit', { scenario: `${scenario}levels: { users: 1, every: 1m }\n` }, /^11: 10 loads of 1m do not fit into 5m/],
]
for (const [what, changed, told] of bad) {
  test(`${what} is told with its place`, async () => {
    const problems = await wrongWith(changed)
    assert.ok(problems.some(problem => told.test(problem)), problems.join('\n') || 'nothing was wrong')
  })
}

const environment = (changed: Partial<Environment> = {}): Environment => ({
  name: 'e', tier: 'staging', api: { url: 'http://shop.example', instances: [] }, load: { hosts: ['shop.example'] }, ...changed,
})

test('a load that an environment does not allow is refused with every reason, before anything is sent', () => {
  const plan = planOf({ url: 'http://shop.example' })
  checkPlan(plan, environment())
  const refused = (given: Partial<Environment>, changed = plan): unknown => {
    try { checkPlan(changed, environment(given)) } catch (error) { return { code: (error as { code: string }).code, message: (error as Error).message } }
    return 'let pass'
  }
  assert.deepEqual(refused({ load: undefined }), { code: 'load.refused', message: 'environment e allows no load: name the hosts that may be loaded in load.hosts' })
  assert.deepEqual(refused({ load: { hosts: ['other.example'] } }), { code: 'load.refused', message: 'shop.example is not on the list of hosts that e lets be loaded: other.example' })
  assert.deepEqual(refused({ tier: 'production' }), { code: 'load.refused', message: 'e is production: its load must be asked for by name (--allow-production)' })
  assert.deepEqual(refused({ load: { hosts: ['shop.example'], requestsPerSecond: 50 } }), { code: 'load.refused', message: '100 requests a second are more than the 50 that e allows' })
  assert.deepEqual(refused({}, planOf({ url: 'http://shop.example', scenario: { runTime: '3h' } })), { code: 'load.refused', message: '3 h 0 min are longer than the 2 h 0 min that e allows' })
  checkPlan(plan, environment({ tier: 'production' }), { allowProduction: true })
})

test('secrets are read for the plan only; what is missing is named', async () => {
  const { scenario, behaviour } = planOf({ url: 'x' })
  const plan = await preparePlan({ runId: 'r', environment: environment({ api: { url: 'http://shop.example', instances: [], accounts: { admin: { email: 'a@b', password: 'env:ADMIN' } } } }), scenario, behaviour }, async ref => `value of ${ref}`)
  assert.deepEqual(plan.values, { accounts: { admin: { email: 'a@b', password: 'value of env:ADMIN' } } })
  await assert.rejects(preparePlan({ runId: 'r', environment: environment({ api: undefined }), scenario, behaviour }, async () => ''), { code: 'load.refused', message: /names no service that could be loaded/ })
  await assert.rejects(preparePlan({ runId: 'r', environment: environment(), scenario, behaviour, overrides: { scale: 2 } }, async () => ''), { code: 'input.invalid' })
})

test('a scale shortens run, ramp, levels and grace together', () => {
  const { scenario } = planOf({ url: 'x', scenario: { runTime: '10m', spawnRate: 2, levels: { users: 10, every: '1m' } }, thresholds: [{ metric: 'errorShare', atMost: 1, abortOnFail: true, grace: '20s' }] })
  const short = overridden(scenario, { scale: 0.1 })
  assert.equal(short.runTime, '60000ms')
  assert.equal(short.spawnRate, 20)
  assert.equal(short.levels!.every, '6000ms')
  assert.equal(short.thresholds[0]!.grace, '2000ms')
  assert.equal(overridden(scenario, { users: 5 }).levels!.users, 5)
})
