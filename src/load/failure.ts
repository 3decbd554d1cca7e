import type { FailureClass } from '../drill/journey.js'
import { failureOf as classOf } from '../journey/failure.js'

/** Thrown into a request by ourselves: its own deadline, a body without end, the end of the run. */
export class Stopped extends Error {
  constructor (readonly failure: 'timeout' | 'assertion' | 'aborted', message: string) {
    super(message)
  }
}

export function failureOf (error: unknown): { failure: FailureClass, message: string } {
  return error instanceof Stopped ? { failure: error.failure, message: error.message } : classOf(error)
}
