import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { mayProgress } from '../drill/progress.js'
import { foldStatus, type DrillStatus } from '../drill/status.js'
import { DrillError } from '../errors.js'
import { findDrill, recordedStatus } from '../store/drills.js'
import { personOf } from './auth.js'
import { assertKnown, isDown } from './current-status.js'
import type { App, AppDeps } from './deps.js'
import { liveEvents } from './live-events.js'
import type { Metrics } from './metrics.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillParams } from './schemas/ids.js'

/** The streams that are open in this process. */
export interface Streams {
  /** A place for one more. @throws DrillError `rate.limited` */
  open: (person: string) => { signal: AbortSignal, close: () => void }
  closeAll: () => void
}

/** @param perPerson streams that one person may hold at once */
export function openStreams (perPerson: number, { streams: gauge }: Pick<Metrics, 'streams'>): Streams {
  const open = new Map<AbortController, string>()
  return {
    open (person) {
      const held = [...open.values()].filter(holder => holder === person).length
      if (held >= perPerson) throw new DrillError('rate.limited', `you have ${held} event streams open already; close one`)
      const controller = new AbortController()
      open.set(controller, person)
      gauge.set(open.size)
      return {
        signal: controller.signal,
        close: () => {
          controller.abort()
          open.delete(controller)
          gauge.set(open.size)
        },
      }
    },
    closeAll () {
      for (const controller of open.keys()) controller.abort()
    },
  }
}

export const heartbeatMs = 15_000
/** How often it is asked how far a step is that takes long. */
const progressMs = 2_000

/** Fastify's way to say of which type an answer is. */
const Stream = { description: 'The stream', content: { 'text/event-stream': { schema: Type.String() } } } as unknown as ReturnType<typeof Type.Unsafe<Readable>>

/** Live progress as server-sent events. */
export function streamRoutes (app: App, deps: AppDeps, streams: Streams): void {
  app.get('/v1/drills/:id/events', {
    exposeHeadRoute: false,
    config: { right: 'read' },
    schema: {
      operationId: 'followDrill', tags: ['drills'], summary: 'Events of a drill as they happen (server-sent events)',
      description: 'Each message is one event, its id the event’s number; Last-Event-ID goes on after it. Messages `event: progress`, without an id, say every 2 s how far the step is that runs: a load, a suite, a backup, a restore. A comment comes every 15 s. The stream ends after `drill.ended`; asked again after that, it answers 204.',
      params: DrillParams, querystring: Strict({}),
      headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ pattern: '^\\d{1,9}$', description: 'the number of an event' })) }),
      response: answers({ 200: Stream, 204: Type.Unsafe<undefined>({ type: 'null', description: 'The drill has ended, and all of it was heard' }) }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const after = Number(request.headers['last-event-id'] ?? 0)
    await assertKnown(deps, id)
    if (after > 0 && await isAllHeard(id, after)) return await reply.code(204).send(undefined)
    const { signal, close } = streams.open(personOf(request).id)
    const body = Readable.from(messages(id, after, signal), { objectMode: false, highWaterMark: 16 * 1024 })
    // However it ends: the drill is over, the reader went away, or the server stops.
    body.once('close', close)
    request.raw.once('close', close)
    // Keeps proxies from gathering events before they pass them on.
    return await reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type('text/event-stream').send(body)
  })

  async function isAllHeard (id: string, after: number): Promise<boolean> {
    const drill = await findDrill(deps.store.pool, id).catch((error: unknown) => { if (!isDown(error)) throw error })
    return drill?.phase === 'ended' && after >= drill.lastSeq
  }

  async function statusBefore (id: string): Promise<DrillStatus | undefined> {
    try {
      return await recordedStatus(deps.store.pool, id)
    } catch (error) {
      if (isDown(error)) return undefined
      throw error
    }
  }

  async function * messages (id: string, after: number, signal: AbortSignal): AsyncGenerator<string> {
    // At once, so that the reader knows that it is connected.
    yield ': THIS IS A DRILL\nretry: 2000\n\n'
    try {
      let status = after > 0 ? await statusBefore(id) : undefined
      let spokeAtMs = Date.now()
      for await (const event of liveEvents(deps, id, after, { signal, idleMs: progressMs })) {
        if (event !== undefined && event.seq > (status?.seq ?? 0)) status = foldStatus(status, event)
        // What is not known, as the store is down, may progress.
        const progress = event === undefined && (status === undefined || mayProgress(status)) ? await deps.temporal.progress(id).catch(() => []) : []
        if (event === undefined && progress.length === 0 && Date.now() - spokeAtMs < heartbeatMs) continue
        spokeAtMs = Date.now()
        if (event !== undefined) yield `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`
        else if (progress.length === 0) yield ': alive\n\n'
        // Without an id: whoever comes again goes on after the last event.
        else yield progress.map(one => `event: progress\ndata: ${JSON.stringify(one)}\n\n`).join('')
      }
    } catch (error) {
      // The answer has begun, so there is no status left to say it with; the reader comes again by itself.
      app.log.error({ err: error, drillId: id }, 'event stream broke off')
    }
  }
}
