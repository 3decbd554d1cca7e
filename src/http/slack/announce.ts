import type { FastifyBaseLogger } from 'fastify'
import { startAnnouncer } from '../../slack/announcer.js'
import type { Slack } from '../../slack/client.js'
import type { Pace } from '../../slack/pace.js'
import type { Store } from '../../store/pool.js'
import { storeBoard } from './board.js'

export interface AnnounceOptions {
  store: Store
  slack: Slack
  channel: string
  publicUrl: string
  log: FastifyBaseLogger
  everyMs?: number
  retryMs?: number
  pace?: { post: Pace, update: Pace }
}

/**
 * Draws the drills of the store in their channel, beside the API. Not an activity of the drill: a drill knows nothing of Slack, so
 * no outage of Slack keeps a workflow open or costs it history, and the token stays in the process that needs it for clicks anyway.
 * Several API processes share the work, each drill being drawn by one at a time.
 */
export function announceDrills ({ store, channel, ...options }: AnnounceOptions): { stop: () => Promise<void> } {
  let workspace: Promise<string | undefined> | undefined
  // Without it people are named and not mentioned: no reason to draw nothing.
  const own = async (): Promise<string | undefined> => {
    workspace ??= options.slack.whoAmI().then(({ workspace }) => workspace, () => { workspace = undefined; return undefined })
    return await workspace
  }
  return startAnnouncer({ ...options, channel, board: storeBoard(store, channel, own) })
}
