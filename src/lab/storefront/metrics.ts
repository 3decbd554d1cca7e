import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { getHeapStatistics } from 'node:v8'
import type pg from 'pg'

export interface ShopMetrics {
  registry: Registry
  requests: Counter<'code' | 'method' | 'route'>
  seconds: Histogram<'method' | 'route'>
  catalogue: Counter<'outcome'>
  orders: Counter
  fulfilment: { leader: Gauge, lastRun: Gauge, queue: Gauge, oldest: Gauge, fulfilled: Counter }
}

export function createMetrics (pool: pg.Pool): ShopMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  registry.registerMetric(new Gauge({
    name: 'storefront_pool_connections',
    help: 'Connections to the database, and requests waiting for one',
    labelNames: ['state'],
    registers: [],
    collect () {
      this.set({ state: 'idle' }, pool.idleCount)
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount)
      this.set({ state: 'waiting' }, pool.waitingCount)
    },
  }))
  new Gauge({ name: 'storefront_heap_limit_bytes', help: 'What the heap may grow to', registers }).set(getHeapStatistics().heap_size_limit)
  return {
    registry,
    requests: new Counter({ name: 'http_requests_total', help: 'Answers by class of status', labelNames: ['code', 'method', 'route'], registers }),
    seconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to the answer',
      labelNames: ['method', 'route'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    catalogue: new Counter({ name: 'storefront_catalogue_reads_total', help: 'Catalogue answers: hit, miss, bypass (cache away)', labelNames: ['outcome'], registers }),
    orders: new Counter({ name: 'storefront_orders_total', help: 'Orders placed', registers }),
    fulfilment: {
      leader: new Gauge({ name: 'storefront_fulfilment_leader', help: '1 where this instance does the background job', registers }),
      lastRun: new Gauge({ name: 'storefront_fulfilment_last_run_timestamp_seconds', help: 'When the job last ran to its end', registers }),
      queue: new Gauge({ name: 'storefront_fulfilment_queue_depth', help: 'Orders placed and not fulfilled', registers }),
      oldest: new Gauge({ name: 'storefront_fulfilment_oldest_seconds', help: 'Age of the oldest order that waits; 0 where none does', registers }),
      fulfilled: new Counter({ name: 'storefront_fulfilled_total', help: 'Orders fulfilled', registers }),
    },
  }
}
