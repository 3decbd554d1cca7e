import { ApplicationFailure } from '@temporalio/activity'
import { holdClock } from '../../src/control/steady-clock.js'
import type { Observation, ProbeEdge, ProbeSample } from '../../src/drill/observation.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { endObservation, observe, type ObserveInput } from './observe.js'

export interface ObserveDeps {
  /** Tells the drill; throws where it did not get through. */
  sendEdge: (drillId: string, edge: ProbeEdge) => Promise<void>
  /** Hands samples to the store; throws where it did not take them. */
  saveSamples: (drillId: string, samples: ProbeSample[]) => Promise<void>
  /** Folder of this worker that outlives it. */
  dataDir: string
}

/** What the SDK gives as the reason where the drill itself ends the observation; all others mean that another attempt follows. */
const ended = 'CANCELLED'

/** What a clock that is kept right by small steps does not do, ms. */
const leastJumpMs = 1_000

/** The long activity of a drill: it ends by being cancelled, and then returns what it saw. */
export function createObserve (deps: ObserveDeps, contextOf: (drillId: string, stepId: string) => { context: StepContext, stop: () => void }) {
  return async (input: ObserveInput): Promise<Observation> => {
    const { drillId } = input
    const { context, stop } = contextOf(drillId, 'observe')
    const clock = holdClock()
    try {
      const observation = await observe(input, {
        ...context,
        sendEdge: async edge => { await deps.sendEdge(drillId, edge) },
        saveSamples: async samples => { await deps.saveSamples(drillId, samples) },
        dataDir: deps.dataDir,
      })
      const reason = messageOf(context.signal.reason)
      if (reason !== ended) throw new DrillError('internal', `this attempt of the probe ended early (${reason}); another one goes on`)
      endObservation(deps.dataDir, drillId)
      const clockJumpMs = clock.jumpedMs()
      return Math.abs(clockJumpMs) < leastJumpMs ? observation : { ...observation, clockJumpMs }
    } catch (error) {
      const code = error instanceof DrillError ? error.code : 'internal'
      throw ApplicationFailure.create({ message: messageOf(error), type: code, nonRetryable: error instanceof DrillError && !error.retryable })
    } finally {
      clock.release()
      stop()
    }
  }
}
