import { setTimeout as sleep } from 'node:timers/promises'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { readOrders } from '../observe/order-journal.js'

/** How long it may take until every customer has heard from the service again. */
const hearMs = 10_000

/** The sessions of the drill's customers, by what the service said to each of them after the check began: placed, or no such session. */
export function sessionsAccount ({ dataDir }: { dataDir: string }): Check<CheckInputs['sessions.account']> {
  return async ({ expect }, context) => {
    const expected = expect === 'kept' ? 'no session lost' : expect === 'lost' ? 'at least one session lost' : 'every session counted'
    const blind = (observed: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })
    const beganMs = steadyNow()
    try {
      for (;;) {
        const { orders, sessions } = readOrders(dataDir, context.drillId)
        const customers = [...new Set(sessions.filter(line => line.session === 'opened').map(line => line.customer))]
        const heard = new Set([
          ...orders.filter(order => order.outcome === 'placed' && order.settledAtMs! > beganMs).map(order => order.customer),
          ...sessions.filter(line => line.atMs > beganMs).map(line => line.customer),
        ])
        const silent = customers.filter(customer => !heard.has(customer))
        if (customers.length > 0 && silent.length === 0) {
          const lost = new Set(sessions.filter(line => line.session === 'lost').map(line => line.customer)).size
          const good = expect === 'counted' || (expect === 'kept' ? lost === 0 : lost > 0)
          const kept = customers.length - lost
          return { outcome: good ? 'pass' : 'fail', observed: `${kept} of ${customers.length} sessions kept, ${lost} lost`, expected, output: { sessions: customers.length, kept, lost } }
        }
        if (steadyNow() - beganMs > hearMs) return blind(customers.length === 0 ? `the journal on this worker has no session of ${context.drillId}` : `${silent.length} of ${customers.length} customers have had no answer for ${hearMs / 1000} s`)
        await sleep(100, undefined, { signal: context.signal })
      }
    } catch (error) {
      context.signal.throwIfAborted()
      if (!(error instanceof DrillError)) throw error
      return blind(messageOf(error))
    }
  }
}
