import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client'
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common'
import { lift, liftAsked, type Lift } from '../../workflows/messages.js'
import { appliesTo, haltText, type Halt, type LiftAsked } from '../drill/halt.js'
import { DrillError } from '../errors.js'
import { within } from './errors.js'

/** What the door says about halts. Their state is Temporal's: the store may be down, and no worker is needed to ask. */
export interface HaltDoor {
  /** @returns `already` with the one in force, where there is one of the same reach */
  halt: (halt: Halt) => Promise<{ outcome: 'halted' | 'already', halt: Halt }>
  /** The first person asks, the second lifts. Throws `halt.unknown`, `auth.forbidden`, `decision.fourEyes`. */
  lift: (environment: string | undefined, message: Lift) => Promise<{ outcome: 'asked' | 'lifted' }>
  /** Those in force, with who wants them lifted where a worker can say. */
  halts: () => Promise<Array<Halt & { liftAsked?: LiftAsked }>>
}

export function haltDoor (client: Client, { taskQueue, answerMs }: { taskQueue: string, answerMs: number }): HaltDoor {
  return {
    async halt (halt) {
      const workflowId = idOf(halt.environment)
      return await within(client, answerMs, workflowId, async () => {
        try {
          await client.workflow.start('halt', {
            taskQueue, workflowId, args: [halt], memo: { halt }, staticSummary: haltText(halt).slice(0, 200),
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
          })
          return { outcome: 'halted', halt } as const
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
          return { outcome: 'already', halt: await haltOf(client, halt.environment) ?? halt } as const
        }
      })
    },
    async lift (environment, message) {
      const workflowId = idOf(environment)
      if (!await within(client, answerMs, workflowId, async () => await haltOf(client, environment))) {
        throw new DrillError('halt.unknown', `${environment ?? 'everything'} is not halted`)
      }
      return await within(client, answerMs, workflowId, async () => await client.workflow.getHandle(workflowId).executeUpdate(lift, { args: [message] }))
    },
    async halts () {
      const found = await within(client, answerMs, 'halts', async () => {
        const ids: string[] = []
        for await (const one of client.workflow.list({ query: 'WorkflowType = "halt" AND ExecutionStatus = "Running"' })) ids.push(one.workflowId)
        // Visibility may lag: the one that matters most is asked for by name.
        return [...new Set(['halt:all', ...ids])]
      })
      const halts = await Promise.all(found.map(async id => {
        const halt = await haltOf(client, environmentOf(id))
        const asked = halt && await within(client, 1000, id, async () => await client.workflow.getHandle(id).query(liftAsked)).catch(() => undefined)
        return halt ? [{ ...halt, ...asked ? { liftAsked: asked } : {} }] : []
      }))
      return halts.flat()
    },
  }
}

/** The halts that forbid a drill there. Throws `temporal.down` where it cannot be asked. */
export async function haltsFor (client: Client, environment: string): Promise<Halt[]> {
  const asked = await within(client, 5000, 'halts', async () => await Promise.all([haltOf(client, undefined), haltOf(client, environment)]))
  return asked.flatMap(halt => halt && appliesTo(halt, environment) ? [halt] : [])
}

/** Ids of drills that run, as visibility knows them; without those that are nested in another. */
export async function runningDrills (client: Client, environment: string | undefined): Promise<string[]> {
  const ids: string[] = []
  const where = environment === undefined ? '' : ` AND MusterEnvironment = "${environment}"`
  for await (const one of client.workflow.list({ query: `WorkflowType = "drill" AND ExecutionStatus = "Running"${where}` })) {
    if (!one.workflowId.includes('.')) ids.push(one.workflowId)
  }
  return ids
}

async function haltOf (client: Client, environment: string | undefined): Promise<Halt | undefined> {
  try {
    const { status, memo } = await client.workflow.getHandle(idOf(environment)).describe()
    return status.name === 'RUNNING' ? memo?.halt as Halt : undefined
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined
    throw error
  }
}

function idOf (environment: string | undefined): string {
  return environment === undefined ? 'halt:all' : `halt:env:${environment}`
}

function environmentOf (id: string): string | undefined {
  return id === 'halt:all' ? undefined : id.slice('halt:env:'.length)
}
