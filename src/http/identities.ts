import { createHash } from 'node:crypto'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'

interface Known { person: Person, atMs: number }

/**
 * Keys to people, remembered for a moment. A person who was seen a moment ago can still abort a drill while the store is down,
 * which is when it matters; the price is that a key revoked elsewhere works for up to `freshMs` (and, with the store down, `keptMs`).
 */
export class Identities {
  readonly #known = new Map<string, Known>()

  constructor (
    private readonly find: (key: string) => Promise<Person | undefined>,
    private readonly options: { freshMs: number, keptMs: number, limit: number, now: () => number } = { freshMs: 5000, keptMs: 60_000, limit: 1000, now: Date.now }
  ) {}

  /** The person behind a key. @throws DrillError `auth.invalid`, or `store.down` where nothing is remembered either */
  async personOf (key: string): Promise<Person> {
    const id = digest(key)
    const known = this.#known.get(id)
    const age = known ? this.options.now() - known.atMs : Infinity
    if (known && age < this.options.freshMs) return known.person
    try {
      const person = await this.find(key)
      this.#known.delete(id)
      if (!person) throw new DrillError('auth.invalid', 'the key is wrong, revoked or expired')
      this.#remember(id, person)
      return person
    } catch (error) {
      if (known && age < this.options.keptMs && error instanceof DrillError && error.code === 'store.down') return known.person
      throw error
    }
  }

  /** The person, where the key was proven lately; asks nobody. */
  peek (key: string): Person | undefined {
    const known = this.#known.get(digest(key))
    return known && this.options.now() - known.atMs < this.options.keptMs ? known.person : undefined
  }

  /** A key of this person was revoked here: none of theirs is believed without asking. */
  forget (personId: string): void {
    for (const [id, { person }] of this.#known) {
      if (person.id === personId) this.#known.delete(id)
    }
  }

  #remember (id: string, person: Person): void {
    if (this.#known.size >= this.options.limit) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(id, { person, atMs: this.options.now() })
  }
}

/** Keys are never kept, not even in memory. */
function digest (key: string): string {
  return createHash('sha256').update(key).digest('base64')
}
