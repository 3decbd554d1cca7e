import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { Context } from '@temporalio/activity'
import type { LoadCall } from '../../activities/index.js'
import type { DrillInput } from '../../src/drill/input.js'
import type { LoadScenario, LoadSummary } from '../../src/drill/load.js'
import type { SuiteSummary } from '../../src/drill/suite.js'
import { sendEdge, sendLoadUp } from '../../src/temporal/drills.js'
import { ana, ben, cut, drillOf, gate, kill, startTemporal } from '../fixtures/temporal.js'
import { World } from '../fixtures/world.js'

// Records the histories that test/replay.test.ts replays: `node --import tsx test/histories/record.ts`. Run it anew only for a
// change of the workflows that running drills survive by `patched()`, or before anything was ever released.

const temporal = await startTemporal()
const world = new World()
world.sendEdge = async (drillId, edge) => { await sendEdge(temporal.client, drillId, edge as never) }

const summary = { runId: 'load-1', verdict: 'passed' as const, why: 'kept its threshold', reasons: [], stored: true }
/** Loads and suites without a target: what the workflow makes of them is what is recorded. */
const measuring = {
  'load.run': async ({ drillId, stepId, isHeld }: LoadCall): Promise<LoadSummary> => {
    if (isHeld === true) {
      await sendLoadUp(temporal.client, drillId, stepId, 0)
      const beat = setInterval(() => { Context.current().heartbeat() }, 50)
      await Context.current().cancelled.catch(() => undefined)
      clearInterval(beat)
    }
    return { ...summary, scenario: 'try', startedAtMs: 1, durationMs: 1, users: 1, requestsPerSecond: 1, requests: 1, errors: 0, missed: 0 }
  },
  'load.shard': async () => ({ ended: false }),
  'load.merge': async (call: LoadCall): Promise<LoadSummary> => await measuring['load.run']({ ...call, isHeld: false }),
  'suite.run': async (): Promise<SuiteSummary> => ({ ...summary, suite: 'mine', passed: 1, failed: 0, blind: 0, unasked: 0, ms: 1 }),
}
const worker = await temporal.work({ ...world.activities(), ...measuring })

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
const scenario: LoadScenario = { name: 'try', title: 'A try', users: 1, runTime: '1s', spawnRate: 1, every: '1s', timeout: '1s', behaviour: 'b', mix: { V: 1 }, thresholds: [] }
await keep('measured', drillOf([
  { id: 'smoke', kind: 'suite', suite: 'mine' }, { id: 'shards', kind: 'load', scenario: 'try', shards: 2 }, { id: 'hold', kind: 'load', scenario: 'try', background: true }, cut('under'),
  { id: 'leave', kind: 'undo', of: 'hold' }, { id: 'load', kind: 'load', scenario: 'try' },
], { scenarios: { try: scenario }, behaviours: { b: { name: 'b', userTypes: {} } }, suites: { mine: { name: 'mine', title: 'Mine', checks: [] } } }), async () => {})
await keep('nested', drillOf([{ id: 'both', kind: 'parallel', branches: [[cut('x')], [cut('y')]] }, { id: 'sub', kind: 'runbook', runbook: 'inner' }], {
  runbooks: { inner: { name: 'inner', title: 'Inner', type: 'verification', environments: ['tier:lab'], steps: [cut('z')] } },
}), async () => {})
world.refusals = [{ code: 'preflight.blackout', message: 'no drill until Monday' }]
await keep('refused', drillOf([cut('a')]), async () => {})

await worker.stop()
await temporal.stop()
