import { Type } from 'typebox'
import { DrillError } from '../errors.js'
import { addKey, revokeKey } from '../store/keys.js'
import { changingPeople } from '../store/people-log.js'
import { keepingAnAdmin, listPeople } from '../store/people.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import type { Identities } from './identities.js'
import { assertOwnVoice, known } from './people.js'
import { answers, Strict } from './schemas/answers.js'
import { PersonId, PersonParams, text } from './schemas/ids.js'
import { GivenTime, NewKey, timeOf } from './schemas/people.js'

const KeyId = Type.String({ pattern: '^[0-9a-f-]{36}$', description: 'a key’s id, as the list of people shows it' })
const Revoked = Type.Object({ id: Type.String(), revoked: Type.Array(Type.String()) })

/** Keys are told once and kept as digests. Everybody makes and revokes their own. */
export function keyRoutes (app: App, { store }: AppDeps, identities: Pick<Identities, 'forgetAll'>): void {
  app.post('/v1/people/:id/keys', {
    config: { right: 'self.keys' },
    schema: {
      operationId: 'addKey', tags: ['people'], summary: 'Another key for a person; answers it once', params: PersonParams, querystring: Strict({}),
      body: Strict({ label: Type.Optional(text(100, 'What it is for')), expiresAt: Type.Optional(GivenTime) }),
      response: answers({ 201: Type.Object({ id: Type.String(), ...NewKey }) }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const until = timeOf(request.body.expiresAt, 'expiresAt')
    const by = personOf(request)
    assertOwnVoice(await known(store, id), by)
    const { keyId, key } = await changingPeople(store.pool, by.id, async db => await addKey(db, id, { label: request.body.label, expiresAt: until }))
    request.log.info({ person: by.id, of: id, keyId }, 'key added')
    return await reply.code(201).send({ id, keyId, key })
  })

  app.delete('/v1/people/:id/keys', {
    config: { right: 'self.keys' },
    schema: { operationId: 'revokeKeys', tags: ['people'], summary: 'Revoke every key of a person', params: PersonParams, querystring: Strict({}), response: answers({ 200: Revoked }) },
  }, async request => await revoke(request.params.id, personOf(request).id, request.log))

  app.delete('/v1/people/:id/keys/:key', {
    config: { right: 'self.keys' },
    schema: { operationId: 'revokeKey', tags: ['people'], summary: 'Revoke one key', params: Strict({ id: PersonId, key: KeyId }), querystring: Strict({}), response: answers({ 200: Revoked }) },
  }, async request => await revoke(request.params.id, personOf(request).id, request.log, request.params.key))

  /** Ids of the keys that worked until now. A key that is revoked already stays so. */
  async function revoke (id: string, by: string, log: AppDeps['log'], only?: string): Promise<{ id: string, revoked: string[] }> {
    await known(store, id)
    const person = (await listPeople(store.pool)).find(person => person.id === id)
    const keys = (person?.keys ?? []).filter(key => only === undefined || key.id === only)
    if (only !== undefined && keys.length === 0) throw new DrillError('person.unknown', `${id} has no key ${only}`)
    const revoked = await keepingAnAdmin(store.pool, by, async db => {
      const done: string[] = []
      for (const key of keys) if (await revokeKey(db, key.id)) done.push(key.id)
      return done
    })
    identities.forgetAll()
    log.info({ person: by, of: id, revoked }, 'keys revoked')
    return { id, revoked }
  }
}
