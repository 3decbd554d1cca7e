import { Type } from 'typebox'
import type { DrillEvent } from '../drill/timeline.js'
import { findDrill } from '../store/drills.js'
import { exportTimeline, readEvents } from '../store/timeline.js'
import { assertKnown, insteadOfStore } from './current-status.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillParams } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

/** An event as it is recorded; what else it holds depends on its type (src/drill/timeline.ts). */
export const Event = Type.Unsafe<DrillEvent>(Type.Object({ seq: Type.Integer(), atMs: Type.Number(), type: Type.String() }, { additionalProperties: true }))

/** The ordered events of a drill: what happened, as data, and with the hashes that prove it. */
export function timelineRoutes (app: App, deps: AppDeps): void {
  const { store, temporal } = deps

  app.get('/v1/drills/:id/timeline', {
    config: { right: 'read' },
    schema: {
      operationId: 'drillTimeline', tags: ['drills'], summary: 'Events of a drill, a page of them', params: DrillParams,
      querystring: Strict({ after: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }), limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500 }) }),
      response: answers({ 200: Type.Object({ drillId: Type.String(), source: oneOf(['store', 'temporal']), events: Type.Array(Event), next: Type.Optional(Type.Integer({ description: '`after` of the next page, where there may be one' })) }) }),
    },
  }, async request => {
    const { id } = request.params
    const { after, limit } = request.query
    const { source, events } = await page(id, after, limit)
    return { drillId: id, source, events, ...(events.length === limit ? { next: events.at(-1)!.seq } : {}) }
  })

  app.get('/v1/drills/:id/export', {
    config: { right: 'read' },
    schema: {
      operationId: 'exportDrill', tags: ['drills'], summary: 'The whole timeline with its hash chain, for `muster verify`', params: DrillParams, querystring: Strict({}),
      response: answers({ 200: Type.Object({ drillId: Type.String(), events: Type.Array(Type.Object({ event: Event, hash: Type.String() })), head: Type.String() }) }),
    },
  }, async (request, reply) => {
    await assertKnown(deps, request.params.id)
    const exported = await exportTimeline(store.pool, request.params.id)
    reply.header('content-disposition', `attachment; filename="${request.params.id.replaceAll(':', '-')}.timeline.json"`)
    return exported
  })

  async function page (id: string, after: number, limit: number): Promise<{ source: 'store' | 'temporal', events: DrillEvent[] }> {
    try {
      const events = await readEvents(store.pool, id, { after, limit })
      if (events.length > 0) return { source: 'store', events }
      await assertKnown(deps, id)
      return { source: 'store', events }
    } catch (error) {
      const events = await insteadOfStore(error, async () => await temporal.timeline(id, after))
      return { source: 'temporal', events: events.slice(0, limit) }
    }
  }
}

/**
 * All events of a drill so far: of the record, or where that is away or has nothing yet, of the workflow. Empty where the drill is
 * asked for and not taken up. @throws DrillError `drill.unknown`
 */
export async function recordedEvents ({ store, temporal }: Pick<AppDeps, 'store' | 'temporal'>, id: string): Promise<DrillEvent[]> {
  try {
    const events: DrillEvent[] = []
    for (let more = true; more;) {
      const page = await readEvents(store.pool, id, { after: events.at(-1)?.seq ?? 0 })
      events.push(...page)
      more = page.length === 1000
    }
    if (events.length > 0) return events
    const reserved = await findDrill(store.pool, id)
    return await temporal.timeline(id, 0).catch((error: unknown) => {
      if (reserved) return []
      throw error
    })
  } catch (error) {
    return await insteadOfStore(error, async () => await temporal.timeline(id, 0))
  }
}
