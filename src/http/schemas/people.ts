import { Type } from 'typebox'
import { roles, type Person } from '../../drill/people.js'
import { DrillError } from '../../errors.js'
import type { KeyFacts } from '../../store/keys.js'
import { Role } from './status.js'

export const Time = Type.String({ description: 'ISO time' })
export const GivenTime = Type.String({ maxLength: 40, pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2})$', description: 'an ISO time with its zone, e.g. 2027-01-31T00:00:00Z' })
export const Key = Type.Object({
  id: Type.String(), label: Type.String(), createdAt: Time,
  expiresAt: Type.Optional(Time), revokedAt: Type.Optional(Time), lastUsedAt: Type.Optional(Time),
})
export const NewKey = { keyId: Type.String(), key: Type.String({ description: 'Shown this once; only its digest is kept' }) }
export const Roles = Type.Array(Role, { maxItems: roles.length, uniqueItems: true })
const Grants = Type.Optional(Type.Array(Type.Object({ role: Role, in: Type.String({ description: 'An environment, or `tier:NAME`' }), fourEyes: Type.Boolean({ description: 'Whether a second admin has confirmed it; in production no other counts' }) })))
/** A person as a route answers them. */
export const PersonFields = {
  id: Type.String(), name: Type.String(), roles: Type.Array(Role, { description: 'Held everywhere but in production' }), grants: Grants,
  service: Type.Optional(Type.Boolean({ description: 'A service account: it may start drills, and never answers for people' })),
  standsInFor: Type.Optional(Type.Array(Type.Object({ id: Type.String(), name: Type.String(), roles: Type.Array(Role), grants: Grants, fourEyes: Type.Boolean() }), { description: 'Who is away now, and answered for by this person' })),
}
/** What takes a second admin in production, or has one. */
export const Entrusted = Type.Object({
  id: Type.String(), kind: Type.Union([Type.Literal('grant'), Type.Literal('deputy')]),
  role: Type.Optional(Role), in: Type.Optional(Type.String()), deputyId: Type.Optional(Type.String()),
  askedBy: Type.String(), askedAt: Time, confirmedBy: Type.Optional(Type.String()),
  waits: Type.Boolean({ description: 'Whether it would reach production, and a second admin has not confirmed it' }),
})

/** A time to come. @throws DrillError `input.invalid`, naming the field */
export function timeOf<T extends string | undefined> (text: T, field: string): T extends string ? Date : Date | undefined
export function timeOf (text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (Number.isNaN(time.getTime()) || time.getTime() <= Date.now()) throw new DrillError('input.invalid', `body/${field} must be a time to come`)
  return time
}

export function keyLine ({ id, label, createdAt, expiresAt, revokedAt, lastUsedAt }: KeyFacts) {
  return { id, label, createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString(), revokedAt: revokedAt?.toISOString(), lastUsedAt: lastUsedAt?.toISOString() }
}

/** Whose new key would be somebody else’s way to a voice that takes two people. */
export function isPrivileged ({ roles, grants = [] }: Pick<Person, 'roles' | 'grants'>): boolean {
  return roles.includes('admin') || grants.some(grant => grant.fourEyes)
}
