import { setTimeout as delay } from 'node:timers/promises'

/** Sends things in order, one at a time, each until it got through; whoever pushes never waits. */
export interface Outbox<T> {
  push: (item: T) => void
  /** What was not delivered yet. */
  waiting: () => T[]
  /** Waits until everything is delivered, but no longer than this; what is left then is given up. */
  drain: (deadlineMs: number) => Promise<void>
}

const slowestRetryMs = 2_000

/** `onFailure` hears of each failed try; it is for a log. */
export function createOutbox<T> (send: (item: T) => Promise<void>, onFailure: (error: unknown) => void = () => {}): Outbox<T> {
  const items: T[] = []
  let sending: Promise<void> | undefined
  const life = { givenUp: false }

  const work = async (): Promise<void> => {
    let pauseMs = 50
    while (items.length > 0 && !life.givenUp) {
      try {
        await send(items[0]!)
        items.shift()
        pauseMs = 50
      } catch (error) {
        onFailure(error)
        await delay(pauseMs, undefined, { ref: false })
        pauseMs = Math.min(slowestRetryMs, pauseMs * 2)
      }
    }
  }

  return {
    push (item) {
      items.push(item)
      sending ??= work().finally(() => { sending = undefined })
    },
    waiting: () => [...items],
    async drain (deadlineMs) {
      const waited = new AbortController()
      await Promise.race([sending, delay(deadlineMs, undefined, { signal: waited.signal }).catch(() => {})])
      waited.abort()
      life.givenUp = true
    },
  }
}

/** Ships rows in batches, best effort: a receiver that is down delays them, and beyond `limit` rows the oldest go. */
export interface Shipment<T> {
  add: (row: T) => void
  /** Ships what has gathered, unless a batch is under way. Never throws. */
  ship: () => Promise<void>
}

export function createShipment<T> (send: (rows: T[]) => Promise<void>, limit = 50_000): Shipment<T> {
  let rows: T[] = []
  let shipping: Promise<void> | undefined

  const batch = async (): Promise<void> => {
    const taken = rows
    rows = []
    try {
      await send(taken)
    } catch {
      // It is tried again with the next batch; the totals of the observation do not depend on it.
      rows = [...taken, ...rows].slice(-limit)
    }
  }

  return {
    add (row) {
      rows.push(row)
      if (rows.length > limit * 1.1) rows = rows.slice(-limit)
    },
    async ship () {
      if (shipping === undefined && rows.length > 0) shipping = batch().finally(() => { shipping = undefined })
      await shipping
    },
  }
}
