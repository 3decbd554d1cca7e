import { setTimeout as sleep } from 'node:timers/promises'
import type { Observation } from '../../src/drill/observation.js'
import { orderLines, orderNumbers } from '../../src/drill/orders.js'
import { DrillError } from '../../src/errors.js'
import type { OrderJournal } from './order-journal.js'
import { answerText, logIn, ordersSince, type Shop } from './shop.js'

/** Counts of orders. Plain data: it goes from one attempt to the next. */
export type OrderTotals = NonNullable<Observation['orders']>

export interface CustomerOptions {
  shop: Shop
  password: string
  drillId: string
  customers: number
  perSecond: number
  keys: boolean
  journal: OrderJournal
  /** The first number that no earlier run has used. */
  firstNumber: number
  /** Whether an earlier run has noted where the drill's orders begin. */
  hasBegin: boolean
  totals: OrderTotals
  /** Epoch ms. */
  now: () => number
  onPlaced: () => void
}

/** A customer tries one order for so long, then gives up. */
const giveUpMs = 15_000
const betweenTriesMs = 250
/** Log-ins are counted by the service, and refused when they are too many. */
const betweenLogInsMs = 1_000

/**
 * Customers who each keep a session and order at their own ticks, as a careful client does: what was not answered, or not for sure, is
 * sent again until it is. An order that was placed says so in the journal, and so does a session that was gone. `failed` rejects when
 * the journal cannot be written: nothing is sent then.
 */
export function startCustomers (options: CustomerOptions): { stop: () => Promise<void>, failed: Promise<never> } {
  const { shop, journal, totals, now } = options
  const end = new AbortController()
  const periodMs = options.customers * 1000 / options.perSecond
  let nextNumber = options.firstNumber
  let begun: Promise<void> | undefined

  const pause = async (ms: number): Promise<void> => { if (ms > 0) await sleep(ms, undefined, { signal: end.signal }).catch(() => {}) }

  const open = async (customer: number): Promise<string | undefined> => {
    while (!end.signal.aborted) {
      const session = await logIn(shop, options.password)
      if ('token' in session) {
        begun ??= begin(session.token)
        try {
          await begun
        } catch {
          begun = undefined
          await pause(betweenLogInsMs)
          continue
        }
        journal.put({ session: 'opened', customer, atMs: now() })
        return session.token
      }
      await pause(betweenLogInsMs)
    }
    return undefined
  }

  /** Where the drill's orders begin: after the newest that is there. */
  const begin = async (token: string): Promise<void> => {
    if (options.hasBegin) return
    journal.put({ since: (await ordersSince(shop, token, undefined, 1))[0]?.id ?? null })
  }

  /** Places one order; answers the session to go on with. */
  const place = async (customer: number, token: string): Promise<string | undefined> => {
    const number = nextNumber++
    if (number >= orderNumbers) throw new DrillError('input.invalid', `a drill can tell ${orderNumbers} orders apart, and these are more`)
    const issuedAtMs = now()
    journal.put({ number, customer, issued: issuedAtMs })
    totals.issued++
    const body = { lines: orderLines(shop.customer.products, number) }
    const key = options.keys ? `muster:${options.drillId}:${number}`.slice(-100) : undefined
    let session: string | undefined = token
    for (;;) {
      const answer = await shop.ask({ method: 'POST', path: '/v1/orders', token: session, key, body })
      const text = answerText(answer)
      const status = 'status' in answer ? answer.status : 0
      if (status === 201) {
        journal.put({ number, placed: now() })
        totals.placed++
        options.onPlaced()
        return session
      }
      if (status === 401) {
        journal.put({ session: 'lost', customer, atMs: now() })
        totals.sessionsLost++
        session = await open(customer)
      } else if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
        journal.put({ number, refused: now(), error: text })
        totals.refused++
        return session
      }
      if (session === undefined || end.signal.aborted || now() - issuedAtMs > giveUpMs) {
        journal.put({ number, unknown: now(), error: text })
        totals.unknown++
        return session
      }
      journal.put({ number, resent: now(), why: text })
      totals.resent++
      if (status !== 401) await pause(betweenTriesMs)
    }
  }

  const run = async (customer: number): Promise<void> => {
    let session = await open(customer)
    let due = now() + customer * periodMs / options.customers
    while (session !== undefined && !end.signal.aborted) {
      await pause(due - now())
      if (end.signal.aborted) return
      // A tick that passed while an order was being tried is not made up for.
      due = Math.max(due + periodMs, now())
      session = await place(customer, session)
    }
  }

  const all = Promise.all(Array.from({ length: options.customers }, (_, customer) => run(customer)))
  const failed = new Promise<never>((_resolve, reject) => { all.catch(reject) })
  failed.catch(() => {})
  return {
    failed,
    async stop () {
      end.abort()
      await all.catch(() => {})
      shop.close()
    },
  }
}
