import { setTimeout as sleep } from 'node:timers/promises'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { accountForOrders, orderNumber, type OrderAccount } from '../../src/drill/orders.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Check, StepContext } from '../action.js'
import { readOrders, type OrderRecord } from '../observe/order-journal.js'
import { logIn, openShop, ordersSince } from '../observe/shop.js'

/** How long orders that are still being tried may take to be settled, before they count as unknown: a customer gives up earlier. */
const settleMs = 20_000
const answerMs = 5_000

/**
 * The account of orders: the journal (outside of the system under drill) against the service's own list, read as the customer. Customers
 * may go on meanwhile: only what was issued before the check began counts.
 */
export function ordersAccount ({ dataDir }: { dataDir: string }): Check<CheckInputs['orders.account']> {
  return async ({ api }, context) => {
    const expected = 'every order that was placed is there once, and no other'
    const blind = (observed: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })
    const cutMs = steadyNow()
    try {
      const record = await settledBefore(dataDir, context, cutMs)
      const sent = record.orders.filter(order => order.issuedAtMs < cutMs)
      if (!sent.some(order => order.outcome === 'placed')) return blind(`the journal on this worker has no placed order of ${context.drillId}`)
      const found = await listed(api, record, context)
      // Read again: what is in the list by now and was issued after the cut is no stranger.
      const later = new Set(readOrders(dataDir, context.drillId).orders.filter(order => !(order.issuedAtMs < cutMs)).map(order => order.number))
      const account = accountForOrders(sent, found.filter(number => number === undefined || !later.has(number)))
      const good = account.lost === 0 && account.doubled === 0 && account.alien === 0 && account.refusedThere === 0
      return { outcome: good ? 'pass' : 'fail', observed: accountText(account), expected, output: { ...account } }
    } catch (error) {
      context.signal.throwIfAborted()
      if (!(error instanceof DrillError)) throw error
      return blind(messageOf(error))
    }
  }
}

async function settledBefore (dataDir: string, { drillId, signal }: StepContext, cutMs: number): Promise<OrderRecord> {
  for (;;) {
    const record = readOrders(dataDir, drillId)
    const open = record.orders.some(order => order.issuedAtMs < cutMs && order.settledAtMs === undefined)
    if (!open || steadyNow() - cutMs > settleMs) return record
    await sleep(100, undefined, { signal })
  }
}

async function listed (api: CheckInputs['orders.account']['api'], { since }: OrderRecord, context: StepContext): Promise<Array<number | undefined>> {
  const shop = openShop(api, context.drillId, answerMs)
  try {
    const session = await logIn(shop, await context.secret(shop.customer.password))
    if ('error' in session) throw new DrillError('component.unreachable', session.error)
    return (await ordersSince(shop, session.token, since)).map(order => orderNumber(shop.customer.products, order.lines))
  } finally {
    shop.close()
  }
}

function accountText (account: OrderAccount): string {
  const parts = [
    `${account.placed} orders placed, ${account.lost} of them lost, ${account.doubled} there twice`,
    `${account.unknown} unknown (${account.unknownThere} there), ${account.refused + account.refusedThere} refused (${account.refusedThere} there), ${account.resent} sent again`,
    account.alien > 0 ? `${account.alien} there that nobody sent` : undefined,
  ]
  return parts.filter(part => part !== undefined).join('; ')
}
