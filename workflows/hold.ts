import { CancellationScope, ParentClosePolicy, startChild } from '@temporalio/workflow'
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import type { DrillInput } from '../src/drill/input.js'
import type { Refusal } from '../src/drill/timeline.js'
import { holder } from './activities.js'
import type { environmentLock } from './lock.js'

export interface Lock { refused?: Refusal[], release?: () => void }

/** The environment, or who holds it. Read-only runbooks need none; a nested drill has its parent's. */
export async function takeLock ({ runbook, environment, drillId, parent }: DrillInput): Promise<Lock> {
  if (runbook.readOnly === true || parent !== undefined) return {}
  const release = await hold(environment.name, drillId)
  if (release) return { release }
  const held = await holder({ environment: environment.name })
  return { refused: [{ code: 'environment.held', message: `environment ${environment.name} is held by drill ${held?.drillId ?? 'that has just ended; try again'}` }] }
}

/** Holds an environment until it is released or this workflow ends; undefined where somebody else has it. */
export async function hold (environment: string, drillId: string): Promise<(() => void) | undefined> {
  const scope = new CancellationScope()
  try {
    const child = await scope.run(() => startChild<typeof environmentLock>('environmentLock', {
      workflowId: `env:${environment}`,
      args: [{ environment, drillId }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `${environment} is held by ${drillId}`,
    }))
    child.result().catch(() => undefined)
    return () => { scope.cancel() }
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
    return undefined
  }
}
