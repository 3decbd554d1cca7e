import type { ProbeSample } from '../../src/drill/observation.js'
import { messageOf } from '../../src/errors.js'
import type { Target } from './targets.js'

export interface ProbeOptions {
  targets: Target[]
  intervalMs: number
  timeoutMs: number
  /** Epoch ms. */
  now: () => number
  /** In order of start, for each target. */
  onSample: (sample: ProbeSample) => void
  /** The probe's own process stood still. */
  onBlind: (span: { fromMs: number, toMs: number, reason: string }) => void
}

interface Pending { sample?: ProbeSample, void?: boolean }

/** Longest error text of a sample. */
const errorLength = 200

/**
 * Asks every target at every interval, on time: one that hangs keeps neither its own next sample nor another target's waiting.
 * A tick that comes late is not made up for; one that comes very late says that nobody was looking.
 */
export function startProbe (options: ProbeOptions): { stop: () => Promise<void> } {
  const { targets, intervalMs, timeoutMs, now } = options
  const queues = new Map(targets.map(target => [target.name, [] as Pending[]]))
  const running = new Set<Promise<void>>()
  const blindAfterMs = Math.max(5 * intervalMs, 1_000)
  let due = now()
  let lastTickMs = due
  let timer: NodeJS.Timeout | undefined

  const settle = (queue: Pending[]): void => {
    for (let first = queue[0]; first?.sample; first = queue[0]) {
      queue.shift()
      if (!first.void) options.onSample(first.sample)
    }
  }

  const ask = async (target: Target): Promise<void> => {
    const queue = queues.get(target.name)!
    const pending: Pending = {}
    queue.push(pending)
    const atMs = now()
    const from = performance.now()
    let error: string | undefined
    try {
      await withDeadline(target.ask(timeoutMs), timeoutMs)
    } catch (cause) {
      error = (messageOf(cause) || 'failed').slice(0, errorLength)
    }
    const latencyMs = Math.round((performance.now() - from) * 100) / 100
    pending.sample = error === undefined ? { target: target.name, atMs, latencyMs, ok: true } : { target: target.name, atMs, latencyMs, ok: false, error }
    settle(queue)
  }

  const tick = (): void => {
    const atMs = now()
    if (atMs - due > blindAfterMs) {
      options.onBlind({ fromMs: lastTickMs, toMs: atMs, reason: 'the process of the probe stood still' })
      // What was in flight meanwhile was not answered late: nobody was there to hear it.
      for (const queue of queues.values()) for (const pending of queue) pending.void = true
    }
    lastTickMs = atMs
    for (const target of targets) {
      const asked = ask(target).finally(() => { running.delete(asked) })
      running.add(asked)
    }
    // A clock that was set back must not leave a hole as long as its step.
    if (due - atMs > intervalMs) due = atMs
    due += intervalMs * Math.max(1, Math.ceil((atMs - due + 1) / intervalMs))
    timer = setTimeout(tick, Math.min(intervalMs, Math.max(0, due - now())))
  }
  tick()

  return {
    async stop () {
      clearTimeout(timer)
      await Promise.all(running)
    },
  }
}

/** A target keeps its own deadline and says what hung; this one only makes sure that there is one. */
async function withDeadline (asked: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([asked, new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { reject(new Error(`no answer within ${deadlineMs} ms`)) }, deadlineMs + 20)
    })])
  } finally {
    clearTimeout(timer)
  }
}
