import { setTimeout as delay } from 'node:timers/promises'
import { actions, createActivities, type ActivityDeps } from '../activities/index.js'
import { undoVerified } from '../activities/undo.js'
import { leaseFolder } from '../src/lease/folder.js'
import { startWatchdog } from '../src/lease/watchdog.js'
import { isRunning } from '../src/temporal/drills.js'
import { stepContext } from '../test/fixtures/database-lab.js'
import { ben, drillOf, gate, startTemporal } from '../test/fixtures/temporal.js'
import { startToxiproxy } from '../test/fixtures/toxiproxy.js'
import { World } from '../test/fixtures/world.js'
import type { Bench } from './hold.js'
import { spread, took, type Figure } from './measure.js'

const rounds = 40

/** From an abort to the undo that its own verification has proven, with a real link and a lease; beside the same undo called by hand. */
export async function abort ({ hold, tell }: Bench): Promise<Figure[]> {
  tell('Temporal starts')
  const temporal = await hold.take(startTemporal(), temporal => temporal.stop())
  const { link, isCut } = await hold.take(startToxiproxy(), toxiproxy => toxiproxy.stop())
  const folder = leaseFolder(await hold.folder())
  const undo = async (): Promise<string> => (await undoVerified(actions['toxiproxy.cut'], { link }, stepContext())).summary
  await hold.take(Promise.resolve(startWatchdog({ folder, log: () => {}, revert: undo })), watchdog => watchdog.stop('the bench is over'))
  const deps = { leases: folder, isRunning: async (drillId: string) => await isRunning(temporal.client, drillId), secret: async () => '', log: () => {} }
  const { keep, 'toxiproxy.cut': cut, 'toxiproxy.cut.undo': heal } = createActivities(deps as unknown as ActivityDeps)
  await hold.take(temporal.work({ ...new World().activities(), keep, 'toxiproxy.cut': cut, 'toxiproxy.cut.undo': heal }), worker => worker.stop())
  const ours: number[] = []
  const byHand: number[] = []
  for (let round = 0; round <= rounds; round++) {
    tell(round === 0 ? 'once to warm up' : `abort ${round} of ${rounds}`)
    const { drillId, ...input } = drillOf([{ id: 'cut', kind: 'action', action: 'toxiproxy.cut', with: { link: { ...link } } }, gate('go', { deadline: '5m' })])
    await temporal.door.start({ drillId, ...input })
    while ((await temporal.door.status(drillId)).phase !== 'waiting') await delay(10)
    if (!await isCut()) throw new Error('nothing was broken')
    const ms = await took(async () => {
      await temporal.door.abort(drillId, { person: ben, door: 'api', reason: 'bench' })
      while (!(await temporal.door.status(drillId)).ledger.every(({ state }) => state === 'undone' || state === 'already')) await delay(2)
    })
    if (await isCut()) throw new Error('it was not undone')
    await temporal.client.workflow.getHandle(drillId).result()
    await actions['toxiproxy.cut'].do({ link }, stepContext())
    const handMs = await took(undo)
    if (round === 0) continue
    ours.push(ms)
    byHand.push(handMs)
  }
  return [{ what: 'abort to the proven undo', unit: 'ms', ours: spread(ours), peer: { name: 'the same undo and its verification, called directly', ...spread(byHand) }, goals: [{ of: 'p99', below: 1000 }], notes: [] }]
}
