import type { CacheCluster } from '../environment.js'
import type { ActionCatalog } from './facts.js'

/** What actions on a cache and its endpoint take. */
export interface CacheInputs {
  'redis.break': { cache: CacheCluster, node: string, fault: 'kill' | 'hang' }
  'redis.flush': { cache: CacheCluster }
  'redis.fence': { cache: CacheCluster, node: string }
  'redis.promote': { cache: CacheCluster, node: string }
  'redis.switch': { cache: CacheCluster, to: string }
}

export const cacheActions: ActionCatalog<CacheInputs> = {
  'redis.break': {
    about: 'Breaks a Redis server: SIGKILL (`kill`) or SIGSTOP (`hang`).',
    title: ({ node, fault }) => `${fault} Redis ${node}`,
    undoTitle: ({ node }) => `bring ${node} back: as it was, or as a replica where another node was promoted`,
    byHand: ({ cache, node }) => `start Redis ${node}; if another node is primary now, REPLICAOF it on ${node}, else REPLICAOF NO ONE on ${cache.nodes[0]?.name ?? 'the home primary'}`,
    isFault: true,
    isLeased: true,
    hits: ({ node }) => [{ kind: 'cache', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.flush': {
    about: 'Empties the cache (`FLUSHALL` on its primary). What was in it is gone, sessions too.',
    title: () => 'flush the cache',
    undoTitle: () => 'prove that the cache takes entries again; what was in it is gone',
    byHand: () => 'nothing: entries come back as they are asked for',
    isFault: true,
    timeout: '15s',
    undoTimeout: '20s',
  },
  'redis.fence': {
    about: 'Makes sure that a Redis server takes no write any more: killed, its start prevented.',
    title: ({ node }) => `fence ${node}`,
    undoTitle: ({ node }) => `let ${node} start again: as primary where none was promoted, else as a replica`,
    byHand: ({ node }) => `rename the blocked configuration file of ${node} back, start it, and REPLICAOF the present primary on it`,
    hits: ({ node }) => [{ kind: 'cache', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.promote': {
    about: 'Promotes a Redis replica. Refuses while any other node could still take writes.',
    title: ({ node }) => `promote ${node}`,
    undoTitle: ({ cache }) => `fail back to ${cache.nodes[0]?.name ?? 'the home primary'}`,
    byHand: ({ cache }) => `make ${cache.nodes[0]?.name ?? 'the home primary'} a replica of the present primary, FAILOVER TO it, and move the endpoint`,
    timeout: '15s',
    undoTimeout: '60s',
  },
  'redis.switch': {
    about: 'Moves the cache’s endpoint to one server. Open connections end.',
    title: ({ to }) => `move the cache’s endpoint to ${to}`,
    undoTitle: () => 'point the cache’s endpoint at whichever node is primary',
    byHand: ({ cache }) => `POST {"upstream":"HOST:PORT of the primary"} to ${cache.loadBalancer ? `${cache.loadBalancer.toxiproxy}/proxies/${cache.loadBalancer.proxy}` : 'the proxy in front of the cache'}`,
    timeout: '10s',
    undoTimeout: '20s',
  },
}
