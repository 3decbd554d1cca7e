import type { Door, Person, Role } from './people.js'

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
  votes: Array<{ person: string, name: string, answer: 'approve' | 'reject', key: string }>
}

export interface Refused { refused: { code: RefusalCode, message: string } }
export type RefusalCode = 'gate.notOpen' | 'gate.closed' | 'decision.requester' | 'decision.role' | 'decision.twice' | 'decision.unverified'

export interface Decided {
  gate: GateState
  /** `undecided`: more approvals are needed. */
  outcome: 'approved' | 'rejected' | 'undecided'
}

/**
 * May this person answer this gate now, and what does the answer make of it? Pure: the Update's validator, the Update, the
 * break-glass Signal and the queries all ask it. Quorum by role, requester excluded, one vote a person, one rejection ends it.
 */
export function decide (gate: GateState, decision: Decision, options: { breakGlass: boolean }): Decided | Refused {
  const refuse = (code: RefusalCode, message: string): Refused => ({ refused: { code, message } })
  const { person } = decision
  if (gate.state === 'pending') return refuse('gate.notOpen', `gate "${gate.step}" is not open yet`)
  if (gate.state === 'closed') return refuse('gate.closed', `gate "${gate.step}" is already closed: ${gate.closedBecause ?? 'it was decided'}`)
  if (decision.door === 'signal' && !options.breakGlass) {
    return refuse('decision.unverified', 'a signal proves no sender, and this environment does not allow break-glass decisions')
  }
  // Whoever asked for a drill may always stop it, but never wave it through.
  if (person.id === gate.requester && decision.answer === 'approve') {
    return refuse('decision.requester', `${person.name} started this drill and may not approve its gates; ask somebody else who is ${roleList(gate.roles)}`)
  }
  if (!gate.roles.some(role => person.roles.includes(role))) {
    return refuse('decision.role', `gate "${gate.step}" is decided by ${roleList(gate.roles)}; ${person.name} is ${person.roles.length === 0 ? 'nothing' : person.roles.join(', ')}`)
  }
  if (gate.votes.some(vote => vote.person === person.id)) {
    return refuse('decision.twice', `${person.name} has answered gate "${gate.step}" already`)
  }
  const votes = [...gate.votes, { person: person.id, name: person.name, answer: decision.answer, key: decision.key }]
  const approved = votes.filter(vote => vote.answer === 'approve').length
  const outcome = decision.answer === 'reject' ? 'rejected' : approved >= gate.approvals ? 'approved' : 'undecided'
  const closed = outcome === 'undecided'
    ? {}
    : { state: 'closed' as const, closedBecause: `${outcome} by ${votes.filter(vote => vote.answer === decision.answer).map(vote => vote.name).join(', ')}` }
  return { gate: { ...gate, votes, ...closed }, outcome }
}

export function isRefused (result: Decided | Refused): result is Refused {
  return 'refused' in result
}

function roleList (roles: Role[]): string {
  return roles.join(' or ')
}
