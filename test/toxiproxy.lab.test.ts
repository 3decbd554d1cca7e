import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkBroken } from '../activities/checks/link-broken.js'
import { onePrimary } from '../activities/checks/one-primary.js'
import { linkBreak } from '../activities/link.js'
import { addToxic, proxyOf, removeToxic, toxiproxyCut } from '../activities/toxiproxy.js'
import { componentFreeze, componentKill } from '../activities/component.js'
import { postgresRelease } from '../activities/postgres/release.js'
import { accepts } from '../src/lab/probe.js'
import { until } from '../src/control/until.js'
import { DrillError } from '../src/errors.js'
import type { Link } from '../src/drill/environment.js'
import { controlOfNode, databaseLab, query, stepContext, type DatabaseLab } from './fixtures/database-lab.js'

const code = (wanted: string) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted

describe('links and components of a lab', { timeout: 60_000 }, () => {
  let lab: DatabaseLab
  let link: Link
  before(async () => {
    lab = await databaseLab()
    link = lab.database.links!.api!
  })
  after(async () => { await lab?.down() })

  it('a link is cut and healed by name, twice each; another drill’s cut stays', async () => {
    const other = lab.environment.cache!.links!.api!
    const port = lab.lab.ports.apiToDatabase
    await toxiproxyCut.do({ link: other }, stepContext())
    for (let time = 0; time < 2; time++) await toxiproxyCut.do({ link }, stepContext())
    assert.equal(await accepts(port), false)
    assert.equal((await toxiproxyCut.verify({ link }, stepContext())).undone, false)
    for (let time = 0; time < 2; time++) await toxiproxyCut.undo({ link }, stepContext())
    assert.equal((await toxiproxyCut.verify({ link }, stepContext())).undone, true)
    assert.equal(await accepts(port), true)
    assert.equal((await toxiproxyCut.verify({ link: other }, stepContext())).undone, false)
    await toxiproxyCut.undo({ link: other }, stepContext())
  })

  it('a proxy that is not there is neither cut nor healed, and a dead Toxiproxy is told apart', async () => {
    const gone = { ...link, proxy: 'no such' }
    await assert.rejects(toxiproxyCut.do({ link: gone }, stepContext()), code('component.unexpected'))
    await assert.rejects(toxiproxyCut.verify({ link: gone }, stepContext()), code('component.unexpected'))
    await assert.rejects(toxiproxyCut.undo({ link: gone }, stepContext()), code('component.unexpected'))
    await assert.rejects(toxiproxyCut.undo({ link: { ...link, toxiproxy: 'http://127.0.0.1:1' } }, stepContext()), code('component.unreachable'))
  })

  it('a link is swallowed or slowed down one way, both ways or not at all, and its effect is measured through it', async () => {
    const broken = async (atLeast?: string): Promise<string> => (await linkBroken({ link, speaks: 'postgres', atLeast }, stepContext())).outcome
    assert.equal(await broken(), 'fail', 'an open link answers')
    for (const [how, way, wanted] of [['cut', 'both', 'pass'], ['blackhole', 'forth', 'pass'], ['blackhole', 'back', 'pass'], ['latency', 'back', 'fail']] as const) {
      const input = { link, how, way, latency: '300ms' }
      const { faultAtMs } = await linkBreak.do(input, stepContext())
      assert.equal((await linkBreak.do(input, stepContext({ previous: { faultAtMs } }))).faultAtMs, faultAtMs)
      assert.equal(await broken(), wanted, `${how} ${way}`)
      if (how === 'latency') assert.equal(await broken('300ms'), 'pass', 'an answer that comes late enough counts as none')
      const { undone, summary } = await linkBreak.verify(input, stepContext())
      assert.equal(undone, false, summary)
      for (let time = 0; time < 2; time++) await linkBreak.undo(input, stepContext())
      assert.equal((await linkBreak.verify(input, stepContext())).undone, true)
      assert.equal(await broken(), 'fail', `${how} ${way} is healed`)
    }
    assert.equal((await linkBroken({ link: { ...link, toxiproxy: 'http://127.0.0.1:1' }, speaks: 'postgres' }, stepContext())).outcome, 'blind')
  })

  it('packets of a link are lost by the kernel, both ways or one, measured by its counter and by late answers, and none after the undo', async t => {
    const lossy = async (): Promise<string> => (await linkBroken({ link, speaks: 'postgres', how: 'loss' }, stepContext())).outcome
    for (const way of ['both', 'forth', 'back'] as const) {
      const input = { link, how: 'loss', way, loss: 40 } as const
      const refusal = await linkBreak.able!(input, stepContext()).then(() => undefined, (error: unknown) => error)
      if (refusal !== undefined) {
        t.diagnostic(`this machine cannot: ${String(refusal)}`)
        assert.ok(code('link.noLoss')(refusal), String(refusal))
        await assert.rejects(linkBreak.do(input, stepContext()), code('link.noLoss'))
        assert.equal(await lossy(), 'blind', 'what cannot be counted is no proof')
        return
      }
      assert.equal(await lossy(), 'fail', 'nothing is lost yet')
      const { faultAtMs, summary } = await linkBreak.do(input, stepContext())
      assert.match(summary, way === 'both' ? /open with loss back, loss forth \(loss, both ways\)/ : new RegExp(`open with loss ${way} \\(loss, ${way} only\\)`))
      assert.equal((await linkBreak.do(input, stepContext({ previous: { faultAtMs } }))).faultAtMs, faultAtMs)
      assert.equal(rulesOfMachine().length, way === 'both' ? 2 : 1, 'it is done once, however often it is told')
      assert.ok(await until(async () => await lossy() === 'pass' || undefined, { everyMs: 10, deadlineMs: 20_000 }), `lossy ${way}`)
      assert.equal((await linkBreak.verify(input, stepContext())).undone, false)
      for (let time = 0; time < 2; time++) await linkBreak.undo(input, stepContext())
      assert.equal((await linkBreak.verify(input, stepContext())).undone, true)
      assert.deepEqual(rulesOfMachine(), [])
    }
    const away = { link: { ...link, proxy: 'elsewhere' }, how: 'loss', way: 'both', loss: 40 } as const
    await assert.rejects(linkBreak.able!(away, stepContext()), code('component.unexpected'))
  })

  it('packets of a link whose Toxiproxy has died are let through all the same', async t => {
    const input = { link, how: 'loss', way: 'both', loss: 40 } as const
    if (await linkBreak.able!(input, stepContext()).then(() => false, () => true)) return t.diagnostic('this machine cannot lose packets')
    await linkBreak.do(input, stepContext())
    await assert.rejects(linkBreak.undo({ ...input, link: { ...link, toxiproxy: link.toxiproxy.replace('127.0.0.1', '127.0.0.2') } }, stepContext()), code('component.unreachable'))
    assert.deepEqual(rulesOfMachine(), [])
    await linkBreak.undo(input, stepContext())
  })

  it('healing a link leaves what somebody else put on it', async () => {
    const other = { name: 'somebody-else', type: 'latency', stream: 'upstream', attributes: { latency: 1, jitter: 0 } } as const
    await addToxic(link, other, stepContext())
    await linkBreak.do({ link, how: 'blackhole', way: 'both' }, stepContext())
    await linkBreak.undo({ link, how: 'blackhole', way: 'both' }, stepContext())
    assert.deepEqual((await proxyOf(link, stepContext())).toxics.map(toxic => toxic.name), ['somebody-else'])
    for (let time = 0; time < 2; time++) await removeToxic(link, 'somebody-else', stepContext())
  })

  it('an undo that cannot reach Toxiproxy fails, and the verification is no pass', async () => {
    await linkBreak.do({ link, how: 'blackhole', way: 'both' }, stepContext())
    const away = { link: { ...link, toxiproxy: 'http://127.0.0.1:1' }, how: 'blackhole', way: 'both' } as const
    await assert.rejects(linkBreak.undo(away, stepContext()), code('component.unreachable'))
    await assert.rejects(linkBreak.verify(away, stepContext()), code('component.unreachable'))
    await linkBreak.undo({ ...away, link }, stepContext())
  })

  it('what makes no sense is refused before anything is touched', async () => {
    await assert.rejects(linkBreak.do({ link, how: 'cut', way: 'forth' }, stepContext()), code('input.invalid'))
    await assert.rejects(linkBreak.do({ link, how: 'latency', way: 'both' }, stepContext()), code('input.invalid'))
    await assert.rejects(linkBreak.do({ link, how: 'loss', way: 'both' }, stepContext()), code('input.invalid'))
    assert.equal((await linkBreak.verify({ link, how: 'cut', way: 'both' }, stepContext())).undone, true)
  })

  it('split brain is found where it is, and commits that were let go wait for the standby again', async () => {
    const { database } = lab
    assert.equal((await onePrimary({ database }, stepContext())).outcome, 'pass')
    const names = async (): Promise<string> => (await query<{ names: string }>({ ...database.nodes[0]! }, "select current_setting('synchronous_standby_names') as names"))[0]!.names
    for (let time = 0; time < 2; time++) await postgresRelease.do({ database }, stepContext())
    assert.equal(await names(), '')
    assert.match((await postgresRelease.verify({ database }, stepContext())).summary, /no standby is synchronous/)
    for (let time = 0; time < 2; time++) await postgresRelease.undo({ database }, stepContext())
    assert.equal((await postgresRelease.verify({ database }, stepContext())).undone, true)
    assert.match(await names(), /pg2/)
    // Two nodes that both take writes: pg1, and pg1 under another name.
    const twice = { ...database, nodes: [database.nodes[0]!, { ...database.nodes[0]!, name: 'pg9' }] }
    const { outcome, observed } = await onePrimary({ database: twice }, stepContext())
    assert.equal(outcome, 'fail')
    assert.match(observed, /^2 primaries: pg1 is primary, pg9 is primary/)
  })

  it('a component is killed or frozen, and comes back', async () => {
    const component = lab.environment.api!.instances[0]!
    for (const action of [componentKill, componentFreeze]) {
      const beats = stepContext()
      const { faultAtMs } = await action.do({ component }, beats)
      assert.deepEqual(beats.beats, [{ faultAtMs }])
      const again = await action.do({ component }, stepContext({ previous: { faultAtMs } }))
      assert.equal(again.faultAtMs, faultAtMs)
      assert.equal((await action.verify({ component }, stepContext())).undone, false)
      for (let time = 0; time < 2; time++) await action.undo({ component }, stepContext())
      assert.equal((await action.verify({ component }, stepContext())).undone, true)
      assert.ok(await until(async () => await accepts(lab.lab.ports.api1) || undefined, { everyMs: 20, deadlineMs: 20_000 }), 'it listens again')
    }
  })

  it('a PostgreSQL server is no mere component: its undo could make a second primary', async () => {
    const node = lab.database.nodes[0]!
    for (const action of [componentKill, componentFreeze]) {
      await assert.rejects(action.do({ component: node }, stepContext()), code('control.refused'))
      await assert.rejects(action.undo({ component: node }, stepContext()), code('control.refused'))
    }
    assert.equal(await controlOfNode(node).state(), 'running')
  })
})

/** Of any link that loses packets. */
function rulesOfMachine (): string[] {
  return execFileSync('iptables', ['-w', '5', '-S', 'INPUT'], { encoding: 'utf8' }).split('\n').filter(line => line.includes('muster-loss'))
}
