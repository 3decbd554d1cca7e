import { setTimeout as sleep } from 'node:timers/promises'

/** Lets at most so many through each second, evenly, in the order of asking; the first at once. Throws when the signal aborts. */
export function pacer (perSecond: number): (signal?: AbortSignal) => Promise<void> {
  const gapMs = 1000 / perSecond
  let next = 0
  return async signal => {
    const now = performance.now()
    const at = Math.max(now, next)
    next = at + gapMs
    if (at > now) await sleep(at - now, undefined, { signal })
  }
}
