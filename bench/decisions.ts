import { ben, cut, drillOf, gate } from '../test/fixtures/temporal.js'
import type { Bench } from './hold.js'
import { spread, type Figure } from './measure.js'
import { startBenchTemporal, type BenchTemporal } from './temporal.js'

const gates = 40
const rounds = 5

/** A person's decision to the beginning of the next activity, beside a bare Update to the same. */
export async function decisions (bench: Bench): Promise<Figure[]> {
  const temporal = await startBenchTemporal(bench)
  const { door, client, taskQueue } = temporal
  const ours: number[] = []
  const peer: number[] = []
  for (let round = 0; round <= rounds; round++) {
    bench.tell(round === 0 ? 'once to warm up' : `round ${round} of ${rounds}, ${gates} decisions each`)
    const steps = Array.from({ length: gates }, (_, index) => [gate(`go-${index}`, { deadline: '60s' }), cut(`a-${index}`)]).flat()
    const input = drillOf(steps, { recordEveryMs: 500, runbook: { readOnly: true } })
    await door.start(input)
    const bare = await client.workflow.start('bareGate', { taskQueue, workflowId: `bare-${round}`, args: [gates] })
    for (let index = 0; index < gates; index++) {
      await opened(temporal, input.drillId, `go-${index}`)
      const decidedMs = await toNextCut(temporal, () => door.decide(input.drillId, { step: `go-${index}`, answer: 'approve', person: ben, door: 'api', key: String(index) }))
      await quiet()
      const updatedMs = await toNextCut(temporal, () => bare.executeUpdate('open'))
      await quiet()
      if (round === 0) continue
      ours.push(decidedMs)
      peer.push(updatedMs)
    }
    await Promise.all([bare.result(), client.workflow.getHandle(input.drillId).result()])
  }
  return [{
    what: 'decide → next activity begins', unit: 'ms', ours: spread(ours), peer: { name: 'bare Update → activity', ...spread(peer) },
    goals: [{ of: 'p50', ratio: 1.25 }, { of: 'p99', ratio: 1.25 }], notes: [],
  }]
}

async function toNextCut ({ nextCut }: BenchTemporal, say: () => Promise<unknown>): Promise<number> {
  const next = nextCut()
  const from = performance.now()
  const [atMs] = await Promise.all([next, say()])
  return atMs - from
}

/** A gate is answered when people have seen it: it is on the record, and nothing else of the drill is under way. */
async function opened ({ world }: BenchTemporal, drillId: string, step: string): Promise<void> {
  const end = Date.now() + 20_000
  while (!world.recorded.get(drillId)?.some(event => event?.type === 'gate.opened' && event.step === step)) {
    if (Date.now() > end) throw new Error(`gate ${step} did not open within 20 s`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await quiet()
}

/** Long enough for the last workflow task to be over: both sides begin at rest. */
async function quiet (): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 25))
}
