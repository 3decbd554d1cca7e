import { setTimeout as pause } from 'node:timers/promises'
import { DrillError, errorTable, isErrorCode, messageOf, type ErrorCode } from '../errors.js'

export type Query = Record<string, string | number | boolean | undefined>

/** Muster's HTTP API as the CLI sees it. Every call has a deadline and throws a DrillError: the API's own code, or `api.unreachable`. */
export interface Api {
  readonly url: string
  get: <T>(path: string, query?: Query) => Promise<T>
  post: <T>(path: string, body: unknown, options?: { deadlineMs?: number, idempotencyKey?: string }) => Promise<T>
  put: <T>(path: string, body: unknown) => Promise<T>
  delete: <T>(path: string) => Promise<T>
  /** The body as it is, for reports and exports. */
  text: (path: string, query?: Query) => Promise<string>
  stream: (path: string, options: { lastEventId?: number, signal: AbortSignal }) => Promise<Stream>
}

export interface Stream {
  chunks: AsyncIterable<Uint8Array>
  /** The server's clock minus ours, milliseconds, as far as its Date header tells (whole seconds). */
  aheadMs: number
  /** The drill has ended and all of it was heard. */
  isOver: boolean
}

/** When an API that is busy wants to be asked again. */
interface Busy { againMs: number }

interface Call { method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, query?: Query, body?: unknown, headers?: Record<string, string>, deadlineMs?: number, signal?: AbortSignal, idleMs?: number }

const answerMs = 15_000
// The server says `: ping` far more often; a connection that is silent for this long is dead, whatever TCP believes.
const silenceMs = 45_000
// A refusal by an API that has too much to do is no answer: nothing was begun, and it says when to ask again.
const busyMs = 15_000

/** @param base the API's address, e.g. http://127.0.0.1:4400 */
export function createApi (base: string, key: string | undefined): Api {
  const call = async (what: Call) => {
    const giveUpAtMs = performance.now() + busyMs
    for (;;) {
      try {
        return await callOnce(what)
      } catch (error) {
        const againMs = error instanceof DrillError && error.code === 'server.busy' ? (error.details as Busy).againMs : Infinity
        if (performance.now() + againMs > giveUpAtMs) throw error
        await pause(againMs, undefined, { signal: what.signal }).catch(() => { throw what.signal?.reason })
      }
    }
  }
  const callOnce = async (what: Call) => {
    const { request } = await import('undici')
    const url = new URL(what.path, base.endsWith('/') ? base : `${base}/`)
    for (const [name, value] of Object.entries(what.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value))
    const deadline = what.deadlineMs === undefined ? [] : [AbortSignal.timeout(what.deadlineMs)]
    const signal = AbortSignal.any([...deadline, ...what.signal ? [what.signal] : []])
    try {
      const answer = await request(url, {
        method: what.method,
        headers: {
          accept: 'application/json',
          ...key === undefined ? {} : { authorization: `Bearer ${key}` },
          ...what.body === undefined ? {} : { 'content-type': 'application/json' },
          ...what.headers,
        },
        body: what.body === undefined ? null : JSON.stringify(what.body),
        headersTimeout: what.deadlineMs ?? answerMs,
        bodyTimeout: what.idleMs ?? answerMs,
        signal,
      })
      if (answer.statusCode >= 400) throw errorOf(answer.statusCode, await answer.body.text(), url, answer.headers['retry-after'])
      return answer
    } catch (error) {
      throw unreachable(error, base, what.signal)
    }
  }
  const read = async (what: Call): Promise<string> => {
    const answer = await call({ deadlineMs: answerMs, ...what })
    try {
      return await answer.body.text()
    } catch (error) {
      throw unreachable(error, base, what.signal)
    }
  }
  const json = async <T>(what: Call): Promise<T> => {
    const text = await read(what)
    try {
      return (text === '' ? undefined : JSON.parse(text)) as T
    } catch (cause) {
      throw new DrillError('api.unreachable', `${base} answers, but not as Muster does: is MUSTER_URL right?`, { cause })
    }
  }
  return {
    url: base,
    get: (path, query) => json({ method: 'GET', path, query }),
    post: (path, body, options = {}) => json({
      method: 'POST', path, body,
      deadlineMs: options.deadlineMs ?? answerMs,
      headers: options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey },
    }),
    put: (path, body) => json({ method: 'PUT', path, body }),
    delete: path => json({ method: 'DELETE', path }),
    text: (path, query) => read({ method: 'GET', path, query, headers: { accept: '*/*' }, deadlineMs: 60_000 }),
    async stream (path, { lastEventId, signal }) {
      const headers = { accept: 'text/event-stream', ...lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) } }
      const answer = await call({ method: 'GET', path, headers, signal, idleMs: silenceMs })
      const date = Date.parse(String(answer.headers.date ?? ''))
      return { chunks: answer.body, isOver: answer.statusCode === 204, aheadMs: Number.isNaN(date) ? 0 : date - Date.now() }
    },
  }
}

function errorOf (status: number, text: string, url: URL, retryAfter: string | string[] | undefined): DrillError {
  let error: { code?: unknown, message?: unknown, details?: unknown, reference?: unknown } | undefined
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error
  } catch {
    error = undefined
  }
  if (typeof error?.message !== 'string') {
    return new DrillError('api.unreachable', `${url.origin} answers ${status}, but not as Muster does: is MUSTER_URL right?`)
  }
  const code = isErrorCode(error.code) ? error.code : nearest(status)
  const reference = code === 'internal' && typeof error.reference === 'string' ? ` (reference ${error.reference})` : ''
  const details = code === 'server.busy' ? { againMs: (Number(retryAfter) || 1) * 1000 } satisfies Busy : error.details
  return new DrillError(code, error.message + reference, { details })
}

/** An API that is newer than this CLI may use a code that it does not know. */
function nearest (status: number): ErrorCode {
  const known = { 400: 'input.invalid', 401: 'auth.invalid', 403: 'auth.forbidden', 404: 'route.unknown', 429: 'rate.limited' } as const satisfies Record<number, ErrorCode>
  return known[status as keyof typeof known] ?? (status < 500 ? 'input.invalid' : 'internal')
}

function unreachable (error: unknown, base: string, given: AbortSignal | undefined): unknown {
  if (error instanceof DrillError) return error
  if (given?.aborted) return given.reason
  const timedOut = error instanceof Error && (error.name === 'TimeoutError' || ('code' in error && /TIMEOUT/.test(String(error.code))))
  const why = timedOut ? 'did not answer in time' : refused(error) ? 'cannot be reached' : `gave no answer (${messageOf(error)})`
  return new DrillError('api.unreachable', `Muster at ${base} ${why}`, { cause: error })
}

function refused (error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(String(error.code))
}

/** Codes that mean: nobody knows what became of the request, the drill goes on by itself. */
export function isContactLost (code: ErrorCode): boolean {
  return code !== 'preflight.refused' && (errorTable[code].status === 503 || errorTable[code].status === 504 || code === 'internal')
}
