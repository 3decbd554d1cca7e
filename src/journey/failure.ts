import type { FailureClass } from '../drill/journey.js'
import { messageOf } from '../errors.js'

/** A request that brought no answer. `message` names no secret: it is the network's own words. */
export interface HttpFailure { failure: FailureClass, message: string, ms: number }

/** The class of what undici, TLS or the network threw. A deadline or an abort of ours is known by its own reason, before this. */
export function failureOf (error: unknown): { failure: FailureClass, message: string } {
  const code = codeOf(error)
  const message = messageOf(error) || code || 'no connection'
  if (/^(ENOTFOUND|EAI_)/.test(code)) return { failure: 'dns', message: `the name does not resolve: ${message}` }
  if (isTls(code)) return { failure: 'tls', message: `TLS: ${message}${hintOf(code)}` }
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/.test(code)) return { failure: 'connect', message: `no connection: ${message}` }
  if (/^(ETIMEDOUT|UND_ERR_(HEADERS|BODY)_TIMEOUT)$/.test(code)) return { failure: 'timeout', message }
  return { failure: 'reset', message: `the connection broke: ${message}` }
}

function isTls (code: string): boolean {
  return /^(CERT_|ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/.test(code)
}

function hintOf (code: string): string {
  return /^(UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code) ? ` (${code}; an authority of your own belongs into the environment’s api.caFile)` : ` (${code})`
}

/** The first code on the way down the causes. */
export function codeOf (error: unknown): string {
  for (let now = error; now !== null && typeof now === 'object'; now = (now as { cause?: unknown }).cause) {
    const { code, errors } = now as { code?: unknown, errors?: unknown[] }
    if (typeof code === 'string') return code
    if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0])
  }
  return ''
}
