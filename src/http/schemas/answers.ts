import { Type, type TProperties, type TSchema } from 'typebox'
import { errorTable, type ErrorCode } from '../../errors.js'

/** An object that takes no key but its own. */
export function Strict<P extends TProperties> (properties: P, options: Record<string, unknown> = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** How every failure is answered. */
export const Failure = Type.Object({
  error: Type.Object({
    code: Type.Unsafe<ErrorCode>(Type.String({ description: 'Stable: branch on it, never on the message', enum: Object.keys(errorTable) })),
    message: Type.String({ description: 'One sentence that says what to do' }),
    details: Type.Optional(Type.Unknown({ description: 'Plain data: the problems, the reasons, the drill id' })),
    reference: Type.String({ description: 'Of this request, as the log has it' }),
  }),
}, { description: 'The request failed' })

const failures = {
  400: Failure, 401: Failure, 403: Failure, 404: Failure, 409: Failure, 413: Failure, 415: Failure, 422: Failure,
  429: Failure, 500: Failure, 502: Failure, 503: Failure, 504: Failure,
}

/** The answers of a route: its own, and a schema for every way in which it may fail. */
export function answers<A extends Record<number, TSchema>> (own: A) {
  return { ...failures, ...own }
}

/** Answers of routes that need no key. */
export function openAnswers<A extends Record<number, TSchema>> (own: A) {
  return { 400: Failure, 429: Failure, 500: Failure, 503: Failure, ...own }
}
