import { Context } from '@temporalio/activity'
import type { CheckResult } from '../src/drill/checks.js'
import type { Check, StepContext } from './action.js'

/** How often, ms, where a runbook does not say. */
const defaultEveryMs = 500

/**
 * Asks once, or every `everyMs` until it passes or `withinMs` are over. What cannot be asked is `blind`, and asked again while there
 * is time.
 */
export async function askUntil<Input> (
  check: Check<Input>, input: Input, context: StepContext, { everyMs = defaultEveryMs, withinMs = 0 }: { everyMs?: number, withinMs?: number }
): Promise<CheckResult> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const result = await check(input, context)
    if (result.outcome === 'pass' || performance.now() + everyMs > deadline) return result
    context.heartbeat()
    await Context.current().sleep(everyMs)
  }
}
