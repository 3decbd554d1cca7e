import type { TLSSocket } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, type errors } from 'undici'
import { durationMs, durationText } from '../drill/duration.js'
import type { HttpRequest } from '../drill/journey.js'
import { failureOf, type HttpFailure } from './failure.js'

/** A whole answer, or as much of it as the limit lets through. */
export interface HttpAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The body is longer than the limit: the rest was not read. */
  cut: boolean
  ms: number
  /** Last moment of the server's certificate, epoch ms; of an encrypted connection. */
  certificateUntilMs?: number
}

export interface HttpOptions {
  /** Address of the service; paths are put below it. */
  baseUrl: string
  /** Certificate authority, PEM. */
  ca?: string
  headers?: Record<string, string>
  /** Longest wait for a whole answer, where the request says nothing. Default 10 s. */
  deadlineMs?: number
  /** Longest body that is read. Default 1 MiB. */
  maxBodyBytes?: number
  /** Waited for before each request: see pacer(). */
  pace?: (signal?: AbortSignal) => Promise<void>
}

export interface Http {
  /** Never throws for what the other side does: no answer is a value too. */
  send: (request: HttpRequest, signal?: AbortSignal) => Promise<HttpAnswer | HttpFailure>
  close: () => void
}

const defaultDeadlineMs = 10_000
const defaultBodyBytes = 1024 * 1024
const maxRedirects = 5

/** Requests to one service. Its own deadline rules each (undici's timers are coarse), and a body over the limit is not read on. */
export function createHttp ({ baseUrl, ca, headers = {}, deadlineMs = defaultDeadlineMs, maxBodyBytes = defaultBodyBytes, pace }: HttpOptions): Http {
  let certificateUntilMs: number | undefined
  const connector = buildConnector({ ca, timeout: deadlineMs })
  const agent = new Agent({
    pipelining: 1,
    connect: (options, callback) => {
      connector(options, (...result: Parameters<typeof callback>) => {
        const socket = result[1]
        if (socket && 'getPeerCertificate' in socket) {
          const until = Date.parse((socket as TLSSocket).getPeerCertificate().valid_to)
          if (Number.isFinite(until)) certificateUntilMs = until
        }
        callback(...result)
      })
    },
  })

  const once = async (url: URL, request: HttpRequest, signal: AbortSignal): Promise<Omit<HttpAnswer, 'ms'>> => {
    const answer = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method ?? 'GET',
      headers: headersOf(request, { ...headers, host: url.host }, url.origin === new URL(baseUrl).origin),
      body: request.json === undefined ? request.body : JSON.stringify(request.json),
      signal,
    })
    const { text, cut } = await bodyOf(answer, maxBodyBytes)
    return { status: answer.statusCode, headers: answer.headers, text, cut, certificateUntilMs }
  }

  return {
    async send (request, signal) {
      await pace?.(signal)
      const limitMs = request.timeout === undefined ? deadlineMs : durationMs(request.timeout)
      const deadline = new AbortController()
      const timer = setTimeout(() => { deadline.abort() }, limitMs)
      const both = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal])
      const from = performance.now()
      const ms = (): number => performance.now() - from
      try {
        let url = urlOf(baseUrl, request.path)
        let asked = request
        const seen = [url.href]
        for (;;) {
          const answer = await once(url, asked, both)
          const location = request.follow === true && answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined
          if (typeof location !== 'string') return { ...answer, ms: ms() }
          url = new URL(location, url)
          if (seen.includes(url.href)) return { failure: 'assertion', message: `a redirect loop: ${[...seen, url.href].map(withoutQuery).join(' → ')}`, ms: ms() }
          if (seen.length > maxRedirects) return { failure: 'assertion', message: `more than ${maxRedirects} redirects: ${seen.map(withoutQuery).join(' → ')}`, ms: ms() }
          seen.push(url.href)
          // As browsers do: only 307 and 308 keep method and body.
          if (answer.status !== 307 && answer.status !== 308) asked = { ...asked, method: request.method === 'HEAD' ? 'HEAD' : 'GET', json: undefined, body: undefined }
        }
      } catch (error) {
        if (signal?.aborted) return { failure: 'aborted', message: 'aborted', ms: ms() }
        if (deadline.signal.aborted) return { failure: 'timeout', message: `no whole answer within ${durationText(limitMs)}`, ms: ms() }
        return { ...failureOf(error as errors.UndiciError), ms: ms() }
      } finally {
        clearTimeout(timer)
      }
    },
    close () { agent.destroy().catch(() => {}) },
  }
}

/** A token goes to the service that it is for, and to nobody that this one redirects to. */
function headersOf (request: HttpRequest, common: Record<string, string>, own: boolean): Record<string, string> {
  const all: Record<string, string> = { accept: 'application/json, */*;q=0.5', ...common }
  if (request.json !== undefined) all['content-type'] = 'application/json'
  Object.assign(all, request.headers)
  if (request.token !== undefined) all.authorization = `Bearer ${request.token}`
  if (own) return all
  return Object.fromEntries(Object.entries(all).filter(([name]) => !/^(authorization|cookie)$/i.test(name)))
}

async function bodyOf (answer: Dispatcher.ResponseData, maxBytes: number): Promise<{ text: string, cut: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop destroys the body, and its connection with it.
    if (bytes > maxBytes) return { text: Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'), cut: true }
  }
  return { text: Buffer.concat(chunks).toString('utf8'), cut: false }
}

/** A path below an address that may have a path of its own; a whole address is itself. */
export function urlOf (baseUrl: string, path: string): URL {
  if (/^https?:\/\//.test(path)) return new URL(path)
  const base = new URL(baseUrl)
  return new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base.origin)
}

function withoutQuery (url: string): string {
  return url.replace(/[?#].*$/, '')
}
