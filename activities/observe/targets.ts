import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { DrillError, messageOf } from '../../src/errors.js'
import type { CacheCluster } from '../../src/drill/environment.js'
import { withRedis, type Reach } from '../redis/connection.js'
import { connectTo, type Address } from './connection.js'

/** One thing that the probe asks, through the door that its users take, on a new connection each time. */
export interface Target {
  name: string
  /** Resolves when the answer is good, within the deadline; throws what was wrong. */
  ask: (deadlineMs: number) => Promise<void>
  close?: () => void
}

/**
 * A real, durable write (a WAL message, so nothing is left behind and overlapping probes never wait for each other's row locks).
 * A standby refuses it, and it waits for the synchronous standby as the application's commits do.
 */
const writeSql = "select pg_logical_emit_message(true, 'muster.probe', $1)"

export function databaseTarget (address: Address): Target {
  return {
    name: 'database',
    async ask (deadlineMs) {
      const end = performance.now() + deadlineMs
      const connection = await connectTo(address, { deadlineMs, applicationName: 'muster probe' })
      try {
        const { doubt } = await connection.ask({ text: writeSql, values: ['probe'] }, Math.max(1, end - performance.now()))
        if (doubt !== undefined) throw new DrillError('component.unexpected', doubt)
      } finally {
        connection.close()
      }
    },
  }
}

/** A real write, gone by itself after a moment: a replica refuses it. */
export function cacheTarget (cache: CacheCluster, reach: Reach): Target {
  return {
    name: 'cache',
    async ask (deadlineMs) {
      await withRedis(cache.endpoint, reach, async redis => await redis.set('muster:probe', '1', 'PX', 5_000), deadlineMs)
    },
  }
}

/** Any status below 400 is good. Throws `config.invalid` where the certificate authority's file cannot be read. */
export function httpTarget (page: { name: string, url: string, caFile?: string }, drillId: string): Target {
  const agent = httpAgent(page.caFile)
  return {
    name: page.name,
    ask: async deadlineMs => {
      const status = await askPage(page.url, { agent, deadlineMs, drillId })
      if (status >= 400) throw new DrillError('component.unexpected', `status ${status}`)
    },
    close: () => { endAgent(agent) },
  }
}

/** An agent without keep-alive: a kept connection would hide that nobody new gets in. */
export function httpAgent (caFile?: string): Agent {
  try {
    return new Agent({ pipelining: 0, connections: null, connect: caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') } })
  } catch (error) {
    throw new DrillError('config.invalid', `the certificate authority cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** Ends its sockets now; nobody needs to wait for that. */
export function endAgent (agent: Agent): void {
  agent.destroy().catch(() => {})
}

/** The status of one GET, its body read and thrown away. */
export async function askPage (url: string, { agent, deadlineMs, drillId, signal }: { agent: Agent, deadlineMs: number, drillId: string, signal?: AbortSignal }): Promise<number> {
  // Not undici's own timeouts: they run on a coarse timer.
  const deadline = new AbortController()
  const timer = setTimeout(() => { deadline.abort(new DrillError('component.unreachable', `no answer within ${deadlineMs} ms`)) }, deadlineMs)
  try {
    const answer = await request(url, {
      dispatcher: agent,
      signal: signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]),
      headers: { 'user-agent': 'muster-probe', 'x-muster-drill': drillId },
    })
    await answer.body.dump()
    return answer.statusCode
  } finally {
    clearTimeout(timer)
  }
}
