import type { Progress } from '../src/drill/progress.js'
import type { StepContext } from './action.js'

/** Says how far a step is that takes long, for whoever watches the drill. */
export function tell ({ stepId, heartbeat }: Pick<StepContext, 'stepId' | 'heartbeat'>, text: string, figures: Record<string, unknown>): void {
  heartbeat({ step: stepId, text, figures } satisfies Progress)
}
