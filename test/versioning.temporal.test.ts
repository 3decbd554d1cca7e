import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker'
import { until } from '../src/control/until.js'
import type { DrillInput } from '../src/drill/input.js'
import { ben, drillOf, gate, startTemporal, type TestTemporal } from './fixtures/temporal.js'
import { World } from './fixtures/world.js'

let temporal: TestTemporal
let other: string
before(async () => {
  temporal = await startTemporal();
  ({ code: other } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('fixtures/other-build.ts', import.meta.url)), logger: new DefaultLogger('ERROR') }))
})
after(async () => { await temporal?.stop() })

const deployment = 'muster-test'
const makeCurrent = async (build: string): Promise<void> => {
  const { workflowService } = temporal.client
  // Known once its worker has polled.
  const made = await until(async () => await workflowService.setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName: deployment, buildId: build, identity: 'test', ignoreMissingTaskQueues: true })
    .then(() => true, () => undefined), { everyMs: 100, deadlineMs: 30_000 })
  assert.ok(made, `build ${build} could not be made the current one`)
}
/** Which builds a workflow's tasks were done by. */
const buildsOf = async ({ drillId }: DrillInput): Promise<string[]> => {
  const { events } = await temporal.client.workflow.getHandle(drillId).fetchHistory()
  return [...new Set(events?.flatMap(event => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId ?? []))]
}
const end = async (input: DrillInput): Promise<string> => {
  await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: input.drillId })
  return (await temporal.client.workflow.getHandle(input.drillId).result() as { verdict: string }).verdict
}
const waits = async (input: DrillInput): Promise<void> => {
  await temporal.door.start(input)
  assert.ok(await until(async () => (await temporal.door.status(input.drillId)).phase === 'waiting' || undefined, { everyMs: 20, deadlineMs: 30_000 }), 'it waits at its gate')
}

test('a drill that began on one build ends on it, while another build, which could not go on with it, takes the new ones', async () => {
  const world = new World()
  const first = await temporal.work(world.activities(), { version: { deployment, build: 'a' } })
  const second = await temporal.work(world.activities(), { version: { deployment, build: 'b' }, code: other })
  try {
    await makeCurrent('a')
    const before = drillOf([gate('go', { deadline: '5m' })])
    await waits(before)
    await makeCurrent('b')
    const after = drillOf([gate('go', { deadline: '5m' })])
    await waits(after)
    assert.equal(await end(before), 'passed')
    assert.equal(await end(after), 'passed')
    assert.deepEqual(await buildsOf(before), ['a'])
    assert.deepEqual(await buildsOf(after), ['b'])
    const history = await temporal.client.workflow.getHandle(before.drillId).fetchHistory()
    await assert.rejects(Worker.runReplayHistory({ workflowBundle: { code: other } }, history, before.drillId), /[Nn]ondeterminism|TMPRL1100/)
  } finally {
    await first.stop()
    await second.stop()
  }
})
