import { Agent, request } from 'undici'
import { readFileSync } from 'node:fs'
import type { ApiService } from '../../src/drill/environment.js'

export interface PageReading { body: unknown, hit: boolean, ms: number }

/** Reads pages of a service on kept connections, as its users do. */
export function pageReader (api: ApiService, drillId: string, signal: AbortSignal, deadlineMs = 3_000): { read: (path: string) => Promise<PageReading>, close: () => void } {
  const agent = new Agent({ connect: api.caFile === undefined ? {} : { ca: readFileSync(api.caFile, 'utf8') } })
  return {
    async read (path) {
      const from = performance.now()
      const answer = await request(new URL(path, api.url), {
        dispatcher: agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
        headers: { 'user-agent': 'muster-probe', 'x-muster-drill': drillId },
      })
      const text = await answer.body.text()
      if (answer.statusCode >= 400) throw new Error(`${path}: status ${answer.statusCode}`)
      return { body: JSON.parse(text) as unknown, hit: answer.headers['x-cache'] === 'hit', ms: performance.now() - from }
    },
    close: () => { agent.destroy().catch(() => {}) },
  }
}
