import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillParams, StepParams, text } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

const Key = Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$', description: 'a key of the click, 1 to 200 visible characters: the same one again counts once' }))

const DecisionBody = Strict({
  answer: oneOf(['approve', 'reject']),
  reason: Type.Optional(text(1000, 'Why; a rejection must say it')),
  key: Key,
}, {
  if: { properties: { answer: { const: 'reject' } }, required: ['answer'] },
  then: { required: ['reason'] },
  examples: [{ answer: 'approve', reason: 'replica is 0 s behind, backups verified' }],
})

/** What people say to a running drill. The drill itself decides whether it counts, and the caller learns at once. */
export function messageRoutes (app: App, { temporal }: AppDeps): void {
  app.post('/v1/drills/:id/gates/:step/decision', {
    config: { right: 'gate.decide' },
    schema: {
      operationId: 'decideGate', tags: ['messages'], summary: 'Approve or reject a gate',
      description: 'Quorum by role, the requester excluded, one vote a person, one rejection ends it.',
      params: StepParams, querystring: Strict({}), body: DecisionBody,
      response: answers({ 200: Type.Object({ outcome: oneOf(['approved', 'rejected', 'undecided']), missing: Type.Integer({ description: 'Approvals that are missing still' }) }) }),
    },
  }, async request => {
    const { id, step } = request.params
    const { answer, reason, key = randomUUID() } = request.body
    return await temporal.decide(id, { step, answer, reason, key, person: personOf(request), door: 'api' })
  })

  app.post('/v1/drills/:id/tasks/:step/confirmation', {
    config: { right: 'task.confirm' },
    schema: {
      operationId: 'confirmTask', tags: ['messages'], summary: 'Say that a task is done',
      params: StepParams, querystring: Strict({}), body: Strict({ note: Type.Optional(text(4000, 'What was done or seen')), key: Key }),
      response: answers({ 200: Type.Object({ outcome: Type.Literal('confirmed') }) }),
    },
  }, async request => {
    const { id, step } = request.params
    const { note, key = randomUUID() } = request.body
    return await temporal.confirm(id, { step, note, key, person: personOf(request), door: 'api' })
  })

  app.post('/v1/drills/:id/notes', {
    config: { right: 'drill.note' },
    schema: {
      operationId: 'addNote', tags: ['messages'], summary: 'Write something into the timeline',
      params: DrillParams, querystring: Strict({}), body: Strict({ text: text(4000, 'What there is to remember') }),
      response: answers({ 201: Type.Object({ seq: Type.Integer({ description: 'Number of the event' }) }) }),
    },
  }, async (request, reply) => {
    const noted = await temporal.note(request.params.id, { text: request.body.text, person: personOf(request), door: 'api' })
    return await reply.code(201).send(noted)
  })

  app.post('/v1/drills/:id/declaration', {
    config: { right: 'drill.declare' },
    schema: {
      operationId: 'declareOutage', tags: ['messages'], summary: 'Declare an outage: it ends the time to detect',
      params: DrillParams, querystring: Strict({}), body: Strict({ note: Type.Optional(text(4000, 'What was seen')) }),
      response: answers({ 200: Type.Object({ outcome: oneOf(['declared', 'already']) }) }),
    },
  }, async request => await temporal.declare(request.params.id, { note: request.body.note, person: personOf(request), door: 'api' }))

  app.post('/v1/drills/:id/abort', {
    // A bucket of its own: nobody who watched too eagerly may be kept from stopping a drill.
    config: { right: 'drill.abort', rateLimit: { max: 60 } },
    schema: {
      operationId: 'abortDrill', tags: ['messages'], summary: 'Stop a drill and undo what it did',
      description: 'Anybody with a role may, at any moment. A second abort changes nothing. It needs Temporal, not the store.',
      params: DrillParams, querystring: Strict({}), body: Strict({ reason: text(1000, 'Why') }, { examples: [{ reason: 'customers are affected' }] }),
      response: answers({ 202: Type.Object({ outcome: oneOf(['aborting', 'already']) }) }),
    },
  }, async (request, reply) => {
    const aborted = await temporal.abort(request.params.id, { reason: request.body.reason, person: personOf(request), door: 'api' })
    return await reply.code(202).send(aborted)
  })
}
