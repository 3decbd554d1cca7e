import { WithStartWorkflowOperation, WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client'
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type UpdateDefinition } from '@temporalio/common'
import { decide, abort, admission, alert, confirm, declare, loadUp, note, status, timeline } from '../../workflows/messages.js'
import { searchAttributes } from '../../workflows/search-attributes.js'
import type { Admission, DrillInput } from '../drill/input.js'
import type { ProbeEdge } from '../drill/observation.js'
import type { Refusal } from '../drill/timeline.js'
import { DrillError, messageOf } from '../errors.js'
import type { TemporalDoor } from './door.js'
import { asDrillError, within as asked } from './errors.js'
import { startUndo, stateOf } from './orphans.js'
import { haltDoor } from './halts.js'
import { progressOf } from './progress.js'

export interface DoorOptions {
  /** Task queue of workflows, and of environments that name none. */
  taskQueue: string
  /** How long a caller waits for an answer of a drill, ms. */
  answerMs?: number
  /** How long a start waits for its admission, ms: preflight looks at the living environment. */
  admissionMs?: number
}

/** Everything that the API says to Temporal, with deadlines and our own error codes. */
export function temporalDoor (client: Client, options: DoorOptions): TemporalDoor {
  const answerMs = options.answerMs ?? 5000
  const admissionMs = options.admissionMs ?? 20_000

  const within = async <T>(ms: number, drillId: string, ask: () => Promise<T>): Promise<T> => await asked(client, ms, drillId, ask)
  const say = async <R, A extends [unknown]>(drillId: string, update: UpdateDefinition<R, A>, message: A[0], updateId?: string): Promise<R> =>
    await within(answerMs, drillId, async () => await client.workflow.getHandle(drillId).executeUpdate(update as UpdateDefinition<R, [unknown]>, { args: [message], updateId }))

  const workflowOptions = (input: DrillInput) => ({
    taskQueue: options.taskQueue,
    workflowId: input.drillId,
    args: [input] as [DrillInput],
    staticSummary: `${input.runbook.title} · ${input.environment.name} · by ${input.commander.name}`.slice(0, 200),
    typedSearchAttributes: [
      { key: searchAttributes.runbook, value: input.runbook.name },
      { key: searchAttributes.environment, value: input.environment.name },
      { key: searchAttributes.commander, value: input.commander.id },
      { key: searchAttributes.phase, value: 'admission' },
    ],
  })

  return {
    ...haltDoor(client, { taskQueue: options.taskQueue, answerMs }),

    start: async input => {
      const { drillId } = input
      const answer = await within(admissionMs, drillId, async () => await client.workflow.executeUpdateWithStart(admission, {
        updateId: 'admission',
        startWorkflowOperation: new WithStartWorkflowOperation('drill', {
          ...workflowOptions(input),
          // A retried start finds the drill that it started; one that is over is never started again.
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
          workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        }),
      })) as Admission
      if (!answer.admitted) throw refusal(answer.reasons)
      return answer
    },

    preflight: async input => await within(admissionMs, input.drillId, async () => await client.workflow.execute('preflight', {
      ...workflowOptions(input),
      workflowId: `preflight:${input.drillId}`,
      workflowExecutionTimeout: admissionMs,
      typedSearchAttributes: [],
    }) as Refusal[]),

    decide: async (drillId, decision) => await say(drillId, decide, decision, `decide:${decision.step}:${decision.person.id}:${decision.key}`),
    confirm: async (drillId, message) => await say(drillId, confirm, message, `confirm:${message.step}:${message.person.id}:${message.key}`),
    abort: async (drillId, message) => await say(drillId, abort, message),
    note: async (drillId, message, key) => await say(drillId, note, message, key === undefined ? undefined : `note:${key}`),
    declare: async (drillId, message) => await say(drillId, declare, message),

    alert: async (environment, message) => {
      const holder = await holderOf(client, environment, answerMs)
      if (!holder) return undefined
      await within(answerMs, holder.drillId, async () => { await client.workflow.getHandle(holder.drillId).signal(alert, message) })
      return holder.drillId
    },

    status: async drillId => {
      const answer = await within(answerMs, drillId, async () => await client.workflow.getHandle(drillId).query(status))
      if (!answer) throw new DrillError('drill.unknown', `drill ${drillId} has not begun yet`)
      return answer
    },
    timeline: async (drillId, after) => await within(answerMs, drillId, async () => await client.workflow.getHandle(drillId).query(timeline, { after })),

    progress: async drillId => await progressOf(client, drillId, answerMs),

    stateOf: async drillId => await stateOf(client, drillId),
    undo: async input => await startUndo(client, options.taskQueue, input),

    holder: async environment => await holderOf(client, environment, answerMs),

    ping: async () => {
      try {
        await client.connection.withDeadline(Date.now() + 2000, async () => { await client.workflowService.getSystemInfo({}) })
      } catch (error) {
        throw new DrillError('temporal.down', `Temporal does not answer: ${messageOf(error)}`, { cause: error })
      }
    },
  }
}

/** The drill that holds an environment: the parent of the lock, a workflow whose id is the environment's. */
export async function holderOf (client: Client, environment: string, withinMs: number): Promise<{ drillId: string, summary: string } | undefined> {
  try {
    const lock: WorkflowHandle = client.workflow.getHandle(`env:${environment}`)
    const description = await client.connection.withDeadline(Date.now() + withinMs, async () => await lock.describe())
    const drillId = description.parentExecution?.workflowId
    if (description.status.name !== 'RUNNING' || !drillId) return undefined
    return { drillId, summary: (await description.staticSummary()) ?? `held by ${drillId}` }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined
    throw asDrillError(error, `env:${environment}`, withinMs)
  }
}

/** Whether Temporal says, within a second, that the drill runs. No answer is no. */
export async function isRunning (client: Client, drillId: string): Promise<boolean> {
  try {
    const { status } = await client.connection.withDeadline(Date.now() + 1000, async () => await client.workflow.getHandle(drillId).describe())
    return status.name === 'RUNNING'
  } catch {
    return false
  }
}

/** Tells a drill what its probe saw. */
export async function sendEdge (client: Client, drillId: string, edge: ProbeEdge): Promise<void> {
  await client.workflow.getHandle(drillId).signal('probe', edge)
}

/** Tells a drill that all users of a load that it holds are there, or those of one shard. */
export async function sendLoadUp (client: Client, drillId: string, step: string, shard: number): Promise<void> {
  await client.workflow.getHandle(drillId).signal(loadUp, { step, shard })
}

function refusal (reasons: Refusal[]): DrillError {
  const held = reasons.find(reason => reason.code === 'environment.held')
  if (held) return new DrillError('environment.held', held.message, { details: reasons })
  return new DrillError('preflight.refused', `refused before anything was touched: ${reasons.map(reason => reason.message).join('; ')}`, { details: reasons })
}
