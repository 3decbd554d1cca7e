import type { Step } from '../src/drill/runbook.js'
import { cut, drillOf } from '../test/fixtures/temporal.js'
import type { Bench } from './hold.js'
import { spread, took, type Figure } from './measure.js'
import { startBenchTemporal, type BenchTemporal } from './temporal.js'

const count = 100
const rounds = 11
/** Ours is more code than the peer's: both must be compiled before either is measured. A worker in production is warm. */
const warmUps = 4

const look = (index: number): Step => ({ id: `look-${index}`, kind: 'check', check: 'http.ok', with: { url: 'http://127.0.0.1:1' } })

/**
 * Runbooks of a hundred steps beside handwritten workflows: checks, which owe nothing, beside as many activities in a row; and
 * actions, each of which is undone at the end, beside a saga that does the same.
 */
export async function steps (bench: Bench): Promise<Figure[]> {
  const temporal = await startBenchTemporal(bench)
  return [
    ...await compare(bench, temporal, { title: `${count} checks`, step: look, peer: 'byHand', peerName: `handwritten workflow, ${count} activities in a row` }),
    ...await compare(bench, temporal, { title: `${count} actions and their undos`, step: index => cut(`a-${index}`), peer: 'sagaByHand', peerName: `handwritten saga, ${count} activities and ${count} undos` }),
  ]
}

interface Comparison { title: string, step: (index: number) => Step, peer: string, peerName: string }

async function compare ({ tell }: Bench, temporal: BenchTemporal, { title, step, peer, peerName }: Comparison): Promise<Figure[]> {
  const times: { ours: number[], peer: number[] } = { ours: [], peer: [] }
  const events: { ours: number[], peer: number[] } = { ours: [], peer: [] }
  let counts = { ours: '', peer: '' }
  for (let round = 1 - warmUps; round <= rounds; round++) {
    tell(`${title}, ${round < 1 ? 'to warm up' : `round ${round} of ${rounds}`}`)
    // As the API starts a drill, with the default pause between records.
    const input = drillOf(Array.from({ length: count }, (_, index) => step(index)), { recordEveryMs: 500, runbook: { readOnly: true } })
    const workflowId = `${peer}-${round}`
    const measured = await inTurn(round, {
      ours: async () => {
        await temporal.door.start(input)
        await temporal.client.workflow.getHandle(input.drillId).result()
      },
      peer: () => temporal.client.workflow.execute(peer, { taskQueue: temporal.taskQueue, workflowId, args: [count] }),
    })
    if (round < 1) continue
    times.ours.push(measured.ours)
    times.peer.push(measured.peer)
    const ourTypes = await historyOf(temporal, input.drillId)
    const peerTypes = await historyOf(temporal, workflowId)
    events.ours.push(ourTypes.length)
    events.peer.push(peerTypes.length)
    counts = { ours: countsOf(ourTypes), peer: countsOf(peerTypes) }
  }
  const against = (what: string, unit: Figure['unit'], values: { ours: number[], peer: number[] }, notes: string[]): Figure =>
    ({ what, unit, ours: spread(values.ours), peer: { name: peerName, ...spread(values.peer) }, goals: [{ of: 'p50', ratio: 1.1 }], notes })
  return [
    against(`${title}: time`, 'ms', times, []),
    against(`${title}: history`, 'events', events, [`ours, last round: ${counts.ours}`, `peer, last round: ${counts.peer}`]),
  ]
}

/** Both, the first of them in turn: whoever comes second finds the machine as the other left it. ms each */
async function inTurn (round: number, work: Record<'ours' | 'peer', () => Promise<unknown>>): Promise<Record<'ours' | 'peer', number>> {
  const ms = { ours: 0, peer: 0 }
  for (const who of round % 2 === 0 ? ['ours', 'peer'] as const : ['peer', 'ours'] as const) ms[who] = await took(work[who])
  return ms
}

/** Types of the events of a history, such as ActivityTaskScheduled: which say what a difference is made of. */
async function historyOf ({ client }: BenchTemporal, workflowId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  return (events ?? []).map(event => Object.keys(event).find(key => key.endsWith('EventAttributes'))!.replace('EventAttributes', ''))
}

function countsOf (types: string[]): string {
  const counts = new Map<string, number>()
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([type, count]) => `${type} ${count}`).join(', ')
}
