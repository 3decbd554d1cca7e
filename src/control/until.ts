import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  everyMs: number
  deadlineMs: number
  signal?: AbortSignal
}

/**
 * Asks until the answer is something, and returns it; undefined once the deadline has passed. It asks at once, and once more at
 * the deadline. Aborting throws the signal's reason.
 */
export async function until<T> (ask: () => T | undefined | Promise<T | undefined>, { everyMs, deadlineMs, signal }: UntilOptions): Promise<T | undefined> {
  const end = performance.now() + deadlineMs
  for (;;) {
    signal?.throwIfAborted()
    const answer = await ask()
    if (answer !== undefined) return answer
    const left = end - performance.now()
    if (left <= 0) return undefined
    await sleep(Math.min(everyMs, left), undefined, { signal })
  }
}

/** Tries until it succeeds. Throws what the last try threw once the deadline has passed; aborting throws the signal's reason. */
export async function retrying<T> (attempt: () => Promise<T>, options: UntilOptions): Promise<T> {
  let failure: unknown
  const succeeded = await until(async () => {
    try {
      return { value: await attempt() }
    } catch (error) {
      failure = error
      return undefined
    }
  }, options)
  if (!succeeded) throw failure
  return succeeded.value
}
