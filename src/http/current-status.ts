import type { DrillStatus } from '../drill/status.js'
import { DrillError } from '../errors.js'
import { findDrill, recordedStatus } from '../store/drills.js'
import { readEvents } from '../store/timeline.js'
import type { AppDeps } from './deps.js'

/** Where a status came from. */
export type Source = 'store' | 'temporal'

/** A running drill records within a second; what is older may be because nothing happens, or because nobody records. */
const behindAfterMs = 3000

/**
 * What a drill is at now. The store answers, where its record is of this moment or the drill has ended; else the workflow is asked
 * too, and whoever knows more is believed. Throws `drill.unknown` only where neither knows it.
 */
export async function currentStatus ({ store, temporal }: Pick<AppDeps, 'store' | 'temporal'>, drillId: string): Promise<{ source: Source, status: DrillStatus }> {
  let recorded: DrillStatus | undefined
  let trouble: unknown
  try {
    recorded = await recordedStatus(store.pool, drillId)
    if (recorded && (recorded.phase === 'ended' || await isOfNow(store, recorded))) return { source: 'store', status: recorded }
  } catch (error) {
    if (!isDown(error)) throw error
    trouble = error
  }
  try {
    const status = await temporal.status(drillId)
    return recorded && recorded.seq >= status.seq ? { source: 'store', status: recorded } : { source: 'temporal', status }
  } catch (error) {
    if (recorded) return { source: 'store', status: recorded }
    // Neither knows it, or one of the two could not be asked: then its trouble is the answer.
    throw trouble ?? error
  }
}

/** @throws DrillError `drill.unknown` where neither the store nor Temporal knows it */
export async function assertKnown ({ store, temporal }: Pick<AppDeps, 'store' | 'temporal'>, drillId: string): Promise<void> {
  try {
    if (await findDrill(store.pool, drillId) === undefined) await temporal.status(drillId)
  } catch (error) {
    await insteadOfStore(error, async () => await temporal.status(drillId))
  }
}

/**
 * What the workflow knows, where the record could not be asked. That Temporal does not know a drill proves nothing then: it forgets
 * those that have ended. @throws what kept the record from answering, where the workflow does not either
 */
export async function insteadOfStore<T> (trouble: unknown, ask: () => Promise<T>): Promise<T> {
  if (!isDown(trouble)) throw trouble
  return await ask().catch((error: unknown) => { throw error instanceof DrillError && error.code === 'drill.unknown' ? trouble : error })
}

export function isDown (error: unknown): boolean {
  return error instanceof DrillError && error.code === 'store.down'
}

async function isOfNow (store: AppDeps['store'], { drillId, seq }: DrillStatus): Promise<boolean> {
  const [last] = await readEvents(store.pool, drillId, { after: seq - 1, limit: 1 })
  return last !== undefined && Date.now() - last.atMs < behindAfterMs
}
