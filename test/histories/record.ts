import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import type { DrillInput } from '../../src/drill/input.js'
import { sendEdge } from '../../src/temporal/drills.js'
import { ana, ben, cut, drillOf, gate, kill, startTemporal } from '../fixtures/temporal.js'
import { World } from '../fixtures/world.js'

// Records the histories that test/replay.test.ts replays: `node --import tsx test/histories/record.ts`. Run it anew only for a
// change of the workflows that running drills survive by `patched()`, or before anything was ever released.

const temporal = await startTemporal()
const world = new World()
world.sendEdge = async (drillId, edge) => { await sendEdge(temporal.client, drillId, edge as never) }
const worker = await temporal.work(world.activities())

async function keep (name: string, input: DrillInput, play: (input: DrillInput) => Promise<unknown>): Promise<void> {
  await temporal.door.start(input).catch(() => undefined)
  await play(input)
  const handle = temporal.client.workflow.getHandle(input.drillId)
  await handle.result().catch(() => undefined)
  // Which machine recorded it is nobody's business.
  const json: unknown = JSON.parse(historyToJSON(await handle.fetchHistory()), (key, value) => key === 'stackTrace' ? undefined : value)
  await writeFile(fileURLToPath(new URL(`${name}.json`, import.meta.url)), `${JSON.stringify(json)}\n`)
  console.log(`recorded ${name}`)
}

const open = async (input: DrillInput, step: string): Promise<void> => {
  for (;;) {
    const status = await temporal.door.status(input.drillId)
    if (status.waitingFor.some(waiting => waiting.step === step)) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
const observe = { probe: { interval: '100ms', timeout: '500ms', failures: 3, successes: 3 } }

await keep('passed', drillOf([cut('link'), gate('go'), { id: 'pause', kind: 'wait', for: '50ms' }, { id: 'heal', kind: 'undo', of: 'link' }], { runbook: { observe } }), async input => {
  await open(input, 'go')
  await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
})
await keep('aborted', drillOf([cut('a'), gate('go', { reminders: ['4s'] })]), async input => {
  await open(input, 'go')
  await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'recorded' })
})
await keep('rejected', drillOf([gate('go')]), async input => {
  await open(input, 'go')
  await temporal.door.decide(input.drillId, { step: 'go', answer: 'reject', person: ana, door: 'api', key: '1' }).catch(() => undefined)
  await temporal.door.decide(input.drillId, { step: 'go', answer: 'reject', reason: 'no', person: ben, door: 'api', key: '2' })
})
world.faults.set('undo left', ['always'])
await keep('left-behind', drillOf([cut('left'), kill('other')], { runbook: { undoDeadline: '300ms' } }), async () => {})
await keep('nested', drillOf([{ id: 'both', kind: 'parallel', branches: [[cut('x')], [cut('y')]] }, { id: 'sub', kind: 'runbook', runbook: 'inner' }], {
  runbooks: { inner: { name: 'inner', title: 'Inner', type: 'verification', environments: ['tier:lab'], steps: [cut('z')] } },
}), async () => {})
world.refusals = [{ code: 'preflight.blackout', message: 'no drill until Monday' }]
await keep('refused', drillOf([cut('a')]), async () => {})

await worker.stop()
await temporal.stop()
