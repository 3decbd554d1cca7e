import type { Progress } from '../drill/progress.js'
import type { DrillEvent } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { isContactLost, type Api } from './api.js'
import { readEventStream } from './event-stream.js'

export type Followed =
  | { kind: 'event', event: DrillEvent }
  /** How far a step is that takes long. */
  | { kind: 'progress', progress: Progress }
  /** `lostSinceMs` by our clock; absent once contact is back. */
  | { kind: 'contact', lostSinceMs?: number, aheadMs?: number }

export interface FollowOptions {
  signal: AbortSignal
  /** How long without a word until contact counts as lost. Default one minute. */
  patienceMs?: number
  /** First pause between two tries; it doubles up to 5 s. Default 250 ms. */
  pauseMs?: number
}

/**
 * The events of a drill from its first to its last, each once and in order, over as many connections as it takes (Last-Event-ID
 * goes on where the one before broke off). Ends after `drill.ended`.
 *
 * @throws DrillError `contact.lost` after a minute without a word; at once what no waiting mends (`drill.unknown`, `auth.*`)
 */
export async function * follow (api: Api, drillId: string, options: FollowOptions): AsyncGenerator<Followed> {
  const { signal, patienceMs = 60_000, pauseMs = 250 } = options
  const path = `v1/drills/${encodeURIComponent(drillId)}/events`
  let last = 0
  let brokenAtMs: number | undefined
  let pause = pauseMs
  for (;;) {
    try {
      const stream = await api.stream(path, { lastEventId: last > 0 ? last : undefined, signal })
      if (stream.isOver) return
      brokenAtMs = undefined
      yield { kind: 'contact', aheadMs: stream.aheadMs }
      for await (const message of readEventStream(stream.chunks)) {
        pause = pauseMs
        const progress = message.kind === 'message' && message.event === 'progress' ? progressFrom(message.data) : undefined
        if (progress !== undefined) yield { kind: 'progress', progress }
        const event = message.kind === 'message' && message.event === undefined ? eventOf(message.data) : undefined
        if (event === undefined || event.seq <= last) continue
        last = event.seq
        yield { kind: 'event', event }
        if (event.type === 'drill.ended') return
      }
    } catch (error) {
      if (signal.aborted) return
      // Never heard at all: a wrong address or a service that is not there, not a break.
      if (error instanceof DrillError && !(mends(error) && last > 0)) throw error
      // Whatever else ends a connection half-way comes from the network: try again.
    }
    if (signal.aborted) return
    brokenAtMs ??= Date.now()
    const silent = Date.now() - brokenAtMs
    if (silent >= patienceMs) {
      throw new DrillError('contact.lost', `nothing was heard from Muster at ${api.url} for ${Math.round(silent / 1000)} s; the drill goes on without this terminal`)
    }
    yield { kind: 'contact', lostSinceMs: brokenAtMs }
    await pauseFor(Math.min(pause, patienceMs - silent), signal)
    pause = Math.min(5000, pause * 2)
  }
}

/** Whether the same request may succeed a moment later. */
function mends (error: DrillError): boolean {
  return isContactLost(error.code) || error.code === 'rate.limited'
}

/** An event, or undefined for a message that is none (the server may say more than events one day). */
function eventOf (data: string): DrillEvent | undefined {
  try {
    const event = JSON.parse(data) as DrillEvent
    return typeof event?.seq === 'number' && typeof event.type === 'string' ? event : undefined
  } catch {
    return undefined
  }
}

function progressFrom (data: string): Progress | undefined {
  try {
    const progress = JSON.parse(data) as Progress
    return typeof progress?.step === 'string' && typeof progress.text === 'string' ? progress : undefined
  } catch {
    return undefined
  }
}

/** A pause that an abort ends. */
function pauseFor (ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
