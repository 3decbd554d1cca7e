// Wall time that does not jump while somebody measures by it: read once from the wall clock, then counted by the steady one. While nobody
// measures it follows the wall clock, so that a worker of many weeks tells the time of everybody else.

let offsetMs = wallOffsetMs()
let holders = 0

/** Epoch ms. */
export function steadyNow (): number {
  if (holders === 0) offsetMs = wallOffsetMs()
  return Math.round(offsetMs + performance.now())
}

export interface HeldClock {
  /** By how much the wall clock was set since it was held, ms; negative where it was set back. */
  jumpedMs: () => number
  release: () => void
}

/** Keeps it steady until it is released; several may hold it at once. */
export function holdClock (): HeldClock {
  if (holders++ === 0) offsetMs = wallOffsetMs()
  const atStartMs = wallOffsetMs()
  let held = true
  return {
    jumpedMs: () => Math.round(wallOffsetMs() - atStartMs),
    release: () => {
      if (held) holders--
      held = false
    },
  }
}

function wallOffsetMs (): number {
  return Date.now() - performance.now()
}
