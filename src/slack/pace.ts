/** What Slack takes over time: `calls` in `perMs`, at most so many at once. */
export interface Allowance { calls: number, perMs: number }

/** Below Slack's own limits (a message a second and channel; 50 edits a minute), so that they are mostly not met. */
export const allowances = { post: { calls: 4, perMs: 5000 }, update: { calls: 40, perMs: 60_000 } } satisfies Record<string, Allowance>

/** A bucket that refills by itself: whoever finds it empty waits for the next drop. */
export class Pace {
  private level: number
  private atMs: number

  constructor (private readonly allowance: Allowance, private readonly now: () => number = Date.now) {
    this.level = allowance.calls
    this.atMs = now()
  }

  /** Takes one; how long to wait for it, ms. */
  take (): number {
    const { calls, perMs } = this.allowance
    const now = this.now()
    this.level = Math.min(calls, this.level + (now - this.atMs) * calls / perMs) - 1
    this.atMs = now
    return this.level >= 0 ? 0 : Math.ceil(-this.level * perMs / calls)
  }
}
