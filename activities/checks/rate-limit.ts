import { request, type Agent, type Dispatcher } from 'undici'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import type { SpentLimit } from '../../src/drill/checks/services.js'
import type { ApiService } from '../../src/drill/environment.js'
import { messageOf } from '../../src/errors.js'
import type { Check, StepContext } from '../action.js'
import { endAgent, httpAgent } from '../observe/targets.js'

/** So many calls in a row that are all taken, and the limit is wider than a drill may spend. */
const mostCalls = 30
const answerMs = 5_000
/** `Retry-After` is in whole seconds, rounded up. */
const roundedMs = 1_000

const blind = (observed: string, expected: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })

/** Spends the service's rate limit for a name that only this drill has, before the fault. Spent twice it is still spent. */
export const limitSpent: Check<CheckInputs['limit.spent']> = async ({ api }, context) => {
  const expected = 'status 429 with Retry-After'
  return await calling(api, context, expected, async call => {
    for (let calls = 1; calls <= mostCalls; calls++) {
      const { status, endsAtMs } = await call()
      if (status === 429 && endsAtMs === undefined) return blind(`refused at call ${calls}, without Retry-After: nobody knows how long that must hold`, expected)
      if (status === 429) {
        const output: SpentLimit = { calls, endsAtMs: endsAtMs! }
        return { outcome: 'pass', observed: `refused at call ${calls}, for ${inSeconds(endsAtMs! - steadyNow())} more`, expected, output: { ...output } }
      }
      if (status >= 400) return blind(`call ${calls}: status ${status}`, expected)
    }
    return blind(`${mostCalls} calls in a row were taken: the limit is wider than a drill spends`, expected)
  })
}

/** Whether a limit that was spent before the fault still holds: one call, refused or taken. */
export const limitAccount: Check<CheckInputs['limit.account']> = async ({ api, spent, expect }, context) => {
  const expected = expect === 'kept' ? 'still refused' : expect === 'lost' ? 'taken again' : 'refused or taken'
  return await calling(api, context, expected, async call => {
    const leftMs = spent.endsAtMs - roundedMs - steadyNow()
    if (leftMs <= 0) return blind('the limit’s window is over: whether it would have been kept cannot be told any more', expected)
    const { status } = await call()
    if (status !== 429 && status >= 400) return blind(`status ${status}`, expected)
    const kept = status === 429
    const observed = kept ? 'the rate limit was kept: still refused' : `the rate limit was lost: taken again, ${inSeconds(leftMs)} early`
    return { outcome: expect === 'counted' || kept === (expect === 'kept') ? 'pass' : 'fail', observed, expected, output: { kept } }
  })
}

/** With the limited call of the environment, for a value that only this drill has; blind where it cannot be made. */
async function calling ({ url, caFile, limit }: ApiService, { drillId, signal }: StepContext, expected: string,
  check: (call: () => Promise<{ status: number, endsAtMs?: number }>) => Promise<CheckResult>): Promise<CheckResult> {
  if (!limit) return blind('the environment names no limited call (api.limit)', expected)
  let agent: Agent | undefined
  try {
    const dispatcher = agent = httpAgent(caFile)
    return await check(async () => {
      const answer = await request(new URL(limit.path, url), {
        method: 'POST',
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
        headers: { 'user-agent': 'muster-probe', 'x-muster-drill': drillId, 'content-type': 'application/json' },
        // RFC 5321, 4.5.3.1.1: at most 64 before the @; what tells one drill from another stands at its end.
        body: JSON.stringify({ [limit.field]: `${drillId.slice(-64)}@drill.example` }),
      })
      await answer.body.dump()
      return { status: answer.statusCode, ...endOf(answer) }
    })
  } catch (error) {
    signal.throwIfAborted()
    return blind(messageOf(error) || 'no connection', expected)
  } finally {
    if (agent) endAgent(agent)
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function endOf ({ headers }: Dispatcher.ResponseData): { endsAtMs?: number } {
  const after = String(headers['retry-after'] ?? '')
  if (/^\d+$/.test(after)) return { endsAtMs: steadyNow() + Number(after) * 1000 }
  const atMs = Date.parse(after)
  return Number.isNaN(atMs) ? {} : { endsAtMs: atMs }
}

const inSeconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1000))} s`
