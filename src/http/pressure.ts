import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import type { Right } from '../drill/rights.js'
import { DrillError } from '../errors.js'

interface PressureOptions {
  /** Over how long the delay of the event loop is averaged, ms. */
  sampleMs: number
  /** Above this mean delay work is refused, ms. Delay alone: a loop that is merely well used still answers. */
  maxDelayMs: number
  /** Clock, ms. */
  now: () => number
}

/** Stopping a drill, or all, is never refused for load; nor is knowing that the API lives, or a click that Slack waits for. */
const stops: ReadonlyArray<Right | undefined> = ['drill.abort', 'halt.set']

const usual: PressureOptions = { sampleMs: 1000, maxDelayMs: 2000, now: () => performance.now() }

/**
 * Refuses work with 503 `server.busy` while the process cannot keep up. The samples that reach into the start of the process do not
 * count: reading all the code holds the loop for seconds on a slow machine, and is not load.
 */
export async function refuseUnderPressure (app: FastifyInstance, options: Partial<PressureOptions> = {}): Promise<void> {
  const { sampleMs, maxDelayMs, now } = { ...usual, ...options }
  let readyAtMs = Infinity
  app.addHook('onReady', async () => { readyAtMs = now() })
  await app.register(underPressure, {
    maxEventLoopDelay: maxDelayMs,
    sampleInterval: sampleMs,
    retryAfter: 2,
    pressureHandler: request => {
      // One sample was begun before the end of the start, and is looked at until the next one is whole.
      if (now() < readyAtMs + 2 * sampleMs) return
      const { right } = request.routeOptions.config
      if (stops.includes(right) || request.url.startsWith('/slack/') || request.url === '/livez' || request.url === '/readyz') return
      throw new DrillError('server.busy', 'the API has more to do than it can; running drills go on')
    },
  })
}
