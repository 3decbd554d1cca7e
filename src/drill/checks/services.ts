import type { ApiService, Monitoring } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of the service, its customers and what watches it take. */
export interface ServiceCheckInputs {
  /** `times`: so many in a row. `anyStatus`: an answer in time is good, whatever it says. */
  'http.ok': { url: string, caFile?: string, timeout?: string, times?: number, anyStatus?: boolean }
  'api.ready': { api: ApiService }
  'api.down': { api: ApiService, instances: string[] }
  'alerts.quiet': { monitoring: Monitoring, except?: string[] }
  'sessions.account': { api: ApiService, expect: Accounted }
  'limit.spent': { api: ApiService }
  /** `spent`: of an earlier `limit.spent`. */
  'limit.account': { api: ApiService, spent: SpentLimit, expect: Accounted }
  'orders.account': { api: ApiService }
}

/** What must be so of what a fault may cost; `counted`: either. */
export type Accounted = 'kept' | 'lost' | 'counted'

/** What somebody who called too often was told. `endsAtMs`: epoch ms, when the limit's window is over. */
export interface SpentLimit { calls: number, endsAtMs: number }

export const serviceChecks: CheckCatalog<ServiceCheckInputs> = {
  'http.ok': {
    about: 'A page answers in time with a status below 400, once or so many times in a row, each on a new connection. With `anyStatus` any answer in time is good: a service that cannot serve must say so, and not hang.',
    title: ({ url, times = 1 }) => `${url} answers${times > 1 ? ` ${times} times in a row` : ''}`,
    timeout: '60s',
  },
  'api.ready': {
    about: 'The service and each of its instances say that they are ready.',
    title: () => 'the service and its instances are ready',
    timeout: '10s',
  },
  'api.down': {
    about: 'The named instances give no good answer, each asked at its own address: proof that a fault had its effect where the load balancer hides it.',
    title: ({ instances }) => `${Array.isArray(instances) ? instances.join(' and ') : 'the instances'} are down`,
    timeout: '10s',
  },
  'alerts.quiet': {
    about: 'No alert is firing but the watchdog, and the watchdog is: silence of a dead monitoring is no pass.',
    title: () => 'monitoring is alive and no alert is firing',
    timeout: '10s',
  },
  'sessions.account': {
    about: 'How many of the sessions of the drill’s customers were kept and how many lost since the fault. `kept`: it fails where one was lost; `lost`: where none was; `counted`: neither.',
    title: ({ expect }) => expect === 'counted' ? 'sessions kept and lost are counted' : `sessions are ${expect}`,
    timeout: '15s',
  },
  'limit.spent': {
    about: 'Calls the service’s limited call (`api.limit`) for a name that only this drill has, until it is refused: what a cache that fails may forget. Output: `calls`, `endsAtMs` (when the limit’s window is over).',
    title: () => 'a rate limit is spent',
    timeout: '30s',
  },
  'limit.account': {
    about: 'Whether a rate limit that was spent before the fault still holds; once its window is over, it cannot be told. `kept`: it fails where the limit was lost; `lost`: where it was kept; `counted`: neither. Output: `kept`.',
    title: ({ expect }) => expect === 'counted' ? 'rate limits kept and lost are counted' : `the rate limit is ${expect}`,
    timeout: '15s',
  },
  'orders.account': {
    about: 'Counts the orders of the drill’s customers exactly, in the service’s own list: placed and not there, there twice, there that nobody sent.',
    title: () => 'every order is there exactly once',
    timeout: '60s',
  },
}
