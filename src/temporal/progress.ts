import type { Client } from '@temporalio/client'
import type { Progress } from '../drill/progress.js'
import { within } from './errors.js'

/**
 * How far the steps of a drill are that take long: the last heartbeats of its activities that run, as Temporal has them. Asks no worker and
 * no store.
 */
export async function progressOf (client: Client, drillId: string, withinMs: number): Promise<Progress[]> {
  const { raw } = await within(client, withinMs, drillId, async () => await client.workflow.getHandle(drillId).describe())
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter
  const payloads = (raw.pendingActivities ?? []).flatMap(({ heartbeatDetails }) => heartbeatDetails?.payloads?.slice(0, 1) ?? [])
  let decoded = payloads
  for (const codec of [...payloadCodecs].reverse()) decoded = await codec.decode(decoded)
  return decoded.map(payload => payloadConverter.fromPayload(payload) as unknown).filter(isProgress)
}

function isProgress (value: unknown): value is Progress {
  const { step, text } = (value ?? {}) as Partial<Progress>
  return typeof step === 'string' && typeof text === 'string'
}
