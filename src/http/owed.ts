import { Type } from 'typebox'
import { undoInputOf } from '../drill/owed.js'
import type { DrillEvent } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { owed } from '../store/owed.js'
import { allEvents, appendEvents } from '../store/timeline.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillParams, Name } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

const Entry = Type.Object({
  drillId: Type.String(), environment: Type.String(), phase: oneOf(['admission', 'running', 'waiting', 'unwinding', 'ended']), entry: Type.String({ description: 'the step whose action is owed its undo' }), title: Type.String(),
  byHand: Type.String({ description: 'the command for a person' }), state: oneOf(['owed', 'left-behind']), message: Type.Optional(Type.String({ description: 'why it could not be undone' })),
})

/** What drills owe their environments, from the record: also when Temporal has forgotten them. */
export function owedRoutes (app: App, { store, temporal }: AppDeps): void {
  app.get('/v1/owed', {
    config: { right: 'read' },
    schema: {
      operationId: 'listOwed', tags: ['drills'], summary: 'What any drill still owes: of those that run, and what was left behind',
      querystring: Strict({ environment: Type.Optional(Name) }), response: answers({ 200: Type.Object({ owed: Type.Array(Entry) }) }),
    },
  }, async request => ({ owed: await owed(store.pool, request.query) }))

  app.post('/v1/drills/:id/undo', {
    config: { right: 'drill.undo', rateLimit: { max: 60 } },
    schema: {
      operationId: 'undoDrill', tags: ['drills'], summary: 'Undo again what a drill that has ended still owes',
      description: 'From the drill’s record, with or without its workflow. 409 drill.running: abort it instead. 409 drill.settled: it owes nothing.',
      params: DrillParams, querystring: Strict({}), response: answers({ 202: Type.Object({ outcome: oneOf(['undoing', 'already']), entries: Type.Integer() }) }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const input = undoInputOf(await ended(id), `asked by ${personOf(request).name}`)
    if (!input) throw new DrillError('drill.unknown', `there is no record of drill ${id}`)
    if (input.entries.length === 0) throw new DrillError('drill.settled', `drill ${id} owes nothing`)
    const { outcome } = await temporal.undo(input)
    return await reply.code(202).send({ outcome, entries: input.entries.length })
  })

  /**
   * The record of a drill that has ended. Its end on record is the end, though its workflow takes a moment longer to close; and a
   * workflow knows its end a moment before that is on record, which is made good here: twice is as once. Throws `drill.running`.
   */
  async function ended (id: string): Promise<DrillEvent[]> {
    const recorded = await allEvents(store.pool, id)
    if (recorded.some(isEnd) || await temporal.stateOf(id) !== 'running') return recorded
    const missing = await temporal.timeline(id, recorded.length)
    if (!missing.some(isEnd)) throw new DrillError('drill.running', `drill ${id} runs and undoes what it owes by itself; stop it with \`muster abort ${id}\``)
    await appendEvents(store.pool, id, missing)
    return [...recorded, ...missing]
  }
}

function isEnd ({ type }: DrillEvent): boolean {
  return type === 'drill.ended'
}
