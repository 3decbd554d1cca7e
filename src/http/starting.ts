import type { Admission, DrillInput } from '../drill/input.js'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { releaseDrill, reserveDrill } from '../store/drills.js'
import { expectations } from '../store/expectations.js'
import { assertMayIn } from './auth.js'
import type { AppDeps } from './deps.js'
import { hashOf, newDrillId, prepare, type Wanted } from './preparing.js'

export interface Started { drillId: string, admission: Admission, again: boolean }

/**
 * Starts a drill, through whatever door somebody asked for it, and waits for its admission. The same key of the same commander
 * gives the same drill; `again` says so.
 *
 * @throws DrillError `auth.forbidden` where the person may not start drills in that environment; as `prepare`, `reserveDrill` and Temporal's door do, with the drill's id in the details
 */
export async function startDrill ({ store, temporal, catalog, config, log }: Pick<AppDeps, 'store' | 'temporal' | 'catalog' | 'config' | 'log'>, commander: Person, wanted: Wanted, idempotencyKey?: string): Promise<Started> {
  const input = prepare(await catalog(), wanted, commander, newDrillId(wanted.runbook, new Date()))
  const { runbook, environment } = input
  assertMayIn(commander, 'drill.start', environment)
  const { state, drillId } = await reserveDrill(store.pool, {
    drillId: input.drillId, idempotencyKey, requestHash: hashOf(wanted),
    runbook: runbook.name, runbookTitle: runbook.title, runbookType: runbook.type, runbookHash: input.runbookHash,
    environment: environment.name, tier: environment.tier, commander,
  })
  const expectedMs = await expectations(store.pool, runbook.name, environment.name)
  const admission = await start({ ...input, drillId, expectedMs })
  const again = state === 'earlier'
  log.info({ person: commander.id, drillId, runbook: runbook.name, environment: environment.name, again }, 'drill admitted')
  return { drillId, admission, again }

  async function start (input: DrillInput): Promise<Admission> {
    const { drillId } = input
    try {
      return await temporal.start(input)
    } catch (error) {
      if (!(error instanceof DrillError)) throw error
      if (error.code === 'temporal.timeout') {
        throw new DrillError('temporal.timeout', `no worker answered in time; drill ${drillId} waits for one and starts as soon as it is there`, { cause: error, details: { drillId, url: urlOf(config, drillId) } })
      }
      // Without a key nobody can ask for this drill again; with one, the next try goes on with it.
      if (error.code === 'temporal.down' && idempotencyKey === undefined) await releaseDrill(store.pool, drillId).catch(() => {})
      const { details } = error
      throw new DrillError(error.code, error.message, { cause: error, details: details === undefined ? { drillId } : details })
    }
  }
}

/** Where the API answers for a drill. */
export function urlOf (config: AppDeps['config'], drillId: string): string {
  return `${config.publicUrl}/v1/drills/${encodeURIComponent(drillId)}`
}
