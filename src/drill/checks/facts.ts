/** What is known of a check without asking it: for plans, Temporal's UI, timeouts and the reference. Pure. */
export interface CheckFacts<Input> {
  /** What it asks, for the reference. */
  about: string
  /** One line of what is so when it passes. */
  title: (input: Input) => string
  /** Longest single try, as a duration. */
  timeout: string
}

/** What is known of each check of a subject, by its name. */
export type CheckCatalog<Inputs> = { [C in keyof Inputs]: CheckFacts<Inputs[C]> }
