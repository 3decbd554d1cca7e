import { refusedAsSecond } from './four-eyes.js'
import type { Door, Person } from './people.js'
import { holdersText, may } from './rights.js'

/** Nothing may be drilled: everywhere, or in one environment. It lasts until it is lifted. */
export interface Halt {
  /** Absent: everywhere. */
  environment?: string
  by: Person
  reason: string
  atMs: number
  door: Door
}

/** Somebody wants it lifted; a second one must confirm. */
export interface LiftAsked { by: { id: string, name: string }, reason: string, atMs: number }

/** One sentence: who halted what, why and since when. */
export function haltText ({ environment, by, reason, atMs }: Halt): string {
  return `${environment ?? 'everything'} is halted by ${by.name} since ${new Date(atMs).toISOString().slice(0, 19)}Z: ${reason}`
}

export function appliesTo (halt: Pick<Halt, 'environment'>, environment: string): boolean {
  return halt.environment === undefined || halt.environment === environment
}

type Weighed = { outcome: 'asked' | 'lifted' } | { refused: { code: 'auth.forbidden' | 'decision.fourEyes', message: string } }

/** What a person's wish to lift a halt amounts to: the first one asks, a second one, who holds the right too, lifts. Pure. */
export function weighLift (halt: Halt, asked: LiftAsked | undefined, person: Person): Weighed {
  if (!may(person, 'halt.lift')) return { refused: { code: 'auth.forbidden', message: `${haltText(halt)}; lifting it is for ${holdersText('halt.lift')}, ${person.name} is none of them` } }
  if (!asked) return { outcome: 'asked' }
  const refused = refusedAsSecond({ by: asked.by, what: 'lifting a halt' }, person)
  return refused ? { refused } : { outcome: 'lifted' }
}
