/** When somebody is due; `index` is the agenda's own. */
export interface Entry<T> { dueMs: number, readonly item: T, index: number }

/** Who is due next: a binary heap over times. The generator asks it some thousand times a second. */
export class Agenda<T> {
  private readonly entries: Array<Entry<T>> = []

  /** Who is due before all others. */
  get first (): Readonly<Entry<T>> | undefined { return this.entries[0] }

  push (dueMs: number, item: T): Entry<T> {
    const entry: Entry<T> = { dueMs, item, index: this.entries.length }
    this.entries.push(entry)
    this.rise(entry)
    return entry
  }

  /** The first one is due at another time from now on, if there is a first one. */
  putOff (dueMs: number): void {
    const [first] = this.entries
    if (first === undefined) return
    first.dueMs = dueMs
    this.sink()
  }

  /** One is due earlier than it was. */
  bringForward (entry: Entry<T>, dueMs: number): void {
    entry.dueMs = dueMs
    this.rise(entry)
  }

  private rise (entry: Entry<T>): void {
    const { entries } = this
    while (entry.index > 0) {
      const parent = (entry.index - 1) >> 1
      if (entries[parent]!.dueMs <= entry.dueMs) return
      this.swap(entry.index, parent)
    }
  }

  private sink (): void {
    const { entries } = this
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      if (left >= entries.length) return
      const child = left + 1 < entries.length && entries[left + 1]!.dueMs < entries[left]!.dueMs ? left + 1 : left
      if (entries[index]!.dueMs <= entries[child]!.dueMs) return
      this.swap(index, child)
      index = child
    }
  }

  private swap (one: number, other: number): void {
    const { entries } = this
    const kept = entries[one]!
    entries[one] = entries[other]!
    entries[other] = kept
    entries[one].index = one
    kept.index = other
  }
}
