/** How many calls a method takes in a time, and how many at once before that counts. */
export interface Limit { calls: number, perMs: number }
export type Limits = Record<string, Limit>

/** Slack's own: one message a second and channel with short bursts; tier 3 is 50 a minute, tier 4 100. */
const slackLimits: Limits = {
  'chat.postMessage': { calls: 5, perMs: 5000 },
  'chat.update': { calls: 50, perMs: 60_000 },
  'views.open': { calls: 100, perMs: 60_000 },
  'views.update': { calls: 100, perMs: 60_000 },
  'users.info': { calls: 100, perMs: 60_000 },
  'reactions.get': { calls: 50, perMs: 60_000 },
  'conversations.history': { calls: 50, perMs: 60_000 },
  'conversations.replies': { calls: 50, perMs: 60_000 },
}

/** Counts calls of the last moments. */
export class RateLimits {
  private readonly taken = new Map<string, number[]>()

  constructor (private readonly limits: Limits = slackLimits) {}

  /** 0 where a call may go through, which counts it; else whole seconds to wait. */
  waitS (method: string, channel: string | undefined): number {
    const limit = this.limits[method]
    if (!limit) return 0
    const key = method === 'chat.postMessage' ? `${method} ${channel}` : method
    const now = Date.now()
    const recent = (this.taken.get(key) ?? []).filter(atMs => now - atMs < limit.perMs)
    this.taken.set(key, recent)
    if (recent.length < limit.calls) {
      recent.push(now)
      return 0
    }
    return Math.max(1, Math.ceil((recent[0]! + limit.perMs - now) / 1000))
  }
}
