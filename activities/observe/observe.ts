import { steadyNow } from '../../src/control/steady-clock.js'
import { durationMs } from '../../src/drill/duration.js'
import type { ApiService, CacheCluster, DatabaseCluster } from '../../src/drill/environment.js'
import type { WrittenCanary } from '../../src/drill/loss.js'
import type { Observation, ProbeEdge, ProbeSample } from '../../src/drill/observation.js'
import type { Observe } from '../../src/drill/runbook.js'
import { DrillError } from '../../src/errors.js'
import { startCanaries } from './canary.js'
import { startCustomers } from './customers.js'
import { follow, standingUp } from './edges.js'
import { forgetLastWords, openJournal, readLastWords, saveLastWords } from './journal.js'
import { addLatency } from './latency.js'
import { openOrderJournal, readOrders } from './order-journal.js'
import { createOutbox, createShipment } from './outbox.js'
import { startProbe } from './probe.js'
import { openShop } from './shop.js'
import { cacheTarget, databaseTarget, httpTarget, type Target } from './targets.js'
import { latestWords, observationOf, takeUp, type LastWords } from './words.js'

export interface ObserveInput {
  drillId: string
  /** Instantiated: `database` is a DatabaseCluster. */
  observe: Observe
  /** Name of the environment. */
  environment: string
}

export interface ObserveContext {
  sendEdge: (edge: ProbeEdge) => Promise<void>
  saveSamples: (samples: ProbeSample[]) => Promise<void>
  saveCanaries?: (canaries: WrittenCanary[]) => Promise<void>
  /** Its abort ends the observation, which then returns. */
  signal: AbortSignal
  heartbeat: (words: LastWords) => void
  /** Details of an earlier attempt's last heartbeat. */
  previous: unknown
  secret: (ref: string) => Promise<string>
  /** Folder of this worker that outlives it: journals of canaries lie there. */
  dataDir: string
  /** Epoch ms. Default the steady clock. */
  now?: () => number
  log?: (message: string, fields?: Record<string, unknown>) => void
}

const liveEveryMs = 500
/** How long what is owed to the drill and to the store may delay the end. */
const drainMs = 2_000
/** A customer's own deadline of one request: longer than the front door's. */
const orderMs = 5_000

/**
 * Watches a system from outside until `signal` aborts, then answers its totals; it throws only for what makes it impossible, such
 * as a journal that cannot be written. Signals `ready` once every target and a canary were good, and each `down` and `up` at once.
 * After a worker's death the next attempt goes on where the last word was, with a new run, and says how long nobody looked.
 */
export async function observe (input: ObserveInput, context: ObserveContext): Promise<Observation> {
  const { drillId, observe: { probe, canaries, orders } } = input
  const { dataDir, now = steadyNow } = context
  if (!/^[\w-][\w.-]*$/.test(drillId)) throw new DrillError('input.invalid', `"${drillId}" is no drill id`)
  const intervalMs = durationMs(probe.interval)
  const timeoutMs = durationMs(probe.timeout)
  const address = await addressOf(input.observe.database as DatabaseCluster | undefined, context.secret)
  if (canaries && !address) throw new DrillError('input.invalid', 'canaries need `observe.database`')

  const before = latestWords(context.previous, readLastWords(dataDir, drillId))
  const words: LastWords = before ? takeUp(before, now()) : { startedAtMs: now(), atMs: now(), ready: false, targets: {}, blind: [], undelivered: [] }
  const cache = input.observe.cache as CacheCluster | undefined
  const targets: Target[] = [
    ...address ? [databaseTarget(address)] : [],
    ...cache ? [cacheTarget(cache, context)] : [],
    ...(probe.http ?? []).map(page => httpTarget(page, drillId)),
  ]
  for (const { name } of targets) words.targets[name] ??= { samples: 0, failed: 0, maxMs: 0, latencies: {}, standing: { ...standingUp } }

  const edges = createOutbox(context.sendEdge, error => { context.log?.('an edge of the probe did not get through yet', { error: String(error) }) })
  const samples = createShipment(context.saveSamples)
  const settled = createShipment<WrittenCanary>(async rows => { await context.saveCanaries?.(rows) })
  const say = (): void => {
    Object.assign(words, { atMs: now(), undelivered: edges.waiting() })
    saveLastWords(dataDir, drillId, words)
    context.heartbeat(words)
  }
  const tell = (edge: ProbeEdge): void => {
    edges.push(edge)
    say()
  }
  for (const edge of words.undelivered) edges.push(edge)

  const sayReady = (): void => {
    const good = Object.values(words.targets).every(({ samples, failed }) => samples > failed)
    if (words.ready || !good || words.canaries?.acked === 0 || words.orders?.placed === 0) return
    words.ready = true
    tell({ edge: 'ready' })
  }

  const onSample = (sample: ProbeSample): void => {
    samples.add(sample)
    const totals = words.targets[sample.target]!
    totals.samples++
    if (sample.ok) {
      addLatency(totals.latencies, sample.latencyMs)
      totals.maxMs = Math.max(totals.maxMs, sample.latencyMs)
    } else {
      totals.failed++
    }
    const { standing, edge } = follow(totals.standing, sample, probe, now())
    totals.standing = standing
    sayReady()
    // What never was good has no outage: the drill waits for `ready` and says so.
    if (edge && words.ready) {
      if (edge.edge === 'down' && edge.target === 'database') words.outage ??= { fromMs: edge.firstFailedAtMs }
      if (edge.edge === 'up' && edge.target === 'database' && words.outage) words.outage.toMs ??= edge.firstGoodAtMs
      tell(edge)
    }
  }

  const journal = canaries ? openJournal(dataDir, drillId) : undefined
  if (journal) words.canaries ??= { issued: 0, acked: 0, refused: 0, unknown: 0, missed: 0, acks: { longestGapMs: 0, gaps: [] } }
  const writers = canaries && journal && address
    ? startCanaries({
      address, drillId, ...canaries, connectMs: timeoutMs, writeMs: Math.max(1_000, 2 * timeoutMs), journal, totals: words.canaries!, now,
      onSettled: canary => {
        if (context.saveCanaries) settled.add(canary)
        if (!words.ready) sayReady()
      },
    })
    : undefined
  const customers = orders ? await customersOf(orders, input.drillId, words, context, now, () => { if (!words.ready) sayReady() }) : undefined
  const prober = startProbe({ targets, intervalMs, timeoutMs, now, onSample, onBlind: span => { words.blind.push(span) } })
  const live = setInterval(() => {
    say()
    Promise.all([samples.ship(), settled.ship()]).catch(() => {})
  }, liveEveryMs)

  try {
    await Promise.race([aborted(context.signal), ...writers ? [writers.failed] : [], ...customers ? [customers.failed] : []])
  } finally {
    clearInterval(live)
    await Promise.all([prober.stop(), writers?.stop(), customers?.stop()])
    journal?.close()
    say()
    await Promise.all([edges.drain(drainMs), within(drainMs, samples.ship().then(samples.ship)), within(drainMs, settled.ship().then(settled.ship))])
    for (const target of targets) target.close?.()
  }
  return observationOf(words, now(), intervalMs)
}

async function customersOf (orders: NonNullable<Observe['orders']>, drillId: string, words: LastWords, context: ObserveContext, now: () => number, onPlaced: () => void) {
  const shop = openShop(orders.api as ApiService, drillId, orderMs)
  const password = await context.secret(shop.customer.password)
  const before = readOrders(context.dataDir, drillId)
  words.orders ??= { issued: 0, placed: 0, refused: 0, unknown: 0, resent: 0, sessionsLost: 0 }
  return startCustomers({
    shop, password, drillId, now, onPlaced,
    customers: orders.customers, perSecond: orders.perSecond, keys: orders.keys !== false,
    journal: openOrderJournal(context.dataDir, drillId),
    firstNumber: Math.max(-1, ...before.orders.map(order => order.number)) + 1,
    hasBegin: before.since !== undefined,
    totals: words.orders,
  })
}

/** Once the totals are handed over for good. */
export function endObservation (dataDir: string, drillId: string): void {
  forgetLastWords(dataDir, drillId)
}

async function addressOf (database: DatabaseCluster | undefined, secret: ObserveContext['secret']) {
  if (!database) return undefined
  const { password, ...endpoint } = database.endpoint
  return { ...endpoint, password: password === undefined ? undefined : await secret(password) }
}

async function aborted (signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise(resolve => { signal.addEventListener('abort', resolve, { once: true }) })
}

async function within (ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise<void>(resolve => { timer = setTimeout(resolve, ms) })])
  clearTimeout(timer)
}
