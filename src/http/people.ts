import { Type } from 'typebox'
import { roles as allRoles, type Person, type Role as RoleName } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { giveRoles } from '../store/grants.js'
import { readPeopleLog } from '../store/people-log.js'
import { addPerson, keepingAnAdmin, listPeople, personById, removePerson, setRoles, setSubject } from '../store/people.js'
import type { Db } from '../store/pool.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { entrustedLines } from './entrusted.js'
import type { Identities } from './identities.js'
import { answers, Strict } from './schemas/answers.js'
import { PersonId, PersonParams, text } from './schemas/ids.js'
import { Entrusted, GivenTime, isPrivileged, Key, keyLine, NewKey, PersonFields, Roles, Time, timeOf } from './schemas/people.js'
import { Role } from './schemas/status.js'

const Subject = Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$', description: 'the `sub` of their tokens' })
const Waits = Type.Optional(Type.String({ description: 'Id of a grant that counts once another admin has confirmed it: there is one more admin only with two people’s consent' }))
const Change = Type.Object({
  id: Type.Integer(), at: Time, by: Type.String({ description: 'the id of who did it; `token`, `database user NAME` and the like where it was nobody of Muster' }), personId: Type.String(),
  what: Type.String({ description: 'the table that holds it' }), change: Type.Record(Type.String(), Type.Object({ from: Type.Optional(Type.Unknown()), to: Type.Optional(Type.Unknown()) })),
})
/** What a service account may be: it starts drills, reads, sends alerts. */
const serviceRoles: readonly RoleName[] = ['commander', 'engineer', 'observer']

/** Who there is, and what they may do everywhere. */
export function peopleRoutes (app: App, { store, catalog }: AppDeps, identities: Pick<Identities, 'forgetAll'>): void {
  app.get('/v1/me', {
    config: { right: 'self.read' },
    schema: { operationId: 'me', tags: ['people'], summary: 'Who this key or token belongs to', querystring: Strict({}), response: answers({ 200: Type.Object(PersonFields) }) },
  }, async request => personOf(request))

  app.get('/v1/people', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'listPeople', tags: ['people'], summary: 'Everybody, with their keys, grants and deputies', querystring: Strict({}),
      response: answers({
        200: Type.Object({
          people: Type.Array(Type.Object({
            ...PersonFields,
            oidcSubject: Type.Optional(Type.String()),
            awayUntil: Type.Optional(Time),
            removedAt: Type.Optional(Time),
            entrusted: Type.Array(Entrusted),
            keys: Type.Array(Key),
          })),
        }),
      }),
    },
  }, async () => {
    const [people, entrusted] = await Promise.all([listPeople(store.pool), entrustedLines({ store, catalog })])
    return {
      people: people.map(({ keys, awayUntil, removedAt, slackUser: _, ...person }) => ({
        ...person,
        awayUntil: awayUntil?.toISOString(),
        removedAt: removedAt?.toISOString(),
        entrusted: entrusted.filter(one => one.personId === person.id),
        keys: keys.map(keyLine),
      })),
    }
  })

  app.get('/v1/people/log', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'peopleLog', tags: ['people'], summary: 'Who changed what of whom, the newest first',
      description: 'Written by the store itself, append only; a key’s digest is not in it.',
      querystring: Strict({
        person: Type.Optional(PersonId),
        before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
        limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
      }),
      response: answers({ 200: Type.Object({ changes: Type.Array(Change), next: Type.Optional(Type.Integer({ description: '`before` of the next page, where there may be one' })) }) }),
    },
  }, async request => {
    const { person, before, limit } = request.query
    const changes = await readPeopleLog(store.pool, { personId: person, before, limit })
    return { changes: changes.map(change => ({ ...change, at: change.at.toISOString() })), ...changes.length === limit ? { next: changes.at(-1)!.id } : {} }
  })

  app.post('/v1/people', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'addPerson', tags: ['people'], summary: 'Add somebody; answers their first key, once', querystring: Strict({}),
      body: Strict({
        id: PersonId, name: text(200, 'As messages show it'), roles: Type.Array(Role, { minItems: 1, maxItems: allRoles.length, uniqueItems: true }), expiresAt: Type.Optional(GivenTime),
        service: Type.Optional(Type.Boolean({ description: 'A service account: it may start drills, and never answers for people' })), oidcSubject: Type.Optional(Subject),
      }, { examples: [{ id: 'ana', name: 'Ana', roles: ['commander'] }] }),
      response: answers({ 201: Type.Object({ ...PersonFields, ...NewKey, waits: Waits }) }),
    },
  }, async (request, reply) => {
    const { id, name, expiresAt, service = false, oidcSubject } = request.body
    const roles = request.body.roles as RoleName[]
    const until = timeOf(expiresAt, 'expiresAt')
    assertFit(name, roles, service)
    if ((await listPeople(store.pool)).some(person => person.id === id)) throw new DrillError('person.exists', `there is a person "${id}" already (or was one: old reports name them); give them another key, or choose another id`)
    let made: { keyId: string, key: string } | undefined
    const change = async (db: Db, given: RoleName[]): Promise<void> => { made = await addPerson(db, { id, name, roles: given, service, oidcSubject }, { expiresAt: until }) }
    const waits = await giveRoles(store.pool, change, { personId: id, roles, had: [], by: personOf(request).id })
    request.log.info({ person: personOf(request).id, added: id, roles, service, waits }, 'person added')
    return await reply.code(201).send({ id, name, roles: waits === undefined ? roles : roles.filter(role => role !== 'admin'), ...service ? { service } : {}, ...made!, ...waits === undefined ? {} : { waits } })
  })

  app.put('/v1/people/:id/roles', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'setRoles', tags: ['people'], summary: 'The roles that somebody holds everywhere but in production', params: PersonParams, querystring: Strict({}),
      body: Strict({ roles: Roles }), response: answers({ 200: Type.Object({ ...PersonFields, waits: Waits }) }),
    },
  }, async request => {
    const { id } = request.params
    const roles = request.body.roles as RoleName[]
    const person = await known(store, id)
    assertFit(person.name, roles, person.service === true)
    const by = personOf(request).id
    const change = async (db: Db, given: RoleName[]): Promise<void> => { await setRoles(db, id, given) }
    const had = (await listPeople(store.pool)).find(one => one.id === id)!.roles
    const waits = roles.includes('admin') ? await giveRoles(store.pool, change, { personId: id, roles, had, by }) : undefined
    if (!roles.includes('admin')) await keepingAnAdmin(store.pool, by, async db => { await setRoles(db, id, roles) })
    identities.forgetAll()
    request.log.info({ person: by, of: id, roles, waits }, 'roles set')
    return { ...await known(store, id), ...waits === undefined ? {} : { waits } }
  })

  app.put('/v1/people/:id/subject', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'setSubject', tags: ['people'], summary: 'As whom somebody’s tokens speak; without one they come in by key only', params: PersonParams, querystring: Strict({}),
      body: Strict({ oidcSubject: Type.Optional(Subject) }), response: answers({ 200: Type.Object(PersonFields) }),
    },
  }, async request => {
    const { id } = request.params
    const { oidcSubject } = request.body
    const by = personOf(request)
    const person = await known(store, id)
    if (oidcSubject !== undefined) assertOwnVoice(person, by)
    await keepingAnAdmin(store.pool, by.id, async db => { await setSubject(db, id, oidcSubject) })
    identities.forgetAll()
    request.log.info({ person: by.id, of: id }, 'subject set')
    return await known(store, id)
  })

  app.delete('/v1/people/:id', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'removePerson', tags: ['people'], summary: 'Somebody leaves: no key, token or click of theirs counts any more', params: PersonParams, querystring: Strict({}),
      response: answers({ 200: Type.Object({ id: Type.String(), revoked: Type.Array(Type.String()) }) }),
    },
  }, async request => {
    const { id } = request.params
    await known(store, id)
    const by = personOf(request).id
    const revoked = await keepingAnAdmin(store.pool, by, async db => await removePerson(db, id, by))
    identities.forgetAll()
    request.log.info({ person: by, removed: id, revoked }, 'person removed')
    return { id, revoked }
  })
}

/** @throws DrillError `person.unknown` */
export async function known (store: AppDeps['store'], id: string): Promise<Person> {
  const person = await personById(store.pool, id)
  if (!person) throw new DrillError('person.unknown', `there is no person "${id}"`)
  return person
}

/** A new way in for somebody whose voice takes two people would be that voice. @throws DrillError `person.privileged` */
export function assertOwnVoice (person: Person, by: Person): void {
  if (person.id !== by.id && isPrivileged(person)) {
    throw new DrillError('person.privileged', `${person.name} is ${person.roles.includes('admin') ? 'admin' : 'trusted in production'}: they make their next key themselves; where they cannot, take those roles, do it, and have them given again`)
  }
}

function assertFit (name: string, roles: RoleName[], service: boolean): void {
  const unfit = service ? roles.filter(role => !serviceRoles.includes(role)) : []
  if (unfit.length > 0) throw new DrillError('input.invalid', `body/roles: ${name} is a service account, which never is ${unfit.join(' or ')}; it may be ${serviceRoles.join(', ')}`)
}
