import type { Checks } from '../action.js'
import { configurationEqual } from '../restore/configuration-equal.js'
import { filesEqual, filesFresh, filesSound } from '../restore/files-checks.js'
import { alertsQuiet } from './alerts-quiet.js'
import { apiReady } from './api-ready.js'
import { canariesCompare } from './canaries-compare.js'
import { httpOk } from './http-ok.js'
import { postgresInvariants } from './postgres-invariants.js'
import { postgresSteady } from './postgres-steady.js'

/** Everything that can be asked: name → implementation, complete by the compiler. `dataDir`: where the observation keeps its journals. */
export function createChecks (deps: { dataDir: string }): Checks {
  return {
    'postgres.steady': postgresSteady,
    'postgres.invariants': postgresInvariants,
    'canaries.compare': canariesCompare(deps),
    'http.ok': httpOk,
    'api.ready': apiReady,
    'alerts.quiet': alertsQuiet,
    'files.fresh': filesFresh,
    'files.sound': filesSound,
    'files.equal': filesEqual,
    'configuration.equal': configurationEqual,
  }
}
