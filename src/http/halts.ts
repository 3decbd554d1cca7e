import { Type } from 'typebox'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'
import { Name, text } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

const Who = Type.Object({ id: Type.String(), name: Type.String() })
const Halt = Type.Object({
  environment: Type.Optional(Type.String({ description: 'absent: everywhere' })),
  by: Who,
  reason: Type.String(),
  atMs: Type.Number({ description: 'epoch ms' }),
  liftAsked: Type.Optional(Type.Object({ by: Who, reason: Type.String(), atMs: Type.Number() }, { description: 'who wants it lifted; somebody else confirms' })),
})

/** Stop everything, and go on. None of these needs the store beyond the caller's key; asking needs no worker. */
export function haltRoutes (app: App, { temporal }: AppDeps): void {
  app.post('/v1/halts', {
    // A bucket of its own, as for aborting.
    config: { right: 'halt.set', rateLimit: { max: 60 } },
    schema: {
      operationId: 'halt', tags: ['halts'], summary: 'Abort every drill and refuse new ones, everywhere or in one environment',
      description: 'Anybody with a role may. It lasts until two people lift it.',
      querystring: Strict({}), body: Strict({ reason: text(1000, 'Why'), environment: Type.Optional(Name) }, { examples: [{ reason: 'a real incident' }] }),
      response: answers({ 201: Type.Object({ outcome: oneOf(['halted', 'already']), halt: Halt }) }),
    },
  }, async (request, reply) => {
    const { reason, environment } = request.body
    return await reply.code(201).send(await temporal.halt({ environment, reason, by: personOf(request), atMs: Date.now(), door: 'api' }))
  })

  app.get('/v1/halts', {
    config: { right: 'read' },
    schema: { operationId: 'listHalts', tags: ['halts'], summary: 'Halts in force', querystring: Strict({}), response: answers({ 200: Type.Object({ halts: Type.Array(Halt) }) }) },
  }, async () => ({ halts: await temporal.halts() }))

  app.post('/v1/halts/lifting', {
    config: { right: 'halt.lift' },
    schema: {
      operationId: 'liftHalt', tags: ['halts'], summary: 'Lift a halt: the first person asks, a second one lifts',
      querystring: Strict({}), body: Strict({ reason: text(1000, 'Why it may go on'), environment: Type.Optional(Name) }),
      response: answers({ 200: Type.Object({ outcome: oneOf(['asked', 'lifted']) }) }),
    },
  }, async request => await temporal.lift(request.body.environment, { reason: request.body.reason, person: personOf(request) }))
}
