import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker'
import { withoutCallStacks } from '../src/temporal/call-stacks.js'
import { startTemporal, type TestTemporal } from '../test/fixtures/temporal.js'
import { World } from '../test/fixtures/world.js'
import type { Bench } from './hold.js'

export interface BenchTemporal extends TestTemporal {
  /** What the activities act on: in memory, so that nothing but the engine takes time. */
  world: World
  /** Resolves with the moment (performance.now()) when the next cut begins. */
  nextCut: () => Promise<number>
}

/** A dev server in memory and one worker of Muster's workflows and their handwritten peers, on the same activities. */
export async function startBenchTemporal ({ hold, tell }: Bench): Promise<BenchTemporal> {
  tell('Temporal starts')
  const temporal = await hold.take(startTemporal(), temporal => temporal.stop())
  const connection = await hold.take(NativeConnection.connect({ address: temporal.address }), connection => connection.close())
  const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)), logger: new DefaultLogger('ERROR') })
  const world = new World()
  const activities = world.activities()
  let waiting: Array<(atMs: number) => void> = []
  await hold.take(run(await withoutCallStacks(async () => await Worker.create({
    connection,
    taskQueue: temporal.taskQueue,
    workflowBundle: { code },
    activities: {
      ...activities,
      'toxiproxy.cut': async (input: never) => {
        const now = performance.now()
        for (const tell of waiting) tell(now)
        waiting = []
        return await activities['toxiproxy.cut']!(input)
      },
    },
  }))), stop => stop())
  return { ...temporal, world, nextCut: () => new Promise(resolve => { waiting.push(resolve) }) }
}

/** @returns what stops it, and waits until it has */
async function run (worker: Worker): Promise<() => Promise<void>> {
  const running = worker.run()
  return async () => {
    // A signal may have told it already: the runtime hears them too.
    if (worker.getState() === 'RUNNING') worker.shutdown()
    await running
  }
}
