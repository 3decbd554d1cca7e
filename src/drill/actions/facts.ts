import type { Hit } from '../limits.js'

/** What is known of an action without running it: for plans, Temporal's UI, timeouts and the report. Pure. */
export interface ActionFacts<Input> {
  /** What it does, for the reference. */
  about: string
  /** One line of what it will do. */
  title: (input: Input) => string
  /** One line of what its undo will do. */
  undoTitle: (input: Input) => string
  /** What a person should run when the undo could not be proven. */
  byHand: (input: Input) => string
  /** It breaks something: the probe must see the effect, else the drill is `invalid`. */
  isFault?: boolean
  /** Touches a place of its own only, nothing of the environment: a runbook that is readOnly may do it. */
  isBeside?: boolean
  /** What it takes away from its users until it is undone: it counts for the blast radius. */
  hits?: (input: Input) => Hit[]
  /** Its undo comes before all others: they may need it, and it harms nobody at any time. */
  healsFirst?: boolean
  /** It holds a lease: its undo is right at any moment, whoever calls it, so the watchdog reverts it when nobody renews. */
  isLeased?: boolean
  /** Longest single try, as a duration. */
  timeout: string
  undoTimeout: string
}

/** What is known of each action of a subject, by its name. */
export type ActionCatalog<Inputs> = { [A in keyof Inputs]: ActionFacts<Inputs[A]> }
