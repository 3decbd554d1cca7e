import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../src/control/until.js'
import { isAlive, kill } from '../src/dev/process.js'
import { killStore, storeFolder } from '../src/dev/store.js'
import type { Kind } from './moment.js'
import { tried, type Stage } from './stage.js'

/** What was done to a drill. */
export interface Struck {
  /** Leases that were held when the worker died, with nobody to renew them. */
  heldAtDeath: string[]
  revertedAfterMs?: number
  /** What must be done once the drill has ended, so that the next one can begin. */
  after?: () => Promise<void>
}

/** How long the store stays away, ms. */
const storeAwayMs = 4_000
/** Longest wait for the watchdog beyond the lease, ms: an old primary is rewound in it. */
const revertWithinMs = 90_000

/** Does it, at the moment, which waits where it can; and brings back what was killed. */
export async function strike (stage: Stage, drillId: string, kind: Kind): Promise<Struck> {
  const { dev } = stage
  const nothing: Struck = { heldAtDeath: [] }
  switch (kind) {
    // The interceptor has done it.
    case 'fail': case 'repeat': return nothing
    case 'worker-before': case 'worker-in': case 'worker-after':
      await workerGone(stage)
      await dev.again('worker')
      return nothing
    case 'alone-before': case 'alone-in': case 'alone-after': {
      await workerGone(stage)
      const diedAtMs = performance.now()
      const { watchdog } = stage.leases
      const heldAtDeath = watchdog.held().map(({ key }) => key)
      const reverted = await until(() => (watchdog.held().length + watchdog.taken().length === 0) || undefined, { everyMs: 20, deadlineMs: revertWithinMs })
      if (!reverted) throw new Error(`nobody came for the dead worker, and the watchdog has not reverted ${heldAtDeath.join(', ')} within ${revertWithinMs / 1000} s`)
      const revertedAfterMs = heldAtDeath.length === 0 ? undefined : Math.round(performance.now() - diedAtMs)
      await dev.again('worker')
      return { heldAtDeath, revertedAfterMs }
    }
    case 'watchdog':
      kill(dev.processOf('watchdog'))
      stage.goOn()
      await dev.again('watchdog')
      return nothing
    case 'api':
      kill(dev.processOf('server'))
      stage.goOn()
      await dev.again('server')
      return nothing
    case 'temporal':
      kill(dev.processOf('temporal'))
      stage.goOn()
      await dev.again('temporal')
      return nothing
    case 'store':
      killStore(storeFolder(stage.root))
      stage.goOn()
      await delay(storeAwayMs)
      await dev.again('store')
      return nothing
    case 'abort':
      await stage.others[0]!.post(`/v1/drills/${drillId}/abort`, { reason: 'chaos' })
      stage.goOn()
      return nothing
    case 'terminate':
      await stage.temporal.workflow.getHandle(drillId).terminate('chaos')
      stage.goOn()
      return nothing
    case 'halt': {
      const environment = stage.lab.name
      await stage.others[0]!.post('/v1/halts', { reason: 'chaos', environment })
      stage.goOn()
      return {
        ...nothing,
        after: async () => { for (const person of [stage.ana, stage.others[0]!]) await tried(async () => await person.post('/v1/halts/lifting', { reason: 'chaos is over', environment })) },
      }
    }
  }
}

/** Where the interceptor has not done it, because nothing ran that it could interrupt. */
async function workerGone ({ dev }: Stage): Promise<void> {
  const worker = dev.processOf('worker')
  const died = await until(() => !isAlive(worker) || undefined, { everyMs: 10, deadlineMs: 1_000 })
  if (died) return
  kill(worker)
  if (!await until(() => !isAlive(worker) || undefined, { everyMs: 10, deadlineMs: 10_000 })) throw new Error('the worker did not die')
}
