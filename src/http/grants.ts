import { Type } from 'typebox'
import { placePattern, tierPlaces } from '../drill/environment.js'
import { DrillError } from '../errors.js'
import { confirm, end, giveRole, listEntrusted, nameDeputy } from '../store/grants.js'
import { changingPeople } from '../store/people-log.js'
import { setAway } from '../store/people.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { entrustedLines, type EntrustedLine } from './entrusted.js'
import type { Identities } from './identities.js'
import { known } from './people.js'
import { answers, Strict } from './schemas/answers.js'
import { PersonId, PersonParams } from './schemas/ids.js'
import { Entrusted, GivenTime, timeOf } from './schemas/people.js'
import { Role } from './schemas/status.js'

const EntrustedParams = Strict({ id: PersonId, entrusted: Type.String({ pattern: '^[0-9a-f-]{36}$', description: 'the id of a grant or deputy, as the list of people shows it' }) })
const Scope = Type.String({ pattern: placePattern, description: `an environment’s name, or ${tierPlaces}` })

/** Roles in one environment, deputies, absence. What reaches production counts once a second admin has confirmed it. */
export function grantRoutes (app: App, { store, catalog }: AppDeps, identities: Pick<Identities, 'forgetAll'>): void {
  app.post('/v1/people/:id/grants', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'giveRole', tags: ['people'], summary: 'A role in one environment or tier',
      description: 'In production it counts once another admin, who does not gain by it, has confirmed it.',
      params: PersonParams, querystring: Strict({}), body: Strict({ role: Role, in: Scope }, { examples: [{ role: 'approver', in: 'tier:production' }] }),
      response: answers({ 200: Entrusted }),
    },
  }, async request => {
    const { id } = request.params
    const { role, in: scope } = request.body
    const person = await known(store, id)
    if (role === 'admin' || role === 'observer') throw new DrillError('input.invalid', `body/role: ${role} is not held in one environment: give it with the roles`)
    if (person.service && role !== 'commander' && role !== 'engineer') throw new DrillError('input.invalid', `body/role: ${person.name} is a service account, which never is ${role}`)
    // Throws where there is no such environment: a grant for a name that is mistyped would be found out in the middle of an outage.
    if (!scope.startsWith('tier:')) (await catalog()).environment(scope)
    const by = personOf(request)
    const grant = await changingPeople(store.pool, by.id, async db => await giveRole(db, { personId: id, role, in: scope, askedBy: by.id }))
    identities.forgetAll()
    request.log.info({ person: by.id, of: id, role, in: scope, grant }, 'role given')
    return await answer(id, grant)
  })

  app.post('/v1/people/:id/deputies', {
    config: { right: 'self.duty' },
    schema: {
      operationId: 'nameDeputy', tags: ['people'], summary: 'Who answers for a person while they are away', params: PersonParams, querystring: Strict({}),
      description: 'In production the deputy counts once an admin, other than who named them, has confirmed it.',
      body: Strict({ deputy: PersonId }), response: answers({ 200: Entrusted }),
    },
  }, async request => {
    const { id } = request.params
    const [person, deputy] = [await known(store, id), await known(store, request.body.deputy)]
    for (const one of [person, deputy]) if (one.service) throw new DrillError('input.invalid', `body/deputy: ${one.name} is a service account, and answers for nobody`)
    const by = personOf(request)
    const named = await changingPeople(store.pool, by.id, async db => await nameDeputy(db, { personId: id, deputyId: deputy.id, askedBy: by.id }))
    identities.forgetAll()
    request.log.info({ person: by.id, of: id, deputy: deputy.id }, 'deputy named')
    return await answer(id, named)
  })

  app.post('/v1/people/:id/entrusted/:entrusted/confirmation', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'confirmEntrusted', tags: ['people'], summary: 'The second pair of eyes for a grant or a deputy', params: EntrustedParams, querystring: Strict({}),
      description: 'Refused for who asked for it and for who gains by it.', body: Strict({}), response: answers({ 200: Entrusted }),
    },
  }, async request => {
    const { id, entrusted } = request.params
    await known(store, id)
    const by = personOf(request)
    const confirmed = await confirm(store.pool, id, entrusted, by)
    identities.forgetAll()
    request.log.info({ person: by.id, of: id, entrusted }, 'confirmed')
    return { ...confirmed, askedAt: confirmed.askedAt.toISOString(), waits: false }
  })

  app.delete('/v1/people/:id/entrusted/:entrusted', {
    config: { right: 'self.duty' },
    schema: { operationId: 'endEntrusted', tags: ['people'], summary: 'A grant or deputy counts no longer', params: EntrustedParams, querystring: Strict({}), response: answers({ 200: Entrusted }) },
  }, async request => {
    const { id, entrusted } = request.params
    await known(store, id)
    const by = personOf(request)
    const ended = await changingPeople(store.pool, by.id, async db => await end(db, id, entrusted, by.id))
    identities.forgetAll()
    request.log.info({ person: by.id, of: id, entrusted }, 'ended')
    return { ...ended, askedAt: ended.askedAt.toISOString(), waits: false }
  })

  app.put('/v1/people/:id/absence', {
    config: { right: 'self.duty' },
    schema: {
      operationId: 'setAbsence', tags: ['people'], summary: 'Away until a time; without one: back', params: PersonParams, querystring: Strict({}),
      body: Strict({ until: Type.Optional(GivenTime) }), response: answers({ 200: Type.Object({ id: Type.String(), until: Type.Optional(Type.String()), deputies: Type.Array(Type.String(), { description: 'Who answers meanwhile; nobody if empty' }) }) }),
    },
  }, async request => {
    const { id } = request.params
    const until = timeOf(request.body.until, 'until')
    const person = await known(store, id)
    if (person.service) throw new DrillError('input.invalid', `${person.name} is a service account, and is never on call`)
    await changingPeople(store.pool, personOf(request).id, async db => { await setAway(db, id, until) })
    identities.forgetAll()
    request.log.info({ person: personOf(request).id, of: id, until: until?.toISOString() }, until ? 'away' : 'back')
    const deputies = (await listEntrusted(store.pool, id)).flatMap(({ deputyId }) => deputyId ?? [])
    return { id, until: until?.toISOString(), deputies }
  })

  async function answer (personId: string, id: string): Promise<EntrustedLine> {
    const found = (await entrustedLines({ store, catalog }, personId)).find(one => one.id === id)
    if (!found) throw new DrillError('grant.unknown', 'it was ended in the same moment')
    return found
  }
}
