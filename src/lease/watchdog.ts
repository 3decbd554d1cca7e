import { setTimeout as delay } from 'node:timers/promises'
import { hostname } from 'node:os'
import { sendSignal } from '../control/proc.js'
import type { Lease } from '../drill/lease.js'
import { messageOf } from '../errors.js'
import { deedText } from './acting.js'
import type { LeaseFolder } from './folder.js'

export interface WatchdogDeps {
  folder: LeaseFolder
  /** Undoes the fault and looks: a line of what was done and seen. Throws where its verification does not pass. */
  revert: (lease: Lease, signal: AbortSignal) => Promise<string>
  log: (message: string, fields?: Record<string, unknown>) => void
  /** How often it looks, ms. Default 50. */
  everyMs?: number
}

export interface Watchdog {
  /** Reverts whatever is held or taken, waits until it is proven, and ends. */
  stop: (reason: string) => Promise<void>
  /** Number of leases that are held or taken now. */
  duties: () => number
}

const keptMs = 7 * 24 * 3_600_000

/**
 * Reverts every fault whose lease was not renewed in its time. A renewal is a change of the file's time and its age is counted by this
 * process's own steady clock, so a wall clock that jumps neither reverts nor keeps anything. What another watchdog left half-done
 * is finished first.
 */
export function startWatchdog ({ folder, revert, log, everyMs = 50 }: WatchdogDeps): Watchdog {
  // What a lease says is read once: it is looked at twenty times a second, and only its file's time ever changes.
  const seen = new Map<string, { mark: number, sinceMs: number, heldSinceMs: number } & Pick<Lease, 'leaseMs' | 'mostMs'>>()
  const reverting = new Map<string, Promise<void>>()
  const aborted = new AbortController()
  const { watchdog } = folder

  const begin = (key: string, lease: Lease, reason: string): void => {
    if (reverting.has(key)) return
    reverting.set(key, carryOut(key, lease, reason).finally(() => { reverting.delete(key) }))
  }

  const carryOut = async (key: string, lease: Lease, reason: string): Promise<void> => {
    log(`reverting ${lease.action} of step ${lease.stepId}: ${reason}`, { drillId: lease.drillId })
    await actorsGone(lease)
    for (let tries = 0; ; tries++) {
      try {
        const summary = await revert(lease, aborted.signal)
        watchdog.settle(key, { ...lease, revertedAtMs: Date.now(), reason, summary, by: { pid: process.pid, host: hostname() } })
        log(`reverted ${lease.action} of step ${lease.stepId}: ${summary}`, { drillId: lease.drillId })
        return
      } catch (error) {
        log(`not reverted yet, try ${tries + 1}: ${messageOf(error)}`, { drillId: lease.drillId })
        if (aborted.signal.aborted) return
        await delay(Math.min(250 * 2 ** tries, 10_000))
      }
    }
  }

  /**
   * What acts for the drill now must end first, and does so by itself as long as it moves: a worker has other drills too. Who has not
   * moved for a whole lease is ended: thawed later, it would act against this undo.
   */
  const actorsGone = async ({ drillId, leaseMs }: Lease): Promise<void> => {
    const still = new Map<string, { mark: number, sinceMs: number }>()
    for (;;) {
      const actors = watchdog.actors(drillId)
      if (actors.length === 0) return
      const now = performance.now()
      for (const { key, mark, ...actor } of actors) {
        const last = still.get(key)
        if (last?.mark !== mark) still.set(key, { mark, sinceMs: now })
        else if (now - last.sinceMs > leaseMs) {
          log(`ending process ${actor.pid}: it is at the ${deedText(actor)} and has not moved for ${leaseMs / 1000} s`, { drillId })
          sendSignal(actor, 'SIGKILL')
        }
      }
      await delay(20)
    }
  }

  const look = (): void => {
    watchdog.actors()
    for (const { key, lease } of watchdog.taken()) begin(key, lease, 'a watchdog before this one had begun it')
    const now = performance.now()
    const held = watchdog.held()
    for (const { key, mark } of held) {
      const last = seen.get(key)
      if (last === undefined) {
        const lease = watchdog.read(key)
        if (lease === undefined) continue
        const { leaseMs, mostMs, heldSinceMs } = lease
        // The age that a lease had when it was first seen is the wall clock's word; from then on time is counted here.
        seen.set(key, { mark, sinceMs: now, heldSinceMs: now - Math.max(0, Date.now() - heldSinceMs), leaseMs, mostMs })
        watchdog.arm(key)
        continue
      }
      if (last.mark !== mark) {
        Object.assign(last, { mark, sinceMs: now })
        // Written anew, by another try of the step, it is not armed yet.
        watchdog.arm(key)
      }
      if (now - last.heldSinceMs > (last.mostMs ?? Infinity)) {
        takeOver(key, `its fault had stayed for ${last.mostMs! / 1000} s, the longest that it may`)
      } else if (now - last.sinceMs > last.leaseMs) {
        takeOver(key, `its lease of ${last.leaseMs / 1000} s was not renewed`)
      }
    }
    for (const key of seen.keys()) if (!held.some(one => one.key === key)) seen.delete(key)
  }

  const takeOver = (key: string, reason: string): void => {
    const lease = watchdog.take(key)
    seen.delete(key)
    if (lease) begin(key, lease, reason)
  }

  const stopped = new AbortController()
  const loop = (async () => {
    for (let turn = 0; !stopped.signal.aborted; turn++) {
      try {
        look()
        if (turn % 10_000 === 0) watchdog.forget(keptMs)
      } catch (error) {
        log(`could not look: ${messageOf(error)}`)
      }
      await delay(everyMs)
    }
  })()

  return {
    duties: () => watchdog.held().length + watchdog.taken().length,
    async stop (reason) {
      stopped.abort()
      await loop
      for (const { key } of watchdog.held()) takeOver(key, reason)
      // One that hangs does not hold the process for ever; the next watchdog goes on.
      const last = setTimeout(() => { aborted.abort() }, 60_000)
      await Promise.all(reverting.values())
      clearTimeout(last)
    },
  }
}
