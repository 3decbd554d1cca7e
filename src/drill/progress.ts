import type { StepKind } from './runbook.js'
import type { DrillStatus } from './status.js'

/** How far a step is that takes long: a line for people, and the figures in it. Said while it runs, and not part of the timeline. */
export interface Progress { step: string, text: string, figures: unknown }

/** Kinds of steps that say how far they are. */
export const saysProgress = ({ kind }: { kind: StepKind }): boolean => kind === 'load' || kind === 'suite'

/** Whether a drill has such a step that runs now: else nobody need be asked. */
export function mayProgress ({ steps }: Pick<DrillStatus, 'steps'>): boolean {
  return steps.some(step => step.state === 'running' && saysProgress(step))
}
