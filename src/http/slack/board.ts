import { randomUUID } from 'node:crypto'
import type { DrillEvent } from '../../drill/timeline.js'
import type { Board } from '../../slack/drawing.js'
import { escape } from '../../slack/text.js'
import type { Store } from '../../store/pool.js'
import { claimDrawing, dueDrills, endDrawing, forgetMessages, intendMessage, keepMessage, mentionable, postedMessages } from '../../store/slack.js'
import { readEvents } from '../../store/timeline.js'

/** A running outage's card is redrawn this often, ms, for its clock. */
const tickMs = 15_000
const pageSize = 1000

/** What the announcer remembers, in the store. @param workspace whose users can be mentioned */
export function storeBoard ({ pool, feed }: Store, channel: string, workspace: () => Promise<string | undefined>): Board {
  const drawer = randomUUID()
  const watch = feed.watch()
  return {
    due: async () => await dueDrills(pool, channel, tickMs),
    claim: async drillId => await claimDrawing(pool, drillId, drawer),
    release: async (drillId, drawn) => { await endDrawing(pool, drillId, drawer, drawn?.seq, drawn?.isDone ?? false) },
    posted: async drillId => await postedMessages(pool, drillId),
    intend: async (drillId, key, wanted) => { await intendMessage(pool, drillId, key, wanted) },
    keep: async (drillId, key, place) => { await keepMessage(pool, drillId, key, place) },
    forget: async (drillId, key) => { await forgetMessages(pool, drillId, key) },
    async events (drillId) {
      const events: DrillEvent[] = []
      for (;;) {
        const page = await readEvents(pool, drillId, { after: events.at(-1)?.seq ?? 0, limit: pageSize })
        events.push(...page)
        if (page.length < pageSize) return events
      }
    },
    async mentions () {
      const [people, own] = await Promise.all([mentionable(pool), workspace()])
      return roles => {
        const holders = people.filter(person => roles.some(role => person.roles.includes(role))).slice(0, 20)
        if (holders.length === 0) return escape(roles.join(' or '))
        return holders.map(({ name, slackUser }) => {
          const [home, user] = slackUser?.split(':') ?? []
          return home !== undefined && home === own ? `<@${user}>` : escape(name)
        }).join(' ')
      }
    },
    changed: async signal => { await watch.changed(signal) },
  }
}
