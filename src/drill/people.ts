import type { Tier } from './environment.js'

/** What a person may do; a person holds any number of them. */
export const ranks = ['commander', 'approver', 'management', 'engineer', 'observer', 'admin'] as const
/** Who owns a part of the system, and answers for it. */
export const teams = ['qa', 'devops', 'engineering'] as const
export const roles = [...ranks, ...teams] as const
export type Role = typeof roles[number]

/** Where a role counts: an environment, as far as rights are concerned. */
export interface Place { name: string, tier: Tier }

/** A role in one environment, or in all of a tier. */
export interface Grant {
  role: Role
  /** An environment's name, or `tier:NAME`. */
  in: string
  /** Whether a second admin has confirmed it. In `production` no other counts. */
  fourEyes: boolean
}

/** Who holds roles. */
interface Holder {
  /** Short and stable, e.g. `ana`. */
  id: string
  name: string
  /** Held in every environment but those of tier `production`, which take a grant of their own. */
  roles: Role[]
  grants?: Grant[]
}

export interface Person extends Holder {
  /** A service account: it may start drills, and never answers for people. */
  service?: boolean
  /** Who is away now, and has this person as deputy. */
  standsInFor?: AwayPerson[]
}

export interface AwayPerson extends Holder {
  /** Whether an admin, other than who named the deputy, has confirmed it. In `production` no other counts. */
  fourEyes: boolean
}

/** Through which door a message came. `signal` is break-glass: its sender is only claimed. */
export type Door = 'api' | 'slack' | 'page' | 'signal'

/** Whose voice is heard: one's own, or that of somebody away. */
export interface Seat { id: string, name: string }

/** A role and where it counts, as people write it: `approver`, `approver@shop`, `approver@tier:production`. Without a place: everywhere but in production. */
export function parseRole (text: string): { role: Role, in?: string } | undefined {
  const [, role, place] = /^([a-z]+)(?:@(tier:(?:lab|staging|dr|production)|[a-z0-9][a-z0-9-]{0,62}))?$/.exec(text) ?? []
  if (!(roles as readonly (string | undefined)[]).includes(role)) return undefined
  return { role: role as Role, ...place === undefined ? {} : { in: place } }
}

/** The roles of a person in one environment. */
export function rolesIn ({ roles, grants = [] }: Pick<Holder, 'roles' | 'grants'>, { name, tier }: Place): Role[] {
  const granted = grants.filter(grant => (grant.in === name || grant.in === `tier:${tier}`) && (grant.fourEyes || tier !== 'production'))
  return [...new Set([...tier === 'production' ? [] : roles, ...granted.map(grant => grant.role)])]
}

/** The roles that a person has in any place at all, of their own. */
export function rolesAnywhere ({ roles, grants = [] }: Pick<Holder, 'roles' | 'grants'>): Role[] {
  return [...new Set([...roles, ...grants.map(grant => grant.role)])]
}

/**
 * The seats from which a person may speak for one of the roles there: first their own, then those of people who are away. A service
 * account has none.
 */
export function seatsOf (person: Person, wanted: readonly Role[], place: Place): Seat[] {
  if (person.service) return []
  const holds = (holder: Holder): boolean => rolesIn(holder, place).some(role => wanted.includes(role))
  const stoodInFor = (person.standsInFor ?? []).filter(away => away.id !== person.id && (away.fourEyes || place.tier !== 'production'))
  return [person, ...stoodInFor].filter(holds).map(({ id, name }) => ({ id, name }))
}
