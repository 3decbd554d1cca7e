import type { SmokeChecks } from '../check.js'
import { access } from './access.js'
import { alertArrives } from './alert-arrives.js'
import { alertmanager } from './alertmanager.js'
import { cache } from './cache.js'
import { cacheHits } from './cache-hits.js'
import { database } from './database.js'
import { figures } from './figures.js'
import { grafana } from './grafana.js'
import { injection } from './injection.js'
import { journey } from './journey.js'
import { latency } from './latency.js'
import { logs } from './logs.js'
import { prometheus } from './prometheus.js'
import { replication } from './replication.js'
import { roundTrip } from './round-trip.js'
import { securityHeaders } from './security-headers.js'
import { tls } from './tls.js'
import { worker } from './job.js'

/** One file a check; the compiler asks for a new one. */
export const smokeChecks: SmokeChecks = {
  journey, database, cache, worker,
  'round-trip': roundTrip, replication,
  'security-headers': securityHeaders, tls, access, injection,
  latency, 'cache-hits': cacheHits, figures,
  prometheus, alertmanager, 'alert-arrives': alertArrives, grafana, logs,
}
