import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client'
import { DrillError, isErrorCode, messageOf, type ErrorCode } from '../errors.js'

/** Pause before an update that was passed over is asked again, ms. */
const againMs = 50

/**
 * Asks Temporal with a deadline; whatever goes wrong is a DrillError that names the workflow. An update that is passed over is asked
 * again within the same deadline.
 */
export async function within<T> (client: Pick<Client, 'connection'>, ms: number, workflowId: string, ask: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + ms
  for (;;) {
    try {
      return await client.connection.withDeadline(deadlineMs, ask)
    } catch (error) {
      if (!isPassedOver(error) || Date.now() + againMs > deadlineMs) throw asDrillError(error, workflowId, ms)
      await new Promise(resolve => setTimeout(resolve, againMs))
    }
  }
}

/** The workflow task that was to take an update failed, mostly for an event that came meanwhile: Temporal then drops the update, and does not try again. */
function isPassedOver (error: unknown): boolean {
  return serviceErrorOf(error)?.code === grpc.precondition && /unexpected workflow task failure/.test(messageOf((error as Error).cause ?? error))
}

/** gRPC status codes. */
const grpc = { cancelled: 1, deadline: 4, notFound: 5, precondition: 9, unavailable: 14 }

export function asDrillError (error: unknown, drillId: string, ms: number): DrillError {
  if (error instanceof DrillError) return error
  const noWorker = (): DrillError => new DrillError('temporal.timeout', `no worker answered for ${drillId} within ${ms / 1000} s; the request may still be carried out once one is there`, { cause: error, details: { drillId } })
  const over = (): DrillError => new DrillError('drill.over', `drill ${drillId} is over: already closed`, { cause: error })
  if (error instanceof WorkflowUpdateFailedError) {
    const cause = error.cause as { type?: string, message?: string } | undefined
    if (isErrorCode(cause?.type)) return new DrillError(cause.type as ErrorCode, cause?.message ?? error.message, { cause: error })
    return new DrillError('internal', cause?.message ?? error.message, { cause: error })
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return noWorker()
  if (error instanceof WorkflowExecutionAlreadyStartedError) return over()
  if (error instanceof WorkflowNotFoundError) {
    // The same error stands for "never heard of it" and for "it has just closed".
    return /already completed|closing|completed workflow/i.test(error.message)
      ? over()
      : new DrillError('drill.unknown', `there is no drill ${drillId} in Temporal (it may be over and past its retention)`, { cause: error })
  }
  const service = serviceErrorOf(error)
  if (service?.code === grpc.deadline || service?.code === grpc.cancelled || service?.code === grpc.precondition) return noWorker()
  if (service?.code === grpc.unavailable) return new DrillError('temporal.down', 'Temporal does not answer', { cause: error })
  return new DrillError('internal', messageOf(error), { cause: error })
}

function serviceErrorOf (error: unknown): { code: number } | undefined {
  return [error, (error as Error | undefined)?.cause].find(isGrpcServiceError)
}
