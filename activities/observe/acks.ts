/** Silence between two acks of canaries, of any writer. Plain data: it goes from one attempt to the next. */
export interface Acks {
  lastMs?: number
  longestGapMs: number
  /** The longer silences, in order of time. */
  gaps: Array<{ fromMs: number, toMs: number }>
}

const remembered = 100

/** One more ack. Gaps below `worthMs` are everyday pacing and are not kept. */
export function addAck (acks: Acks, atMs: number, worthMs: number): void {
  if (acks.lastMs !== undefined) {
    const gap = { fromMs: acks.lastMs, toMs: atMs }
    acks.longestGapMs = Math.max(acks.longestGapMs, length(gap))
    if (length(gap) >= worthMs) keep(acks, gap)
  }
  acks.lastMs = atMs
}

/**
 * The first ack after an outage: the one that ended the longest silence that overlaps it. Not simply the first after its begin:
 * backends that outlive their postmaster by some milliseconds still acknowledge.
 */
export function firstAckAfter (acks: Acks, outage: { fromMs: number, toMs?: number } | undefined): number | undefined {
  if (!outage) return undefined
  const overlapping = acks.gaps.filter(gap => gap.toMs > outage.fromMs && gap.fromMs < (outage.toMs ?? Infinity))
  return overlapping.sort((a, b) => length(b) - length(a))[0]?.toMs
}

function keep (acks: Acks, gap: { fromMs: number, toMs: number }): void {
  acks.gaps.push(gap)
  if (acks.gaps.length <= remembered) return
  const shortest = acks.gaps.reduce((least, other) => length(other) < length(least) ? other : least)
  acks.gaps.splice(acks.gaps.indexOf(shortest), 1)
}

function length (gap: { fromMs: number, toMs: number }): number {
  return gap.toMs - gap.fromMs
}
