import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client'
import { WorkflowIdConflictPolicy } from '@temporalio/common'
import { timeline } from '../../workflows/messages.js'
import type { UndoInput } from '../drill/owed.js'
import type { DrillEvent } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { within } from './errors.js'

const askMs = 5_000

/** `over`: closed, its history still there; `forgotten`: Temporal has none of that id. */
export type WorkflowState = 'running' | 'over' | 'forgotten'

/** Throws `temporal.down`. */
export async function stateOf (client: Client, workflowId: string): Promise<WorkflowState> {
  try {
    const { status } = await within(client, askMs, workflowId, async () => await client.workflow.getHandle(workflowId).describe())
    return status.name === 'RUNNING' ? 'running' : 'over'
  } catch (error) {
    if (error instanceof DrillError && (error.code === 'drill.unknown' || error.code === 'drill.over')) return error.code === 'drill.over' ? 'over' : 'forgotten'
    throw error
  }
}

/** Drills of the last day whose workflow ended in another way than by its own end. */
export async function tornDrills (client: Client): Promise<string[]> {
  const since = new Date(Date.now() - 24 * 3_600_000).toISOString()
  const ids: string[] = []
  const query = `WorkflowType = "drill" AND ExecutionStatus IN ("Terminated", "Failed", "TimedOut") AND CloseTime > "${since}"`
  for await (const one of client.workflow.list({ query })) ids.push(one.workflowId)
  return ids
}

/** Events after a number, of a workflow that is over too: a worker replays its history to answer. */
export async function eventsOfWorkflow (client: Client, drillId: string, after: number): Promise<DrillEvent[]> {
  return await within(client, askMs, drillId, async () => await client.workflow.getHandle(drillId).query(timeline, { after }))
}

/** Starts the undoing of what a drill owes; `already` where it is under way. */
export async function startUndo (client: Client, taskQueue: string, input: UndoInput): Promise<{ outcome: 'undoing' | 'already' }> {
  const workflowId = `undo:${input.drillId}`
  return await within(client, askMs, workflowId, async () => {
    try {
      await client.workflow.start('undoOwed', { taskQueue, workflowId, args: [input], workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL, staticSummary: `undo what ${input.drillId} owes: ${input.reason}`.slice(0, 200) })
      return { outcome: 'undoing' } as const
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return { outcome: 'already' } as const
      throw error
    }
  })
}
