import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker'
import type { Step } from '../src/drill/runbook.js'
import { ben, cut, drillOf, gate, startTemporal } from '../test/fixtures/temporal.js'
import { World } from '../test/fixtures/world.js'
import { percentile, ratio, type Line } from './measure.js'

/** When each activity began: what a decision is measured to. */
const began: number[] = []

/** Muster's engine beside handwritten workflows, on one dev server and one worker. */
export async function engine (tell: (line: string) => void): Promise<Line[]> {
  const temporal = await startTemporal()
  const connection = await NativeConnection.connect({ address: temporal.address })
  const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)), logger: new DefaultLogger('ERROR') })
  const world = new World()
  const activities = world.activities()
  const begin = async <T>(work: () => Promise<T>): Promise<T> => { began.push(performance.now()); return await work() }
  const worker = await Worker.create({
    connection, taskQueue: temporal.taskQueue, workflowBundle: { code },
    activities: { ...activities, 'toxiproxy.cut': async (input: never) => await begin(async () => await activities['toxiproxy.cut']!(input)), step: async () => await begin(async () => 'done') },
  })
  const running = worker.run()
  try {
    return [...await hundredSteps(temporal, tell), ...await decisions(temporal, tell)]
  } finally {
    worker.shutdown()
    await running
    await connection.close()
    await temporal.stop()
  }
}

type Temporal = Awaited<ReturnType<typeof startTemporal>>

async function hundredSteps (temporal: Temporal, tell: (line: string) => void): Promise<Line[]> {
  const ours: number[] = []
  const peer: number[] = []
  const events = { ours: 0, peer: 0 }
  const steps = (): Step[] => Array.from({ length: 100 }, (_, index) => ({ id: `look-${index}`, kind: 'check', check: 'http.ok', with: { url: 'http://x' } }))
  for (let round = 0; round <= 5; round++) {
    tell(`100 steps, round ${round} of 5`)
    const input = drillOf(steps(), { recordEveryMs: 500, runbook: { readOnly: true } })
    const handle = temporal.client.workflow.getHandle(input.drillId)
    const first = performance.now()
    await temporal.door.start(input)
    await handle.result()
    const second = performance.now()
    const workflowId = `by-hand-${round}`
    await temporal.client.workflow.execute('byHand', { taskQueue: temporal.taskQueue, workflowId, args: [100] })
    const third = performance.now()
    // The first round warms both.
    if (round === 0) continue
    ours.push(second - first)
    peer.push(third - second)
    events.ours = (await handle.fetchHistory()).events!.length
    events.peer = (await temporal.client.workflow.getHandle(workflowId).fetchHistory()).events!.length
  }
  return [
    ratio('100-step runbook, time (median of 5)', 'ms', percentile(ours, 0.5), percentile(peer, 0.5), 'by hand', 1.10),
    ratio('100-step runbook, history events', 'events', events.ours, events.peer, 'by hand', 1.10),
  ]
}

async function decisions (temporal: Temporal, tell: (line: string) => void): Promise<Line[]> {
  const gates = 40
  const ours: number[] = []
  const peer: number[] = []
  for (let round = 0; round < 5; round++) {
    tell(`decisions, round ${round + 1} of 5`)
    const input = drillOf(Array.from({ length: gates }, (_, index) => [gate(`go-${index}`), cut(`a-${index}`)]).flat(), { recordEveryMs: 500, runbook: { readOnly: true } })
    await temporal.door.start(input)
    const workflowId = `bare-${round}`
    const bare = await temporal.client.workflow.start('bareGate', { taskQueue: temporal.taskQueue, workflowId, args: [gates] })
    for (let index = 0; index < gates; index++) {
      for (let tries = 0; tries < 500 && !(await temporal.door.status(input.drillId)).waitingFor.some(waiting => waiting.step === `go-${index}`); tries++) await new Promise(resolve => setTimeout(resolve, 5))
      ours.push(await toNextActivity(async () => { await temporal.door.decide(input.drillId, { step: `go-${index}`, answer: 'approve', person: ben, door: 'api', key: String(index) }) }))
      peer.push(await toNextActivity(async () => { await bare.executeUpdate('open') }))
    }
    await bare.result()
    await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'end of bench' }).catch(() => undefined)
  }
  return [0.5, 0.99].map(share => ratio(`decide → next activity, p${share * 100} of ${ours.length}`, 'ms', percentile(ours, share), percentile(peer, share), 'bare Update', 1.25))
}

async function toNextActivity (say: () => Promise<void>): Promise<number> {
  const before = began.length
  const from = performance.now()
  await say()
  while (began.length === before) await new Promise(resolve => setImmediate(resolve))
  return began[before]! - from
}
