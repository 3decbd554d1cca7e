import type { Duration } from '../duration.js'
import type { ApiService, CacheCluster, DatabaseCluster } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of the cache take. */
export interface CacheCheckInputs {
  'redis.steady': { cache: CacheCluster }
  /** `hitRatio`: percent. `within`: how long it may take to get there. */
  'cache.warm': { cache: CacheCluster, api: ApiService, hitRatio: number, within: Duration }
  'cache.consistent': { cache: CacheCluster, api: ApiService, database: DatabaseCluster }
}

export const cacheChecks: CheckCatalog<CacheCheckInputs> = {
  'redis.steady': {
    about: 'Exactly one Redis primary, every other node a replica with its link up, nothing blocked, and the endpoint leads to the primary. Output: `primary`, `replica` (names).',
    title: () => 'the cache is whole',
    timeout: '15s',
  },
  'cache.warm': {
    about: 'Asks the cached pages again and again until enough of the answers come out of the cache. Output: `series` (hit ratio of each round, percent), `warmAfterMs`.',
    title: ({ hitRatio }) => `${hitRatio} % of the cached pages come out of the cache`,
    timeout: '90s',
  },
  'cache.consistent': {
    about: 'Each cached page says what the database says: a cache that answers wrongly is worse than none.',
    title: () => 'the cache says what the database says',
    timeout: '30s',
  },
}
