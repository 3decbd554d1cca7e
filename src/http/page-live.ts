import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { drawAsks, drawRegions, type Regions } from '../pages/index.js'
import { personOf } from './auth.js'
import type { Board, Scene } from './board.js'
import { assertKnown } from './current-status.js'
import type { App } from './deps.js'
import { linksOf } from './page-run.js'
import { pageConfig, type PageParts } from './page-parts.js'
import { Strict } from './schemas/answers.js'
import { DrillParams } from './schemas/ids.js'
import type { Streams } from './stream.js'

/** How often it is asked whether whoever listens is still signed in, ms. */
const askMs = 15_000

/**
 * `/drills/ID/live`: the regions of the run page as they change, as server-sent events. Each connection begins with all of them, so
 * nothing is lost over a restart; `over` is said when the drill has ended, and the page is its report.
 */
export function livePage (app: App, parts: PageParts, board: Board, streams: Streams): void {
  const { sessions, config } = parts
  /** Drawn once for all who look. */
  const drawn = new WeakMap<Scene, Regions>()
  const draw = (scene: Scene, id: string): Regions => {
    const known = drawn.get(scene)
    if (known) return known
    const regions = drawRegions({ ...scene, links: linksOf(config, id) })
    drawn.set(scene, regions)
    return regions
  }

  app.get('/drills/:id/live', {
    exposeHeadRoute: false,
    config: pageConfig(sessions, 'read'),
    schema: { hide: true, params: DrillParams, querystring: Strict({}) },
  }, async (request, reply) => {
    const { id } = request.params
    await assertKnown(parts, id)
    const { signal, close } = streams.open(personOf(request).id)
    const body = Readable.from(messages(request, id, signal), { objectMode: false, highWaterMark: 16 * 1024 })
    body.once('close', close)
    request.raw.once('close', close)
    return await reply.header('x-accel-buffering', 'no').type('text/event-stream').send(body)
  })

  async function * messages (request: FastifyRequest, id: string, signal: AbortSignal): AsyncGenerator<string> {
    // At once, so that the reader knows that it is connected; not all of them come back in the same moment after a restart.
    yield `: THIS IS A DRILL\nretry: ${1000 + Math.round(Math.random() * 2000)}\n\n`
    const sent = new Map<string, string>()
    const formToken = sessions.formTokenOf(request)
    let askedAtMs = Date.now()
    let person = personOf(request)
    try {
      for await (const scene of board.watch(id, signal)) {
        if (Date.now() - askedAtMs >= askMs) {
          person = await sessions.personOf(request)
          askedAtMs = Date.now()
        }
        if (!scene) {
          yield ': alive\n\n'
          continue
        }
        if (scene.status.phase === 'ended') {
          yield 'event: over\ndata: {}\n\n'
          return
        }
        const regions: Regions = { ...draw(scene, id), asks: drawAsks(scene.events, scene.status, { person, formToken }) }
        const changed = Object.entries(regions).filter(([name, html]) => sent.get(name) !== html)
        for (const [name, html] of changed) sent.set(name, html)
        yield changed.length === 0 ? ': alive\n\n' : `data: ${JSON.stringify({ now: Date.now(), regions: Object.fromEntries(changed) })}\n\n`
      }
    } catch (error) {
      // The answer has begun, so there is no status left to say it with; the page comes again, and is told then.
      app.log.info({ err: error, drillId: id }, 'live page broke off')
    }
  }
}
