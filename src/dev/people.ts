import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Person } from '../drill/people.js'
import { addKey } from '../store/keys.js'
import { addPerson, listPeople, personByKey, setRoles } from '../store/people.js'
import type { Db } from '../store/pool.js'

/** Whoever starts Muster on their own machine. Without `commander` they could not start a drill, so they hold every role. */
export const self: Person = { id: 'admin', name: 'Admin', roles: ['admin', 'commander', 'approver', 'management', 'engineer'] }

/** Who delivers the alerts of a lab: a key of its own, so that revoking it stops nobody else. */
const alertmanager: Person = { id: 'alertmanager', name: 'Alertmanager', roles: ['engineer'] }

/** Keys by person id. The admin's is kept in `.muster/key`, for the CLI; those of others are made anew each time. */
export async function makePeople (db: Db, root: string, people: Person[]): Promise<{ adminKey: string, keys: Record<string, string> }> {
  const adminKey = await keptKeyOf(db, self, join(root, 'key'))
  await keptKeyOf(db, alertmanager, join(root, 'alertmanager.key'))
  const keys: Record<string, string> = {}
  for (const person of people) keys[person.id] = await keyOf(db, person)
  return { adminKey, keys }
}

async function keptKeyOf (db: Db, person: Person, file: string): Promise<string> {
  const known = read(file)
  if (known !== undefined && (await personByKey(db, known))?.id === person.id) return known
  const key = await keyOf(db, person)
  writeFileSync(file, `${key}\n`, { mode: 0o600 })
  return key
}

async function keyOf (db: Db, person: Person): Promise<string> {
  const there = (await listPeople(db)).find(one => one.id === person.id)
  if (!there) return (await addPerson(db, person, { label: 'muster dev' })).key
  await setRoles(db, person.id, person.roles)
  return (await addKey(db, person.id, { label: 'muster dev' })).key
}

function read (file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
