import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client'
import { DrillError, isErrorCode, messageOf, type ErrorCode } from '../errors.js'

/** Asks Temporal with a deadline; whatever goes wrong is a DrillError that names the workflow. */
export async function within<T> (client: Client, ms: number, workflowId: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await client.connection.withDeadline(Date.now() + ms, ask)
  } catch (error) {
    throw asDrillError(error, workflowId, ms)
  }
}

/** gRPC status codes: DEADLINE_EXCEEDED, NOT_FOUND, FAILED_PRECONDITION, UNAVAILABLE. */
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
  const service = isGrpcServiceError(error) ? error : isGrpcServiceError((error as Error)?.cause) ? (error as { cause: { code: number } }).cause : undefined
  if (service?.code === grpc.deadline || service?.code === grpc.cancelled || service?.code === grpc.precondition) return noWorker()
  if (service?.code === grpc.unavailable) return new DrillError('temporal.down', 'Temporal does not answer', { cause: error })
  return new DrillError('internal', messageOf(error), { cause: error })
}
