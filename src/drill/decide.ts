import { rolesIn, seatsOf, type Door, type Person, type Place, type Role, type Seat } from './people.js'

/** One person's answer to a gate, with the same payload through every door. */
export interface Decision {
  step: string
  answer: 'approve' | 'reject'
  reason?: string
  person: Person
  door: Door
  /** Comes from the click: the same key counts once. */
  key: string
}

/** What a gate asks, as far as a decision needs it. */
export interface GateState {
  step: string
  state: 'pending' | 'open' | 'closed'
  /** How it was closed, for whoever comes late: a sentence. */
  closedBecause?: string
  roles: Role[]
  approvals: number
  /** Id of who started the drill. */
  requester: string
  votes: Vote[]
}

export interface Vote {
  person: string
  name: string
  answer: 'approve' | 'reject'
  key: string
  /** Who is away and was answered for. */
  for?: Seat
}

export interface Refused { refused: { code: RefusalCode, message: string } }
export type RefusalCode = 'gate.notOpen' | 'gate.closed' | 'decision.requester' | 'decision.role' | 'decision.twice' | 'decision.unverified' | 'decision.service'

export interface Decided {
  gate: GateState
  /** `undecided`: more approvals are needed. */
  outcome: 'approved' | 'rejected' | 'undecided'
}

/**
 * May this person answer this gate now, and what does the answer make of it? Pure: the Update's validator, the Update, the
 * break-glass Signal and the queries all ask it. Quorum by role, requester excluded, one vote a person and a seat, one rejection
 * ends it. Roles are those that the person holds in the drill's environment; a deputy has the seat of who is away.
 */
export function decide (gate: GateState, decision: Decision, options: { breakGlass: boolean, place: Place }): Decided | Refused {
  const refuse = (code: RefusalCode, message: string): Refused => ({ refused: { code, message } })
  const { person, answer } = decision
  if (gate.state === 'pending') return refuse('gate.notOpen', `gate "${gate.step}" is not open yet`)
  if (gate.state === 'closed') return refuse('gate.closed', `gate "${gate.step}" is already closed: ${gate.closedBecause ?? 'it was decided'}`)
  if (decision.door === 'signal' && !options.breakGlass) {
    return refuse('decision.unverified', 'a signal proves no sender, and this environment does not allow break-glass decisions')
  }
  if (person.service) return refuse('decision.service', `${person.name} is a service account: it may start drills, and never answers a gate`)
  // Whoever asked for a drill may always stop it, but never wave it through: nor may somebody in their stead.
  const mayCount = (id: string): boolean => answer === 'reject' || id !== gate.requester
  if (!mayCount(person.id)) {
    return refuse('decision.requester', `${person.name} started this drill and may not approve its gates; ask somebody else who is ${roleList(gate.roles)}`)
  }
  const seats = seatsOf(person, gate.roles, options.place)
  if (seats.length === 0) {
    const held = rolesIn(person, options.place)
    return refuse('decision.role', `gate "${gate.step}" is decided by ${roleList(gate.roles)}; ${person.name} is ${held.length === 0 ? 'nothing' : held.join(', ')} in ${options.place.name}`)
  }
  const eligible = seats.filter(seat => mayCount(seat.id))
  if (eligible.length === 0) {
    return refuse('decision.requester', `${person.name} stands in for ${seats[0]!.name}, who started this drill and may not approve its gates`)
  }
  if (gate.votes.some(vote => vote.person === person.id)) {
    return refuse('decision.twice', `${person.name} has answered gate "${gate.step}" already`)
  }
  const seat = eligible.find(seat => !gate.votes.some(vote => (vote.for?.id ?? vote.person) === seat.id))
  if (!seat) {
    const spoken = gate.votes.find(vote => (vote.for?.id ?? vote.person) === eligible[0]!.id)!
    return refuse('decision.twice', `${spoken.name} has answered gate "${gate.step}" already${spoken.for ? `, for ${spoken.for.name}` : ''}`)
  }
  const votes = [...gate.votes, { person: person.id, name: person.name, answer, key: decision.key, ...seat.id === person.id ? {} : { for: seat } }]
  const approved = votes.filter(vote => vote.answer === 'approve').length
  const outcome = answer === 'reject' ? 'rejected' : approved >= gate.approvals ? 'approved' : 'undecided'
  const closed = outcome === 'undecided'
    ? {}
    : { state: 'closed' as const, closedBecause: `${outcome} by ${votes.filter(vote => vote.answer === answer).map(voterText).join(', ')}` }
  return { gate: { ...gate, votes, ...closed }, outcome }
}

export function isRefused (result: Decided | Refused): result is Refused {
  return 'refused' in result
}

/** `Dora (for Ben)` */
export function voterText (vote: { name: string, for?: Seat }): string {
  return vote.for ? `${vote.name} (for ${vote.for.name})` : vote.name
}

function roleList (roles: Role[]): string {
  return roles.join(' or ')
}
