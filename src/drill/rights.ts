import { rolesAnywhere, rolesIn, roles, type Person, type Place, type Role } from './people.js'

/** Who holds a right. `everybody` needs no key, `known` any valid key or token, `self` one's own record, of others whoever manages people. */
type Holders = 'everybody' | 'known' | 'self' | readonly Role[]

interface Rule {
  /** What it allows, for docs/rights.md. */
  allows: string
  who: Holders
  /** Whether a service account may hold it. */
  service: boolean
  /** `environment`: the role must be held in the environment that it is about. */
  where: 'environment' | 'installation'
  /** Whether a deputy has it from who is away. */
  deputy?: true
  /** Whom it takes beside whoever asks. */
  fourEyes?: string
}

/**
 * Who may do what, whole. Every route names one of these, docs/rights.md is made of them, and a test walks every route with every
 * role. Gates and tasks name a role of their own on top, about which the drill itself decides (src/drill/decide.ts).
 */
export const rights = {
  public: { allows: 'ask whether Muster lives, read its metrics and its API’s reference', who: 'everybody', service: true, where: 'installation' },
  'self.read': { allows: 'see who a key or a token belongs to', who: 'known', service: true, where: 'installation' },
  'self.keys': { allows: 'make and revoke one’s own keys', who: 'self', service: true, where: 'installation' },
  'self.duty': { allows: 'be away until a time, name deputies', who: 'self', service: false, where: 'installation', fourEyes: 'a deputy counts in `production` once an admin, other than who named them, has confirmed' },
  read: { allows: 'see drills, reports, runbooks and environments', who: roles, service: true, where: 'installation' },
  plan: { allows: 'ask what a drill would do, and what would refuse it', who: roles, service: true, where: 'installation' },
  'drill.start': { allows: 'start a drill', who: ['commander', 'engineer'], service: true, where: 'environment' },
  'gate.decide': {
    allows: 'answer a gate of their role', who: ['commander', 'approver', 'management', 'engineer', 'qa', 'devops', 'engineering'], service: false, where: 'environment', deputy: true,
    fourEyes: 'who started the drill may reject and never approve; nor may a deputy in their stead',
  },
  'task.confirm': { allows: 'confirm a task of their role', who: roles, service: false, where: 'environment', deputy: true },
  // Anybody who sees that something goes wrong must be able to stop it, write it down and say that there is an outage.
  'drill.abort': { allows: 'abort a drill', who: roles, service: true, where: 'installation' },
  'drill.note': { allows: 'write into a drill’s timeline', who: roles, service: true, where: 'installation' },
  'drill.declare': { allows: 'declare an outage', who: roles, service: true, where: 'installation' },
  'drill.undo': { allows: 'undo again what a drill that has ended left behind', who: roles, service: true, where: 'installation' },
  'halt.set': { allows: 'halt: abort every drill and refuse new ones', who: roles, service: true, where: 'installation' },
  'halt.lift': { allows: 'lift a halt', who: ['commander', 'management', 'admin'], service: false, where: 'installation', fourEyes: 'a second one of them confirms' },
  'alert.send': { allows: 'send alerts', who: ['admin', 'engineer'], service: true, where: 'installation' },
  'people.manage': {
    allows: 'add and remove people, give and take roles, confirm what another admin asked for', who: ['admin'], service: false, where: 'installation',
    fourEyes: 'a role in `production`, and one more admin where there are two, count once another admin has confirmed',
  },
} as const satisfies Record<string, Rule>

export type Right = keyof typeof rights

/** Whether the person holds the right in any place at all: what a route asks before it knows the environment. */
export function may (person: Person, right: Right): boolean {
  return held(person, right, rolesAnywhere)
}

/** Whether the person holds the right in this environment. */
export function mayIn (person: Person, right: Right, place: Place): boolean {
  const { where }: Rule = rights[right]
  return held(person, right, where === 'environment' ? holder => rolesIn(holder, place) : rolesAnywhere)
}

function held (person: Person, right: Right, rolesOf: (holder: Pick<Person, 'roles' | 'grants'>) => Role[]): boolean {
  const { who, service, deputy }: Rule = rights[right]
  if (person.service && !service) return false
  if (typeof who === 'string') return true
  const speaksFor = deputy ? [person, ...person.standsInFor ?? []] : [person]
  return speaksFor.some(holder => rolesOf(holder).some(role => who.includes(role)))
}

/** The roles that hold a right, for a message: `commander or engineer`. */
export function holdersText (right: Right): string {
  const { who }: Rule = rights[right]
  if (who === 'self') return 'the person themselves or admin'
  return typeof who === 'string' ? who : who === roles ? 'any role' : who.join(' or ')
}

/** The rule of a right, for whoever draws the table. */
export function ruleOf (right: Right): Rule {
  return rights[right]
}
