import { Redis } from 'ioredis'
import { until } from './database.js'
import type { Layout } from './layout.js'

const names = ['redis1', 'redis2'] as const

/** Makes redis1 the primary, unless a lab that runs has one already, and waits until the other one follows it. */
export async function settleCache ({ ports }: Pick<Layout, 'ports'>): Promise<void> {
  const clients = names.map((name) => {
    const redis = new Redis({ host: '127.0.0.1', port: ports[name], maxRetriesPerRequest: 3, commandTimeout: 2_000 })
    redis.on('error', () => {})
    return redis
  })
  try {
    const infos = (): Promise<string[]> => Promise.all(clients.map((redis) => redis.info('replication')))
    if (!(await infos()).some((info) => info.includes('role:master'))) await clients[0]!.replicaof('NO', 'ONE')
    await until('the cache to be one primary and its replica', 15_000, async () => {
      const seen = await infos()
      return seen.filter((info) => info.includes('role:master')).length === 1 && seen.some((info) => info.includes('master_link_status:up'))
    })
  } finally {
    for (const redis of clients) redis.disconnect()
  }
}
