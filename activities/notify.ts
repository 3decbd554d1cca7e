import { Context } from '@temporalio/activity'
import { request } from 'undici'
import { messageOf } from '../src/errors.js'

export interface NotifyInput {
  drillId: string
  /** Webhook references by channel; undefined where the environment has no such channel. */
  channels: Record<string, string | undefined>
  message: string
}

/** Nobody may take a drill for the real thing. */
export const banner = 'THIS IS A DRILL'

/** Posts a message to every channel; answers which could not be told. A silent channel never stops a drill. */
export function createNotify (deps: { secret: (ref: string) => Promise<string>, log: (message: string, fields?: Record<string, unknown>) => void }) {
  return async ({ drillId, channels, message }: NotifyInput): Promise<{ failed: string[] }> => {
    const signal = Context.current().cancellationSignal
    const told = await Promise.all(Object.entries(channels).map(async ([name, ref]) => {
      try {
        if (ref === undefined) throw new Error('the environment has no such channel')
        const { statusCode, body } = await request(await deps.secret(ref), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ text: `${banner}: ${message}`, drill: drillId }),
          headersTimeout: 3000,
          bodyTimeout: 3000,
          signal,
        })
        await body.dump()
        if (statusCode >= 300) throw new Error(`answered ${statusCode}`)
        return undefined
      } catch (error) {
        // The address may hold a token: the channel's name is enough.
        deps.log('a channel could not be told', { drillId, channel: name, reason: messageOf(error).slice(0, 200) })
        return name
      }
    }))
    return { failed: told.filter(name => name !== undefined) }
  }
}
