/** Who is due next: a binary heap over times. The generator asks it some thousand times a second. */
export class Agenda<T> {
  private readonly entries: Array<{ dueMs: number, readonly item: T }> = []

  /** Who is due before all others. */
  get first (): { readonly dueMs: number, readonly item: T } | undefined { return this.entries[0] }

  push (dueMs: number, item: T): void {
    const { entries } = this
    let index = entries.push({ dueMs, item }) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (entries[parent]!.dueMs <= dueMs) break
      swap(entries, index, parent)
      index = parent
    }
  }

  /** The first one is due at another time from now on, if there is a first one. */
  putOff (dueMs: number): void {
    const [first] = this.entries
    if (first === undefined) return
    first.dueMs = dueMs
    this.sink()
  }

  private sink (): void {
    const { entries } = this
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      if (left >= entries.length) return
      const child = left + 1 < entries.length && entries[left + 1]!.dueMs < entries[left]!.dueMs ? left + 1 : left
      if (entries[index]!.dueMs <= entries[child]!.dueMs) return
      swap(entries, index, child)
      index = child
    }
  }
}

function swap<T> (entries: T[], one: number, other: number): void {
  const kept = entries[one]!
  entries[one] = entries[other]!
  entries[other] = kept
}
