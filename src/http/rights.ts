import { roles, type Person, type Role } from '../drill/people.js'

/**
 * Who may do what, whole: a right is held by whoever holds one of its roles. `everybody` needs no key, `known` any valid key.
 * Gates and tasks have roles of their own on top, which the drill itself decides about (src/drill/decide.ts).
 */
export const rights = {
  public: 'everybody',
  'self.read': 'known',
  read: roles,
  plan: roles,
  'drill.start': ['commander', 'engineer'],
  'gate.decide': ['commander', 'approver', 'management', 'engineer'],
  'task.confirm': roles,
  // Anybody who sees that something goes wrong must be able to stop it, write it down and say that there is an outage.
  'drill.abort': roles,
  'drill.note': roles,
  'drill.declare': roles,
  'alert.send': ['admin', 'engineer'],
  'people.manage': ['admin'],
} as const satisfies Record<string, 'everybody' | 'known' | readonly Role[]>

export type Right = keyof typeof rights

/** Whether the person holds the right. */
export function may (person: Person, right: Right): boolean {
  const holders: 'everybody' | 'known' | readonly Role[] = rights[right]
  return typeof holders === 'string' || holders.some(role => person.roles.includes(role))
}

/** The roles that hold a right, for a message: `commander or engineer`. */
export function holdersText (right: Right): string {
  const holders: 'everybody' | 'known' | readonly Role[] = rights[right]
  return typeof holders === 'string' ? holders : holders.join(' or ')
}
