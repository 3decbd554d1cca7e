import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DrillError, errorTable, type ErrorCode } from '../errors.js'
import { redactText } from '../log.js'
import { problemsOf } from './validation.js'

/** What a failed request is answered with, always in this one shape. */
export interface ErrorAnswer { error: { code: ErrorCode, message: string, details?: unknown, reference: string } }

/** What Fastify itself refuses, in our codes. */
const ofFastify: Record<string, [ErrorCode, (limit: number) => string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['input.mediaType', () => 'the body must be JSON: send `Content-Type: application/json`'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['input.tooLarge', limit => `the body is larger than ${limit} bytes`],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['input.invalid', () => 'the body is empty, although its type says JSON'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['input.invalid', () => 'the body is no JSON'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['input.invalid', () => 'the body is not as long as its Content-Length says'],
  FST_ERR_BAD_URL: ['input.invalid', () => 'the address holds a wrong escape sequence'],
  FST_ERR_MAX_PARAM_LENGTH: ['input.invalid', () => 'a part of the address is too long'],
  FST_ERR_VALIDATION: ['input.invalid', () => 'the request has a wrong shape'],
  FST_UNDER_PRESSURE: ['server.busy', () => 'the API has more to do than it can; running drills go on'],
}

/** The DrillError of whatever was thrown. What nobody foresaw becomes `internal`, its message kept for the log alone. */
export function drillErrorOf (error: unknown, bodyLimit: number): DrillError {
  if (error instanceof DrillError) return error
  const { validation, validationContext = 'request', code, statusCode } = error as Partial<FastifyError>
  if (validation) {
    const problems = problemsOf(validation, validationContext)
    const text = problems.slice(0, 3).map(({ in: part, pointer, expected }) => `${part}${pointer} ${expected}`).join('; ')
    return new DrillError('input.invalid', text, { details: problems, cause: error })
  }
  const known = code === undefined ? undefined : ofFastify[code]
  if (known) return new DrillError(known[0], known[1](bodyLimit), { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new DrillError('input.invalid', error instanceof SyntaxError ? 'the body is no JSON' : `the request is refused: ${STATUS_CODES[statusCode] ?? statusCode}`, { cause: error })
  }
  return new DrillError('internal', 'a mistake of Muster’s own; the log has it under this reference', { cause: error })
}

/** The one place where an error becomes an answer of the API. */
export function answerFailure (error: unknown, request: FastifyRequest, reply: FastifyReply, bodyLimit: number): void {
  const failure = drillErrorOf(error, bodyLimit)
  logFailure(failure, request)
  if (failure.retryable && failure.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '2')
  if (failure.status === 401) reply.header('www-authenticate', 'Bearer realm="muster"')
  // Set anew: a route that answers a report or a stream may have chosen a type of its own before it failed.
  reply.code(failure.status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(answerOf(failure, request.id)))
}

/** One line of the log for a request that failed or was refused. */
export function logFailure (failure: DrillError, request: FastifyRequest): void {
  const context = { code: failure.code, method: request.method, route: request.routeOptions?.url, person: request.person?.id }
  if (failure.status >= 500) request.log.error({ ...context, err: failure }, 'request failed')
  else request.log.info({ ...context, reason: failure.message }, 'request refused')
}

function answerOf (failure: DrillError, reference: string): ErrorAnswer {
  return {
    error: {
      code: failure.code,
      message: redactText(failure.message),
      ...(failure.details === undefined ? {} : { details: failure.details }),
      reference,
    },
  }
}

/** Addresses that do not exist: limited as well, so that nobody searches for them at speed. */
export function answerUnknownRoutes (app: FastifyInstance): void {
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, request => {
    throw new DrillError('route.unknown', `there is no ${request.method} ${request.url.split('?')[0]!.slice(0, 200)}; see /docs`)
  })
}

/** What is no HTTP at all never reaches a route; it gets the same shape, and the connection ends. */
export function answerNoHttp (this: FastifyInstance, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const code: ErrorCode = error.code === 'HPE_HEADER_OVERFLOW' ? 'input.tooLarge' : 'input.invalid'
  const body = JSON.stringify({ error: { code, message: code === 'input.tooLarge' ? 'the headers are too large' : 'that is no HTTP request', reference: 'none' } } satisfies ErrorAnswer)
  const { status } = errorTable[code]
  if (socket.writable) socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  socket.destroy(error)
}
