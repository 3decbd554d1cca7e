import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { Cluster } from '../src/store/cluster.js'
import { confirm, giveRole } from '../src/store/grants.js'
import { addKey } from '../src/store/keys.js'
import { migrate } from '../src/store/migrate.js'
import { addPerson, keepingAnAdmin, personByKey, personByToken, removePerson, setAway, setRoles } from '../src/store/people.js'
import { changingPeople, readPeopleLog, type PeopleChange } from '../src/store/people-log.js'
import { openStore, type Store } from '../src/store/pool.js'
import { startCluster } from './fixtures/cluster.js'

let cluster: Cluster
let store: Store

before(async () => {
  cluster = await startCluster()
  await migrate(cluster.url)
  store = openStore(cluster.url)
})
after(async () => {
  await store?.close()
  await cluster?.stop()
})

const by = async (who: string, change: Parameters<typeof changingPeople>[2]): Promise<void> => { await changingPeople(store.pool, who, change) }
const logOf = async (personId: string): Promise<PeopleChange[]> => (await readPeopleLog(store.pool, { personId, limit: 100 })).reverse()
const short = (changes: PeopleChange[]): unknown[] => changes.map(({ by, what, change }) => [by, what, change])

test('every change says who did it, what it was and what it is, in the order of the changes', async () => {
  await by('root', async db => { await addPerson(db, { id: 'ana', name: 'Ana', roles: ['commander'] }, { label: 'laptop' }) })
  await by('root', async db => { await setRoles(db, 'ana', ['commander', 'approver']) })
  await by('ana', async db => { await setAway(db, 'ana', new Date('2099-01-01T00:00:00Z')) })
  const [person, key, roles, away, ...none] = await logOf('ana')
  assert.deepEqual([person!.by, person!.change['name'], person!.change['roles']], ['root', { from: null, to: 'Ana' }, { from: null, to: ['commander'] }])
  assert.deepEqual([key!.what, key!.change['label']], ['person_keys', { from: null, to: 'laptop' }])
  assert.deepEqual(short([roles!]), [['root', 'people', { roles: { from: ['commander'], to: ['commander', 'approver'] } }]])
  assert.deepEqual([away!.by, Object.keys(away!.change), String(away!.change['away_until']!.to).slice(0, 10)], ['ana', ['away_until'], '2099-01-01'])
  assert.deepEqual(none, [])
  assert.ok(Math.abs(roles!.at.getTime() - Date.now()) < 60_000, 'the time is of this moment')
})

test('a grant, its confirmation and its end by whoever they are of; a key’s digest is nowhere, nor that it was used', async () => {
  for (const id of ['ben', 'root', 'ada']) await by('test', async db => { await addPerson(db, { id, name: id, roles: ['admin'] }) })
  let grant = ''
  await by('root', async db => { grant = await giveRole(db, { personId: 'ben', role: 'approver', in: 'tier:production', askedBy: 'root' }) })
  await confirm(store.pool, 'ben', grant, { id: 'ada', name: 'Ada', roles: ['admin'] })
  let used = ''
  await by('ben', async db => { used = (await addKey(db, 'ben')).key })
  assert.equal((await personByKey(store.pool, used))?.id, 'ben')
  await keepingAnAdmin(store.pool, 'root', async db => await removePerson(db, 'ben', 'root'))
  const changes = await logOf('ben')
  assert.deepEqual(changes.map(({ by, what, change }) => [by, what, Object.keys(change).filter(name => ['role', 'confirmed_by', 'ended_by', 'revoked_at', 'removed_at', 'label'].includes(name)).join()]), [
    ['test', 'people', ''], ['test', 'person_keys', 'label'], ['root', 'person_grants', 'role'], ['ada', 'person_grants', 'confirmed_by'], ['ben', 'person_keys', 'label'],
    ['root', 'people', 'removed_at'], ['root', 'person_grants', 'ended_by'], ['root', 'person_keys', 'revoked_at'], ['root', 'person_keys', 'revoked_at'],
  ])
  assert.doesNotMatch(JSON.stringify(changes), /digest|last_used/)
})

test('what a token’s groups give is logged once, as by a token; the same again is no change', async () => {
  const facts = { subject: 'sub-1', username: 'dora', name: 'Dora', roles: ['approver'], untilMs: Date.now() + 60_000 }
  await personByToken(store.pool, facts)
  await personByToken(store.pool, { ...facts, untilMs: facts.untilMs + 1000 })
  await personByToken(store.pool, { ...facts, roles: ['approver', 'engineer@lab'] })
  const changes = await logOf('dora')
  assert.deepEqual(changes.map(({ by, change }) => [by, change['token_roles']]), [['token', { from: null, to: ['approver'] }], ['token', { from: ['approver'], to: ['approver', 'engineer@lab'] }]])
})

test('a change that is rolled back was none; one by hand is there, under the database’s user', async () => {
  await assert.rejects(by('root', async db => {
    await setRoles(db, 'ana', [])
    throw new Error('no')
  }), /no/)
  assert.equal((await logOf('ana')).length, 4)
  const owner = new pg.Client({ connectionString: cluster.url })
  await owner.connect()
  try {
    await owner.query('set session_replication_role = replica')
    await owner.query("update people set roles = '{admin}' where id = 'ana'")
    const last = (await logOf('ana')).at(-1)!
    assert.match(last.by, /^database user \w+/)
    assert.deepEqual(last.change, { roles: { from: ['commander', 'approver'], to: ['admin'] } })
  } finally {
    await owner.end()
  }
})

test('the log can be neither written, changed nor removed, by Muster’s role nor by the owner', async () => {
  const owner = new pg.Client({ connectionString: cluster.url })
  await owner.connect()
  try {
    for (const sql of ["update people_log set by = 'ben'", 'delete from people_log', 'truncate people_log']) {
      await assert.rejects(store.pool.query(sql), /permission denied/, sql)
      await assert.rejects(owner.query(sql), /people_log is append-only/, `${sql}, as the owner`)
      await owner.query('set session_replication_role = replica')
      await assert.rejects(owner.query(sql), /people_log is append-only/, `${sql}, as a replica`)
      await owner.query('reset session_replication_role')
    }
    await assert.rejects(store.pool.query("insert into people_log (by, person_id, what, change) values ('x', 'x', 'x', '{}')"), /permission denied/, 'a line that was made up')
    await assert.rejects(store.pool.query('alter table people disable trigger people_are_logged'), /must be owner/)
  } finally {
    await owner.end()
  }
})

test('it is read in pages, the newest first', async () => {
  const all = await readPeopleLog(store.pool, { limit: 500 })
  const [first, second] = [await readPeopleLog(store.pool, { limit: 3 }), await readPeopleLog(store.pool, { limit: 3, before: all[2]!.id })]
  assert.deepEqual([...first, ...second].map(({ id }) => id), all.slice(0, 6).map(({ id }) => id))
})
