import type pg from 'pg'

/** One LISTEN connection for all who follow a timeline in this process; it is opened for the first and closed with the last. */
export interface Feed {
  /** Without an id: whatever drill has news. */
  watch: (drillId?: string) => Watch
  close: () => Promise<void>
}

export interface Watch {
  /** Resolves once there was a notice since the last call (or since the watch began), after the poll time, or on abort. */
  changed: (signal: AbortSignal) => Promise<void>
  stop: () => void
}

interface Follower { drillId: string | undefined, noticed: boolean, wake?: () => void }

const channel = 'muster_timeline'

export function createFeed (connect: () => pg.Client, pollEveryMs: number): Feed {
  const followers = new Set<Follower>()
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const wake = (drillId?: string): void => {
    for (const follower of followers) {
      if (drillId !== undefined && follower.drillId !== undefined && follower.drillId !== drillId) continue
      follower.noticed = true
      follower.wake?.()
    }
  }

  const listen = (): void => {
    if (client || retry || closed || followers.size === 0) return
    const mine = connect()
    client = mine
    const lost = (): void => {
      if (client !== mine) return
      client = undefined
      mine.end().catch(() => {})
      if (closed || followers.size === 0) return
      // Followers poll meanwhile, so there is no hurry.
      retry = setTimeout(() => { retry = undefined; listen() }, Math.min(1000, pollEveryMs))
      retry.unref()
    }
    mine.on('error', lost)
    mine.on('end', lost)
    mine.on('notification', message => { wake(drillOf(message.payload)) })
    // Whatever was said before the connection stood is read now.
    mine.connect().then(async () => { await mine.query(`listen ${channel}`) }).then(() => { wake() }, lost)
  }

  const unlisten = async (): Promise<void> => {
    clearTimeout(retry)
    retry = undefined
    const mine = client
    client = undefined
    await mine?.end().catch(() => {})
  }

  return {
    watch (drillId) {
      const follower: Follower = { drillId, noticed: false }
      followers.add(follower)
      listen()
      return {
        async changed (signal) {
          if (!follower.noticed && !signal.aborted && !closed) {
            await new Promise<void>(resolve => {
              const timer = setTimeout(done, pollEveryMs)
              function done (): void {
                clearTimeout(timer)
                signal.removeEventListener('abort', done)
                follower.wake = undefined
                resolve()
              }
              follower.wake = done
              signal.addEventListener('abort', done)
            })
          }
          follower.noticed = false
        },
        stop () {
          followers.delete(follower)
          follower.wake?.()
          if (followers.size === 0) unlisten().catch(() => {})
        },
      }
    },
    async close () {
      closed = true
      wake()
      await unlisten()
    },
  }
}

function drillOf (payload: string | undefined): string | undefined {
  // The number stands last: a drill id may hold any other character.
  return payload?.slice(0, payload.lastIndexOf(' '))
}
