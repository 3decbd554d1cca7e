import { Type } from 'typebox'
import type { Person, Role as RoleName } from '../drill/people.js'
import { roles } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { addKey, addPerson, listPeople, personById, revokeKey, type KeyFacts } from '../store/people.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import type { Identities } from './identities.js'
import { answers, Strict } from './schemas/answers.js'
import { PersonId, PersonParams, text } from './schemas/ids.js'
import { Role } from './schemas/status.js'

const Time = Type.String({ description: 'ISO time' })
const GivenTime = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2})$', description: 'an ISO time with its zone, e.g. 2027-01-31T00:00:00Z' })
const Key = Type.Object({
  id: Type.String(), label: Type.String(), createdAt: Time,
  expiresAt: Type.Optional(Time), revokedAt: Type.Optional(Time), lastUsedAt: Type.Optional(Time),
})
const Named = { id: Type.String(), name: Type.String(), roles: Type.Array(Role) }
const NewKey = { keyId: Type.String(), key: Type.String({ description: 'Shown this once; only its digest is kept' }) }
const KeyId = Type.String({ pattern: '^[0-9a-f-]{36}$', description: 'a key’s id, as the list of people shows it' })

/** Who may do what. Keys are told once and kept as digests. */
export function peopleRoutes (app: App, { store }: AppDeps, identities: Identities): void {
  app.get('/v1/me', {
    config: { right: 'self.read' },
    schema: { operationId: 'me', tags: ['people'], summary: 'Who this key belongs to', querystring: Strict({}), response: answers({ 200: Type.Object(Named) }) },
  }, async request => personOf(request))

  app.get('/v1/people', {
    config: { right: 'people.manage' },
    schema: { operationId: 'listPeople', tags: ['people'], summary: 'Everybody, with their keys', querystring: Strict({}), response: answers({ 200: Type.Object({ people: Type.Array(Type.Object({ ...Named, keys: Type.Array(Key) })) }) }) },
  }, async () => ({ people: (await listPeople(store.pool)).map(({ id, name, roles, keys }) => ({ id, name, roles, keys: keys.map(keyOf) })) }))

  app.post('/v1/people', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'addPerson', tags: ['people'], summary: 'Add somebody; answers their first key, once', querystring: Strict({}),
      body: Strict({ id: PersonId, name: text(200, 'As messages show it'), roles: Type.Array(Role, { minItems: 1, maxItems: roles.length, uniqueItems: true }), expiresAt: Type.Optional(GivenTime) }, { examples: [{ id: 'ana', name: 'Ana', roles: ['commander'] }] }),
      response: answers({ 201: Type.Object({ ...Named, ...NewKey }) }),
    },
  }, async (request, reply) => {
    const { id, name, roles, expiresAt } = request.body
    const person: Person = { id, name, roles: roles as RoleName[] }
    const until = timeOf(expiresAt)
    if (await personById(store.pool, id)) throw new DrillError('person.exists', `there is a person "${id}" already; give them another key instead`)
    const { keyId, key } = await addPerson(store.pool, person, { expiresAt: until })
    request.log.info({ person: personOf(request).id, added: id, roles }, 'person added')
    return await reply.code(201).send({ ...person, keyId, key })
  })

  app.post('/v1/people/:id/keys', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'addKey', tags: ['people'], summary: 'Another key for a person; answers it once', params: PersonParams, querystring: Strict({}),
      body: Strict({ label: Type.Optional(text(100, 'What it is for')), expiresAt: Type.Optional(GivenTime) }),
      response: answers({ 201: Type.Object({ id: Type.String(), ...NewKey }) }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const until = timeOf(request.body.expiresAt)
    await known(store, id)
    const { keyId, key } = await addKey(store.pool, id, { label: request.body.label, expiresAt: until })
    request.log.info({ person: personOf(request).id, of: id, keyId }, 'key added')
    return await reply.code(201).send({ id, keyId, key })
  })

  app.delete('/v1/people/:id/keys', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'revokeKeys', tags: ['people'], summary: 'Revoke every key of a person', params: PersonParams, querystring: Strict({}),
      response: answers({ 200: Type.Object({ id: Type.String(), revoked: Type.Array(Type.String()) }) }),
    },
  }, async request => {
    const { id } = request.params
    await known(store, id)
    const revoked = await revoke(id)
    request.log.info({ person: personOf(request).id, of: id, revoked }, 'keys revoked')
    return { id, revoked }
  })

  app.delete('/v1/people/:id/keys/:key', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'revokeKey', tags: ['people'], summary: 'Revoke one key', params: Strict({ id: PersonId, key: KeyId }), querystring: Strict({}),
      response: answers({ 200: Type.Object({ id: Type.String(), revoked: Type.Array(Type.String()) }) }),
    },
  }, async request => {
    const { id, key } = request.params
    await known(store, id)
    const revoked = await revoke(id, key)
    request.log.info({ person: personOf(request).id, of: id, revoked }, 'key revoked')
    return { id, revoked }
  })

  /** Ids of the keys that worked until now. A key that is revoked already stays so. */
  async function revoke (id: string, only?: string): Promise<string[]> {
    const person = (await listPeople(store.pool)).find(person => person.id === id)
    const keys = (person?.keys ?? []).filter(key => only === undefined || key.id === only)
    if (only !== undefined && keys.length === 0) throw new DrillError('person.unknown', `${id} has no key ${only}`)
    const revoked: string[] = []
    for (const key of keys) if (key.revokedAt === undefined && await revokeKey(store.pool, key.id)) revoked.push(key.id)
    identities.forget(id)
    return revoked
  }
}

async function known (store: AppDeps['store'], id: string): Promise<void> {
  if (!await personById(store.pool, id)) throw new DrillError('person.unknown', `there is no person "${id}"`)
}

function timeOf (text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (Number.isNaN(time.getTime()) || time.getTime() <= Date.now()) throw new DrillError('input.invalid', 'body/expiresAt must be a time to come')
  return time
}

function keyOf ({ id, label, createdAt, expiresAt, revokedAt, lastUsedAt }: KeyFacts) {
  return { id, label, createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString(), revokedAt: revokedAt?.toISOString(), lastUsedAt: lastUsedAt?.toISOString() }
}
