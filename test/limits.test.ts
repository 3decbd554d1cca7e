import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../activities/limits.js'
import { ownGround } from '../activities/own-ground.js'
import type { DrillInput } from '../src/drill/input.js'
import { breachesOf, mostMs, type Hit } from '../src/drill/limits.js'
import type { Runbook, Step } from '../src/drill/runbook.js'
import { checkRunbook } from '../src/runbook/check.js'
import { loadRunbook } from '../src/runbook/load.js'
import { labEnvironment } from './fixtures/environments.js'

const environment = labEnvironment()
const runbookOf = (steps: Step[], change: Partial<Runbook> = {}): Runbook => ({ name: 'r', title: 'R', type: 'full-test', environments: ['tier:lab'], steps, ...change })
const kill = (instance: string, more: object = {}): Step => ({ id: `kill-${instance}`, kind: 'action', action: 'api.break', with: { api: environment.api, instance, fault: 'kill' }, ...more })
const heal = (instance: string): Step => ({ id: `heal-${instance}`, kind: 'undo', of: `kill-${instance}` })
const allowing = (api: number) => ({ ...environment, limits: { down: { api } } })
const codes = (steps: Step[], api: number, away: Hit[] = []): string[] => breachesOf({ runbook: runbookOf(steps), environment: allowing(api) }, away).map(({ code, step }) => `${code} ${step}`)

describe('the blast radius', () => {
  test('counts what is away at once: healed in between is not', () => {
    assert.deepEqual(codes([kill('a'), kill('b')], 1), ['limit.radius kill-b'])
    assert.deepEqual(codes([kill('a'), heal('a'), kill('b')], 1), [])
    assert.deepEqual(codes([kill('a'), kill('b')], 2), [])
  })

  test('counts what is away already, once where the drill takes the same', () => {
    const away: Hit[] = [{ kind: 'api', name: 'b' }]
    assert.deepEqual(codes([kill('a')], 1, away), ['limit.radius kill-a'])
    assert.deepEqual(codes([kill('b')], 1, away), [])
    assert.deepEqual(codes([kill('a')], 1, [{ kind: 'cache', name: 'b' }]), [])
    assert.match(breachesOf({ runbook: runbookOf([kill('a')]), environment: allowing(1) }, away)[0]!.message, /2 of kind api are away at once \(b, a; b already now\), and lab allows 1/)
  })

  test('counts branches side by side at once, whatever they heal inside, and nothing that is skipped', () => {
    const branches = (second: Step): Step[] => [{ id: 'both', kind: 'parallel', branches: [[kill('a'), heal('a')], [second]] }]
    assert.deepEqual(codes(branches(kill('b')), 1), ['limit.radius both'])
    assert.deepEqual(codes(branches(kill('b', { when: false })), 1), [])
    assert.deepEqual(codes([...branches(kill('b', { when: false })), kill('c')], 1), [])
  })

  test('counts what a nested runbook breaks beside what is broken before it, and not after it', () => {
    const runbooks = { inner: runbookOf([kill('b')], { name: 'inner' }) }
    const nest: Step = { id: 'nest', kind: 'runbook', runbook: 'inner' }
    const found = (steps: Step[]): string[] => breachesOf({ runbook: runbookOf(steps), runbooks, environment: allowing(1) }).map(({ step }) => step)
    assert.deepEqual(found([kill('a'), nest]), ['nest'])
    assert.deepEqual(found([nest, kill('a')]), [])
  })

  test('in production one of each kind, where nothing is said; elsewhere no limit', () => {
    const steps = [kill('a'), kill('b')]
    assert.equal(breachesOf({ runbook: runbookOf(steps), environment: { ...environment, tier: 'production' } }).length, 1)
    assert.equal(breachesOf({ runbook: runbookOf(steps), environment }).length, 0)
  })

  const anySteps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.boolean()), { maxLength: 12 })
    .map(pairs => pairs.map(([name, isUndo], index): Step => ({ ...isUndo ? heal(name) : kill(name), id: isUndo ? `heal-${index}` : `kill-${name}` })))

  test('of any runbook: a higher limit never refuses more, side by side never less than in turn, and its kinds’ number is enough', () => {
    fc.assert(fc.property(anySteps, fc.integer({ min: 0, max: 4 }), (steps, limit) => {
      const refused = (list: Step[], api: number): boolean => codes(list, api).length > 0
      assert.ok(!refused(steps, limit + 1) || refused(steps, limit), 'more is allowed and more is refused')
      assert.ok(!refused(steps, limit) || refused([{ id: 'p', kind: 'parallel', branches: steps.map(step => [step]) }], limit), 'side by side is less than in turn')
      assert.ok(!refused(steps, 4), 'there are four')
    }))
  })
})

describe('how long a fault may stay', () => {
  test('its own limit holds below the environment’s, which holds where there is none', () => {
    const short = { limits: { fault: '10m' } }
    assert.equal(mostMs({ atMost: '2m' }, short), 120_000)
    assert.equal(mostMs({ atMost: '2h' }, short), 600_000)
    assert.equal(mostMs({}, short), 600_000)
    assert.equal(mostMs({}, {}), 3_600_000)
  })

  test('longer than the environment allows is refused, as is a lease longer than the runbook’s maximum', () => {
    const limited = { ...environment, limits: { fault: '10m' } }
    const found = (more: object, change: Partial<Runbook> = {}): string[] => breachesOf({ runbook: runbookOf([kill('a', more)], change), environment: limited }).map(({ code, message }) => `${code}: ${message}`)
    assert.deepEqual(found({ atMost: '11m' }), ['limit.fault: step "kill-a" may stay for 11m, and no fault may stay longer than 10m in lab'])
    assert.deepEqual(found({ atMost: '10m' }), [])
    assert.deepEqual(found({ lease: '2m' }, { maxLease: '1m' }), ['limit.lease: step "kill-a" has a lease of 2m, longer than the runbook’s maximum of 1m'])
    assert.deepEqual(found({}, { maxLease: '1m' }), [])
  })

  test('a check of files says it at its line', async () => {
    const text = 'title: T\ntype: full-test\nenvironments: [tier:lab]\nobserve: { probe: { interval: 1s, timeout: 1s, failures: 1, successes: 1, http: [{ name: s, url: "{{ env.api.url }}" }] } }\nsteps:\n' +
      '  - id: a\n    kind: action\n    action: api.break\n    with: { api: "{{ env.api }}", instance: api1, fault: kill }\n    atMost: 2h\n'
    const folder = mkdtempSync(join(tmpdir(), 'muster-limits-'))
    writeFileSync(join(folder, 'r.yaml'), text)
    const loaded = await loadRunbook(join(folder, 'r.yaml')).finally(() => { rmSync(folder, { recursive: true }) })
    assert.ok(loaded.value, JSON.stringify(loaded.problems))
    const problems = checkRunbook({ ...loaded, value: loaded.value }, { environments: [{ ...environment, limits: { fault: '10m', down: { api: 0 } } }] })
    assert.deepEqual(problems.map(({ line, message }) => `${line}: ${message}`), [
      '6: at step "a" 1 of kind api are away at once (api1), and lab allows 0',
      '10: step "a" may stay for 2h, and no fault may stay longer than 10m in lab',
    ])
  })
})

describe('preflight', () => {
  const signal = new AbortController().signal
  const inputOf = (steps: Step[], change: object = {}): DrillInput =>
    ({ drillId: 'd', runbook: runbookOf(steps), runbookHash: 'x', runbooks: {}, environment: { ...environment, ...change }, params: {}, commander: { id: 'a', name: 'A', roles: [] } }) as unknown as DrillInput
  const process = (pidFile: string) => ({ kind: 'process' as const, pidFile, match: 'no such process', start: { command: '/bin/false', args: [] } })

  test('what is away already counts, and what cannot be asked is a reason not to start', async () => {
    const api = { ...environment.api!, instances: [{ name: 'api1', url: 'http://127.0.0.1:1', control: process('/nowhere/api1.pid') }] }
    const refused = async (change: object): Promise<string[]> => (await limits(inputOf([kill('api2')], { api, limits: { down: { api: 1 } }, ...change }))).map(({ code, message }) => `${code}: ${message}`)
    assert.match((await refused({})).join(), /^limit\.radius: .*api1 already now/)
    assert.deepEqual(await refused({ limits: {} }), [])
    const unreachable = { ...api, instances: [{ ...api.instances[0]!, control: { kind: 'docker', socket: '/nowhere/docker.sock', labels: { a: 'b' } } }] }
    assert.match((await refused({ api: unreachable })).join(), /^preflight\.blind: whether api1 is away already/)
  })

  test('refuses a drill on ground that Muster stands on: its store, Temporal, its folder, its way to Slack', async () => {
    const toxiproxy = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: 'slack', listen: '127.0.0.1:5', upstream: 'slack.example:443', enabled: true, toxics: [] }))
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => toxiproxy.once('listening', resolve))
    const link = { toxiproxy: `http://127.0.0.1:${(toxiproxy.address() as { port: number }).port}`, proxy: 'slack' }
    const refused = async (own: { ownAddresses?: string[], ownFolders?: string[] }, steps: Step[] = [kill('a')]): Promise<string> =>
      (await ownGround({ ownAddresses: [], ownFolders: [], ...own }, inputOf(steps), { signal })).map(({ code, message }) => `${code}: ${message}`).join('; ')
    try {
      const cut: Step = { id: 'cut', kind: 'action', action: 'toxiproxy.cut', with: { link } }
      assert.equal(await refused({}, [cut]), '')
      assert.match(await refused({ ownAddresses: ['slack.example:443'] }, [cut]), /^preflight\.ownGround: link slack leads to slack\.example:443/)
      assert.match(await refused({ ownAddresses: ['127.0.0.1:5431'] }), /^preflight\.ownGround: pg1 /)
      assert.match(await refused({ ownAddresses: ['127.0.0.1:3002'] }), /^preflight\.ownGround: api2 /)
      assert.match(await refused({ ownFolders: ['/srv/data/muster'] }), /^preflight\.ownGround: volume "data" \(\/srv\/data\) carries Muster’s own/)
      assert.equal(await refused({ ownFolders: ['/srv/database'] }), '')
    } finally {
      toxiproxy.closeAllConnections()
      await new Promise(resolve => toxiproxy.close(resolve))
    }
    assert.match(await refused({ ownAddresses: ['slack.example:443'] }, [{ id: 'cut', kind: 'action', action: 'toxiproxy.cut', with: { link } }]), /^preflight\.blind: where link slack leads/)
  })
})
