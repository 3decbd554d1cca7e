import { seatsOf, type Person, type Place, type Role, type Seat } from './people.js'

/** A person as the list of who is on call has them. */
export interface OnCall extends Person { awayUntilMs?: number }

/** Somebody who can answer now. */
export interface Answerer {
  id: string
  name: string
  /** Whose voice it is, where it is not their own. */
  for?: Seat
}

/** Somebody who holds the role and is away. */
export interface Absent { id: string, name: string, untilMs: number, deputies: string[] }

/**
 * Who can answer for one of these roles now, and who is away. As many are named as can answer side by side: nobody has two votes,
 * nobody's voice counts twice, and neither who started the drill nor whoever stands in for them is among them. Pure.
 *
 * @param people everybody with a way in; away people are given with `awayUntilMs`
 * @param requester id of who starts the drill
 */
export function whoCanAnswer (people: OnCall[], wanted: readonly Role[], place: Place, requester?: string): { can: Answerer[], away: Absent[] } {
  const present = people.filter(person => person.awayUntilMs === undefined && person.id !== requester)
  const seats = new Map(present.map(person => [person.id, seatsOf(person, wanted, place).filter(seat => seat.id !== requester)]))
  const takenBy = new Map<string, { person: OnCall, seat: Seat }>()
  // A largest matching of people and seats: whoever needs a seat that is taken may make its holder look for another one.
  const sit = (person: OnCall, tried: Set<string>): boolean => (seats.get(person.id) ?? []).some(seat => {
    if (tried.has(seat.id)) return false
    tried.add(seat.id)
    const holder = takenBy.get(seat.id)
    if (holder && !sit(holder.person, tried)) return false
    takenBy.set(seat.id, { person, seat })
    return true
  })
  for (const person of present) sit(person, new Set())
  const can = [...takenBy.values()].map(({ person, seat }) => ({ id: person.id, name: person.name, ...seat.id === person.id ? {} : { for: seat } }))
  const away = people.filter(person => person.awayUntilMs !== undefined && person.id !== requester && seatsOf({ ...person, standsInFor: [] }, wanted, place).length > 0)
  return {
    can: can.sort((a, b) => a.id < b.id ? -1 : 1),
    away: away.map(({ id, name, awayUntilMs }) => ({
      id, name, untilMs: awayUntilMs!, deputies: present.filter(person => person.standsInFor?.some(one => one.id === id)).map(person => person.name),
    })),
  }
}

/** `Ben, Dora (for Cai)`, or what keeps everybody from answering. */
export function answerersText ({ can, away }: { can: Answerer[], away: Absent[] }): string {
  const now = can.map(person => person.for === undefined ? person.name : `${person.name} (for ${person.for.name})`).join(', ')
  const gone = away.filter(absent => !can.some(person => person.for?.id === absent.id))
    .map(({ name, untilMs, deputies }) => `${name} is away until ${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')}${deputies.length === 0 ? ', without a deputy' : ''}`)
  return [now || 'nobody', ...gone].join('; ')
}
