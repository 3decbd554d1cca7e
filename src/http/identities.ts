import { createHash } from 'node:crypto'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'

/** Whom a key or a token speaks for, and until when, ms. */
export type Found = Person & { untilMs?: number }

interface Known { person: Person, atMs: number, untilMs: number }

/**
 * Keys and tokens to people, remembered for a moment. A person who was seen a moment ago can still abort a drill while the store is
 * down, which is when it matters; the price is that a key revoked elsewhere works for up to `freshMs` (and, with the store down,
 * `keptMs`). Where somebody's voice is counted, nobody is believed without asking while there is somebody to ask.
 */
export class Identities {
  readonly #known = new Map<string, Known>()

  constructor (
    private readonly find: (credential: string) => Promise<Found | undefined>,
    private readonly options: { freshMs: number, keptMs: number, limit: number, now: () => number } = { freshMs: 5000, keptMs: 60_000, limit: 1000, now: Date.now }
  ) {}

  /** The person behind a key or token. @throws DrillError `auth.*`, or `store.down` where nothing is remembered either */
  async personOf (credential: string, { asked = false }: { asked?: boolean } = {}): Promise<Person> {
    const id = digest(credential)
    const known = this.#alive(id)
    const age = known ? this.options.now() - known.atMs : Infinity
    if (known && !asked && age < this.options.freshMs) return known.person
    try {
      const found = await this.find(credential)
      this.#known.delete(id)
      if (!found) throw new DrillError('auth.invalid', 'the key is wrong, revoked or expired')
      const { untilMs = Infinity, ...person } = found
      this.#remember(id, { person, atMs: this.options.now(), untilMs })
      return person
    } catch (error) {
      if (known && age < this.options.keptMs && error instanceof DrillError && (error.code === 'store.down' || error.code === 'auth.issuer')) return known.person
      throw error
    }
  }

  /** The person, where the key was proven lately; asks nobody. */
  peek (credential: string): Person | undefined {
    const known = this.#alive(digest(credential))
    return known && this.options.now() - known.atMs < this.options.keptMs ? known.person : undefined
  }

  /** Something of people has changed here: nobody is believed without asking. */
  forgetAll (): void {
    this.#known.clear()
  }

  #alive (id: string): Known | undefined {
    const known = this.#known.get(id)
    return known && this.options.now() < known.untilMs ? known : undefined
  }

  #remember (id: string, known: Known): void {
    if (this.#known.size >= this.options.limit) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(id, known)
  }
}

/** Keys and tokens are never kept, not even in memory. */
function digest (credential: string): string {
  return createHash('sha256').update(credential).digest('base64')
}
