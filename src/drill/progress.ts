import type { StepKind } from './runbook.js'
import type { DrillStatus } from './status.js'

/** How far a step is that takes long: a line for people, and the figures in it. Said while it runs, and not part of the timeline. */
export interface Progress { step: string, text: string, figures: unknown }

/** Kinds of steps that a worker is at, and may say how far. */
const atWork: ReadonlySet<StepKind> = new Set(['action', 'undo', 'check', 'load', 'suite'])

/** Whether a drill has such a step that runs now: else nobody need be asked. */
export function mayProgress ({ steps }: Pick<DrillStatus, 'steps'>): boolean {
  return steps.some(step => step.state === 'running' && atWork.has(step.kind))
}
