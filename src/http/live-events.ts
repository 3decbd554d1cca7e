import type { DrillEvent } from '../drill/timeline.js'
import { followEvents, readEvents } from '../store/timeline.js'
import { isDown } from './current-status.js'
import type { AppDeps } from './deps.js'

interface LiveOptions {
  signal: AbortSignal
  /** After this long without an event `undefined` is given, ms. */
  idleMs: number
  /** How often it is asked whether silence means that the store is down, ms. Default 2000. */
  lookEveryMs?: number
}

/**
 * Events after a number until `drill.ended` or the signal: as the store records them, and while it is down as the workflow holds
 * them. Each once, in order.
 */
export async function * liveEvents ({ store, temporal }: Pick<AppDeps, 'store' | 'temporal'>, drillId: string, after: number, options: LiveOptions): AsyncGenerator<DrillEvent | undefined> {
  const { signal, idleMs, lookEveryMs = 2000 } = options
  const recorded = followEvents(store, drillId, after, signal)
  let seq = after
  let spokeAtMs = Date.now()
  let next = recorded.next()
  // It is waited for below, but a failure in the meantime must not count as unhandled.
  next.catch(() => {})
  try {
    while (!signal.aborted) {
      const result = await first(next, Math.min(lookEveryMs, idleMs))
      let fresh: DrillEvent[] = []
      if (result === 'late') {
        fresh = await isStoreDown() ? await temporal.timeline(drillId, seq).catch(() => []) : []
      } else {
        if (result.done) return
        fresh = [result.value]
        next = recorded.next()
        next.catch(() => {})
      }
      for (const event of fresh) {
        if (event.seq <= seq) continue
        seq = event.seq
        spokeAtMs = Date.now()
        yield event
        if (event.type === 'drill.ended') return
      }
      if (Date.now() - spokeAtMs >= idleMs) {
        spokeAtMs = Date.now()
        yield undefined
      }
    }
  } finally {
    // The follower waits for a notice; its own signal has ended it, or will with the stream.
    recorded.return().catch(() => {})
  }

  async function isStoreDown (): Promise<boolean> {
    return await readEvents(store.pool, drillId, { after: seq, limit: 1 }).then(() => false, isDown)
  }
}

async function first<T> (promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => { timer = setTimeout(() => { resolve('late') }, ms) })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
