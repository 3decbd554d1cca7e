import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { toxiproxyCut } from '../activities/toxiproxy.js'
import { componentFreeze, componentKill } from '../activities/component.js'
import { accepts } from '../src/lab/probe.js'
import { until } from '../src/control/until.js'
import { DrillError } from '../src/errors.js'
import type { Link } from '../src/drill/environment.js'
import { controlOfNode, databaseLab, stepContext, type DatabaseLab } from './fixtures/database-lab.js'

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
      assert.ok(await until(async () => await accepts(lab.lab.ports.api1) || undefined, { everyMs: 20, deadlineMs: 5_000 }))
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
