import type pg from 'pg'
import type { FastifyBaseLogger } from 'fastify'
import { createClient } from './database.js'
import type { Shop } from './shop.js'

const everyMs = 500
const batch = 200
// Any number, as long as nothing else in this database uses it.
const lockKey = 7_001

/**
 * The background job: orders that are placed get fulfilled. Of all instances only the one that holds the advisory lock works; it
 * belongs to a connection, so it is free again as soon as its holder, or the database, dies.
 */
export function startFulfilment (shop: Shop, log: FastifyBaseLogger): { stop: () => Promise<void> } {
  const { leader, lastRun, queue, oldest, fulfilled } = shop.metrics.fulfilment
  let client: pg.Client | undefined
  let isLeader = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  const drop = async (): Promise<void> => {
    const old = client
    client = undefined
    isLeader = false
    leader.set(0)
    await old?.end().catch(() => {})
  }

  const round = async (): Promise<void> => {
    if (client === undefined) {
      client = createClient(shop.config)
      client.on('error', () => {})
      await client.connect()
    }
    if (!isLeader) {
      const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [lockKey])
      isLeader = rows[0]?.got === true
      leader.set(isLeader ? 1 : 0)
      if (isLeader) log.info('this instance fulfils orders now')
    }
    if (!isLeader) return
    const done = await client.query(
      `update orders set status = 'fulfilled', fulfilled_at = now() where id in
         (select id from orders where status = 'placed' order by placed_at limit ${batch} for update skip locked)`)
    fulfilled.inc(done.rowCount ?? 0)
    const { rows } = await client.query<{ waiting: number, age: number }>(
      "select count(*) as waiting, coalesce(extract(epoch from now() - min(placed_at)), 0)::float8 as age from orders where status = 'placed'")
    queue.set(rows[0]?.waiting ?? 0)
    oldest.set(Math.max(0, rows[0]?.age ?? 0))
    lastRun.setToCurrentTime()
  }

  const loop = async (): Promise<void> => {
    try {
      await round()
    } catch (error) {
      if (isLeader) log.warn({ reason: (error as Error).message }, 'fulfilment lost the database')
      await drop()
    }
    if (!stopped) timer = setTimeout(() => { running = loop() }, everyMs)
  }
  let running = loop()

  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
      await drop()
    },
  }
}
