import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { startDev } from '../src/dev/dev.js'
import type { DrillInput } from '../src/drill/input.js'
import { DrillError } from '../src/errors.js'
import type { TemporalDoor } from '../src/temporal/door.js'
import { temporalDoor } from '../src/temporal/drills.js'
import { ben, drillOf, gate } from '../test/fixtures/temporal.js'
import type { Bench } from './hold.js'
import { spread, took, type Figure } from './measure.js'

const decided = 200
/** So many are started at a time: an admission waits for its answer. */
const abreast = 20
/** Longest for one start, ms: on a busy machine a hundred others may be before it. */
const admissionMs = 600_000
/** A dev server that is flooded ends a wait before its deadline; asked again, it answers for the drill that it has begun. */
const mostTries = 5

/**
 * Drills that wait at a gate on one real worker, a process of its own: how much memory it takes, and how long a decision takes once it
 * has caught up. 5,000 of them with `--full`, else 300.
 */
export async function waiting ({ hold, tell, full }: Bench): Promise<Figure[]> {
  const count = full ? 5000 : 300
  const root = await hold.folder()
  const dev = await hold.take(startDev({ root, ports: 'free', headless: true, onProgress: tell, people: [{ id: 'ben', name: 'Ben', roles: ['approver'] }] }), dev => dev.stop())
  const connection = await hold.take(Connection.connect({ address: dev.temporalAddress }), connection => connection.close())
  const door = temporalDoor(new Client({ connection }), { taskQueue: 'muster', answerMs: 30_000, admissionMs })
  const memory = (): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${dev.processOf('worker').pid}/status`, 'utf8'))?.[1]) / 1024
  const empty = memory()
  const inputs = Array.from({ length: count }, () => drillOf([gate('go', { deadline: '12h' })]))
  let most = empty
  let next = 0
  const startMs = await took(async () => {
    await Promise.all(Array.from({ length: abreast }, async () => {
      for (let index = next++; index < count; index = next++) {
        await started(door, inputs[index]!)
        most = Math.max(most, memory())
        if (index % Math.ceil(count / 20) === 0) tell(`${index} of ${count} started, the worker has ${Math.round(memory())} MiB`)
      }
    }))
  })
  // Caught up: it answers for the last one that was started, which waits.
  while ((await door.status(inputs.at(-1)!.drillId)).phase !== 'waiting') await delay(100)
  await delay(2000)
  const load = loadavg()[0]!
  const times: number[] = []
  const chosen = Array.from({ length: Math.min(decided, count) }, (_, index) => inputs[Math.floor(index * count / Math.min(decided, count))]!)
  for (const [index, { drillId }] of chosen.entries()) {
    if (index % 50 === 0) tell(`decision ${index} of ${chosen.length}`)
    times.push(await took(async () => await door.decide(drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: 'bench' })))
    most = Math.max(most, memory())
  }
  return [
    { what: `a decision, ${count} drills wait`, unit: 'ms', ours: spread(times), goals: [{ of: 'p99', below: 1000 }], notes: [`all started after ${(startMs / 1000).toFixed(0)} s; load of the machine ${load.toFixed(1)}`] },
    { what: `the worker's memory, ${count} drills wait`, unit: 'MiB', ours: spread([most]), goals: [{ of: 'p50', below: 1024 }], notes: [`${Math.round(empty)} MiB before the first one`] },
  ]
}

async function started (door: TemporalDoor, input: DrillInput): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await door.start(input)
      return
    } catch (error) {
      if (!(error instanceof DrillError && error.code === 'temporal.timeout') || tries === mostTries) throw error
    }
  }
}
