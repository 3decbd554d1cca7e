import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { addKey } from '../store/keys.js'
import { addPerson, adminsOf, listPeople, personByKey, setRoles } from '../store/people.js'
import { changingPeople } from '../store/people-log.js'

/** Whoever starts Muster on their own machine. Without `commander` they could not start a drill, so they hold every role. */
export const self: Person = { id: 'admin', name: 'Admin', roles: ['admin', 'commander', 'approver', 'management', 'engineer'] }

/** Who delivers the alerts of a lab: a key of its own, so that revoking it stops nobody else. */
const alertmanager: Person = { id: 'alertmanager', name: 'Alertmanager', roles: ['engineer'], service: true }

/** Keys by person id. The admin's is kept in `.muster/key`, for the CLI; those of others are made anew each time. */
export async function makePeople (db: pg.Pool, root: string, people: Person[]): Promise<{ adminKey: string, keys: Record<string, string> }> {
  const adminKey = await keptKeyOf(db, self, join(root, 'key'))
  await keptKeyOf(db, alertmanager, join(root, 'alertmanager.key'))
  const keys: Record<string, string> = {}
  for (const person of people) keys[person.id] = await keyOf(db, person, 'muster dev')
  return { adminKey, keys }
}

/**
 * The first admin of an installation, and who delivers alerts; their keys lie in files (mode 0600) and are printed nowhere. Where the
 * key that lies there still works, nothing is changed. With `recover` also where there are admins: none of them can come in any more.
 *
 * @throws DrillError `person.exists` where an admin can come in, `input.invalid` where the id is not one or was somebody's
 */
export async function firstAdmin (
  db: pg.Pool, home: string, options: { id: string, name?: string, recover?: boolean }
): Promise<{ id: string, made: boolean, keyFile: string, alertKeyFile: string }> {
  const [keyFile, alertKeyFile] = [join(home, 'key'), join(home, 'alertmanager.key')]
  mkdirSync(home, { recursive: true })
  const kept = read(keyFile)
  const holder = kept === undefined ? undefined : await personByKey(db, kept)
  const made = !holder?.roles.includes('admin')
  if (made) {
    const admins = await adminsOf(db)
    if (admins.length > 0 && options.recover !== true) {
      throw new DrillError('person.exists', `${admins.map(({ name }) => name).join(', ')} can manage people: ask there for a key. Where they cannot come in any more: --recover`)
    }
    const there = (await listPeople(db)).find(person => person.id === options.id)
    if (there && (there.removedAt !== undefined || there.service)) throw new DrillError('input.invalid', `"${options.id}" ${there.service ? 'is a service account' : 'was removed'}: choose another --id`)
    const roles = [...new Set([...there?.roles ?? [], 'admin' as const])]
    writeKey(keyFile, await keyOf(db, { id: options.id, name: options.name ?? options.id, roles }, 'first admin'))
  }
  await keptKeyOf(db, alertmanager, alertKeyFile)
  return { id: made ? options.id : holder!.id, made, keyFile, alertKeyFile }
}

async function keptKeyOf (db: pg.Pool, person: Person, file: string): Promise<string> {
  const known = read(file)
  if (known !== undefined && (await personByKey(db, known))?.id === person.id) return known
  const key = await keyOf(db, person, 'muster dev')
  writeKey(file, key)
  return key
}

async function keyOf (pool: pg.Pool, person: Person, label: string): Promise<string> {
  return await changingPeople(pool, label, async db => {
    const there = (await listPeople(db)).find(one => one.id === person.id)
    if (!there) return (await addPerson(db, person, { label })).key
    await setRoles(db, person.id, person.roles)
    return (await addKey(db, person.id, { label })).key
  })
}

function writeKey (file: string, key: string): void {
  writeFileSync(file, `${key}\n`, { mode: 0o600 })
}

function read (file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
