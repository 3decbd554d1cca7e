/** What one person has asked for and a second one must confirm: a grant in production, a deputy there, the lifting of a halt. */
export interface Asked {
  by: { id: string, name: string }
  /** Who gains by it, if anybody: they may ask, but not confirm. */
  gains?: { id: string, name: string }
  /** For the sentence of a refusal, e.g. `approver in tier:production for Ben`. */
  what: string
}

/** Why this person may not be the second pair of eyes; undefined where they may. Whether they hold the right is asked elsewhere. Pure. */
export function refusedAsSecond ({ by, gains, what }: Asked, person: { id: string, name: string, service?: boolean }): { code: 'decision.fourEyes', message: string } | undefined {
  const refuse = (why: string): { code: 'decision.fourEyes', message: string } => ({ code: 'decision.fourEyes', message: `${what} takes two people: ${why}` })
  if (person.service) return refuse(`${person.name} is a service account`)
  if (person.id === by.id) return refuse(`${person.name} asked for it, somebody else must confirm`)
  if (person.id === gains?.id) return refuse(`${person.name} gains by it, somebody else must confirm`)
  return undefined
}
