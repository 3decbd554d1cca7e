import type { ComponentState } from '../src/control/control.js'
import { steadyNow } from '../src/control/steady-clock.js'
import type { StepContext } from './action.js'

/**
 * When a fault strikes, said as a heartbeat before it does: so a retry after the worker's death gives the true time, not its own.
 * A component that still runs was not struck. One that was struck with no word of when gets the present: the fault was earlier,
 * so any loss that is measured from it errs on the large side, and the note says so.
 */
export function strikeTime (context: StepContext, state: ComponentState, wanted: ComponentState): { faultAtMs: number, note: string } {
  const before = struckBefore(context)
  // A tree that was stopped on its way to SIGKILL counts as struck.
  if (state !== 'running' && before !== undefined) {
    context.heartbeat({ faultAtMs: before })
    return { faultAtMs: before, note: ' (struck by an earlier try of this step)' }
  }
  const faultAtMs = steadyNow()
  context.heartbeat({ faultAtMs })
  return { faultAtMs, note: state === wanted ? ' (it was before: the time of the fault is an upper bound)' : '' }
}

/** When an earlier try of this step said that it strikes, epoch ms. */
export function struckBefore ({ previous }: Pick<StepContext, 'previous'>): number | undefined {
  if (previous === null || typeof previous !== 'object' || !('faultAtMs' in previous)) return undefined
  return typeof previous.faultAtMs === 'number' ? previous.faultAtMs : undefined
}
