import type { Duration } from './duration.js'
import type { HttpStep } from './journey.js'

/** What each smoke check takes. `{{ }}` stands for parameters, parts of the environment, accounts, the run's nonce, and captures of `steps`. */
export interface SmokeCheckInputs {
  journey: { steps: HttpStep[] }
  database: Record<string, never>
  cache: Record<string, never>
  worker: { steps: HttpStep[], depth?: MetricLimit, oldest?: MetricLimit }
  'round-trip': { steps: HttpStep[], text: string, replica?: ReplicaRead }
  replication: { maxSeconds?: number, maxBytes?: number }
  'security-headers': { pages: Array<{ path: string, status: number }> }
  tls: { days?: number, hstsDays?: number, plainUrl?: string }
  access: AccessInput
  injection: { paths: string[] }
  latency: { pages: LatencyPage[], samples?: number }
  'cache-hits': { paths: string[], rounds?: number, header?: string }
  figures: { queries: Record<string, string>, within?: Duration }
  prometheus: { maxAge?: Duration }
  alertmanager: { watchdog?: string }
  'alert-arrives': { within?: Duration }
  grafana: Record<string, never>
  logs: { within?: Duration }
}

export type SmokeCheckName = keyof SmokeCheckInputs

/** A PromQL expression with one value, and the most that it may be. */
export interface MetricLimit { query: string, max: number }

/** SQL that reads on every standby the text that was written, by what the steps captured. */
export interface ReplicaRead { sql: string, values: string[], within: Duration }

export interface AccessInput {
  /** Make what the questions need: tokens, another person's thing. */
  steps?: HttpStep[]
  /** A path that only somebody who is logged in may read. */
  path: string
  /** A good token: it proves that the path is there, and is tampered with. */
  token?: string
  /** A token that was good once. */
  ended?: string
  /** Something of another person's. */
  foreign?: string
  /** A text that no refused answer may hold. */
  private?: string
  /** `burst` requests, of which one must be refused; `other` is somebody else who must still be served then. */
  limit?: { path: string, json?: unknown, other?: unknown, burst: number }
}

export interface LatencyPage {
  name: string
  path: string
  token?: string
  p95: Duration
  /** What it took before: worse by a tenth and 5 ms is a regression. */
  baseline?: Duration
}

const api = ['api']

/** Parts of the environment without which a check cannot be asked at all. */
export const smokeCheckNeeds: { [C in SmokeCheckName]: readonly string[] } = {
  journey: api,
  database: ['database'],
  cache: ['cache'],
  worker: api,
  'round-trip': api,
  replication: ['database'],
  'security-headers': api,
  tls: api,
  access: api,
  injection: api,
  latency: api,
  'cache-hits': api,
  figures: ['monitoring'],
  prometheus: ['monitoring'],
  alertmanager: ['monitoring.alertmanager'],
  'alert-arrives': ['monitoring.alertmanager', 'monitoring.alertReceiver'],
  grafana: ['monitoring.grafana'],
  logs: ['monitoring.logs'],
}

export const smokeCheckAbout: { [C in SmokeCheckName]: string } = {
  journey: 'HTTP steps in order: each must be as expected.',
  database: 'The database answers through its door and takes a durable write (a WAL message: nothing is left behind). Value: `queryMs`.',
  cache: 'The cache answers, keeps a key of its own with its time to live, gives it back, and forgets it.',
  worker: 'A job that the steps start is done in time; the queue is neither long nor old, by Prometheus. An empty queue alone says nothing.',
  'round-trip': 'What the steps write is read back through the API and on every standby, with the same checksum. Value: `visibleMs`.',
  replication: 'A standby is attached, and lags by no more than so many seconds and bytes. Equal positions are no lag, however long ago the last write was. Values: `lagSeconds`, `lagBytes`.',
  'security-headers': 'Strict-Transport-Security, nosniff, a Content-Security-Policy and no framing, on good and refused answers alike.',
  tls: 'Chain, name and days left of the certificate; TLS 1.2 or newer, and 1.0 and 1.1 refused by an alert; plain HTTP leads to HTTPS; HSTS. Value: `daysLeft`.',
  access: 'Without a token, with a tampered one, with one that is over and with another person’s: 401, 403 or 404 and no data; too many requests end in 429, for one client alone.',
  injection: 'A quote and a doubled quote are answered like any text: never 500, no SQL text. A foreign origin is not let in. Read-only.',
  latency: 'The 95th percentile of at least 20 spaced samples a page. Values: `p50Ms`, `p95Ms`, `p99Ms`, and `PAGE.p95Ms` for each.',
  'cache-hits': 'The share of answers out of the cache during the check. Values: `hitPercent`, `coldMs`, `warmMs`.',
  figures: 'Figures of Prometheus, by name: nothing is judged here but by the thresholds.',
  prometheus: 'Prometheus is ready, every target is up, and its last scrape is fresh.',
  alertmanager: 'Alertmanager is ready and the watchdog alert, which always fires, has reached it.',
  'alert-arrives': 'A synthetic alert goes in at Alertmanager and comes out at a receiver of Muster’s. Value: `arrivedMs`.',
  grafana: 'Grafana has its database, and every data source answers.',
  logs: 'A line that is written to the log store is found by a search. Value: `foundMs`.',
}
