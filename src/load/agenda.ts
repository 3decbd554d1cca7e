/** Who is due next: a binary heap over times. The generator asks it some hundred times a second. */
export class Agenda<T> {
  private readonly entries: Array<{ dueMs: number, item: T }> = []

  get nextMs (): number | undefined { return this.entries[0]?.dueMs }

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

  /** The earliest one that is due by now, if one is. */
  take (nowMs: number): { dueMs: number, item: T } | undefined {
    const { entries } = this
    const first = entries[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    const last = entries.pop()!
    if (entries.length > 0) {
      entries[0] = last
      this.sink()
    }
    return first
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
