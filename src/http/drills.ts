import { Type } from 'typebox'
import { listDrills } from '../store/drills.js'
import { personOf } from './auth.js'
import { currentStatus } from './current-status.js'
import type { App, AppDeps } from './deps.js'
import type { Wanted } from './preparing.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillLine } from './schemas/drill-line.js'
import { DrillParams, Name } from './schemas/ids.js'
import { oneOf, Status, Verdict } from './schemas/status.js'
import { startDrill, urlOf } from './starting.js'

const Refusal = Type.Object({ code: Type.String(), message: Type.String() })
const Started = Type.Object({ drillId: Type.String(), url: Type.String(), admission: Type.Object({ admitted: Type.Boolean(), reasons: Type.Array(Refusal) }) })

/** What starts a drill, and what is planned. Parameters are checked against the runbook's own declarations. */
export const WantedBody = Strict({
  runbook: Name,
  environment: Name,
  params: Type.Optional(Type.Record(Type.String({ maxLength: 100 }), Type.Union([Type.String({ maxLength: 1000 }), Type.Number(), Type.Boolean()]), { maxProperties: 100 })),
  production: Type.Optional(Type.Boolean({ description: 'The explicit opt-in that an environment of tier production asks for' })),
  rehearse: Type.Optional(Type.Boolean({ description: 'Gates, tasks and messages for real; what would touch something is only announced' })),
}, { examples: [{ runbook: 'database-primary-failure', environment: 'lab', params: { fault: 'kill' } }] })

const Filters = Strict({
  runbook: Type.Optional(Name),
  environment: Type.Optional(Name),
  verdict: Type.Optional(Verdict),
  state: Type.Optional(oneOf(['running', 'waiting', 'ended'])),
  from: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e15, description: 'Asked for at or after, epoch ms' })),
  to: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e15, description: 'Asked for before, epoch ms' })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,500}$', description: 'the `next` of the page before' })),
})

/** Start a drill, list drills, ask for one. */
export function drillRoutes (app: App, deps: AppDeps): void {
  const { store, config } = deps

  app.post('/v1/drills', {
    config: { right: 'drill.start' },
    schema: {
      operationId: 'startDrill', tags: ['drills'], summary: 'Start a drill',
      description: 'Answers once preflight is over: 201, or a refusal with every reason and nothing touched. With an Idempotency-Key the same request again answers 200 with the same drill. 504: no worker answered; the drill waits for one, its id is in the details.',
      querystring: Strict({}), body: WantedBody,
      headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$', description: '1 to 200 visible characters' })) }),
      response: answers({ 200: Started, 201: Started }),
    },
  }, async (request, reply) => {
    const wanted: Wanted = request.body
    const { drillId, admission, again } = await startDrill({ ...deps, log: request.log }, personOf(request), wanted, request.headers['idempotency-key'])
    return await reply.code(again ? 200 : 201).send({ drillId, url: urlOf(config, drillId), admission })
  })

  app.get('/v1/drills', {
    config: { right: 'read' },
    schema: { operationId: 'listDrills', tags: ['drills'], summary: 'Drills, the newest first', querystring: Filters, response: answers({ 200: Type.Object({ drills: Type.Array(DrillLine), next: Type.Optional(Type.String({ description: 'Cursor of the next page; absent on the last' })) }) }) },
  }, async request => {
    const { limit, cursor, ...filters } = request.query
    return await listDrills(store.pool, filters, { limit, cursor })
  })

  app.get('/v1/drills/:id', {
    config: { right: 'read' },
    schema: {
      operationId: 'drillStatus', tags: ['drills'], summary: 'What a drill is at now', params: DrillParams, querystring: Strict({}),
      response: answers({ 200: Type.Object({ source: oneOf(['store', 'temporal'], 'Who knew it: the record, or the workflow itself'), url: Type.String(), status: Status }) }),
    },
  }, async request => {
    const { source, status } = await currentStatus(deps, request.params.id)
    return { source, url: urlOf(config, status.drillId), status }
  })
}
