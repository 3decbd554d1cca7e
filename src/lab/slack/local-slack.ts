import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appDoor, type AppDoor } from './app-door.js'
import type { Raw } from './block-kit.js'
import { drawPage, drawView } from './page.js'
import { RateLimits, type Limits } from './rate-limits.js'
import { methods, type Args } from './web-api.js'
import { Workspace, type Channel, type User } from './workspace.js'

/** What a call is answered with instead; `lost` is carried out and the connection breaks before the answer. */
export type Trouble = { error: string } | { status: number, body?: string, retryAfterS?: number } | 'lost' | 'broken'

export interface LocalSlackOptions {
  token: string
  signingSecret: string
  users: User[]
  channels: Channel[]
  port?: number
  limits?: Limits
  /** Pauses before an event is sent again, ms. Slack's own: at once, a minute, five minutes. */
  retriesMs?: number[]
}

export interface LocalSlack {
  /** The channel as a page. */
  url: string
  /** For `slackApiUrl`. */
  apiUrl: string
  workspace: Workspace
  /** Commands, clicks, modals, reactions. */
  app: AppDoor
  /** Every call of a method, in order. */
  calls: Array<{ method: string, args: Args }>
  /** Where the app answers. */
  connect: (appUrl: string) => void
  /** Asked before each call: what it gives is the answer. */
  interfere: (trouble: ((method: string, args: Args) => Trouble | undefined) | undefined) => void
  stop: () => Promise<void>
}

const bodyLimit = 1_000_000

/**
 * A small Slack on this machine: the Web API over HTTP with the documented limits and errors, signed requests to the app, and a page
 * that shows a channel and can be clicked. For the demo and for tests; it keeps everything in memory and listens on loopback.
 */
export async function startLocalSlack (options: LocalSlackOptions): Promise<LocalSlack> {
  const workspace = new Workspace(options.users, options.channels)
  const limits = new RateLimits(options.limits)
  const calls: LocalSlack['calls'] = []
  let appUrl = ''
  let ownUrl = ''
  let interfering: ((method: string, args: Args) => Trouble | undefined) | undefined
  const app = appDoor(workspace, { signingSecret: options.signingSecret, appUrl: () => appUrl, ownUrl: () => ownUrl, retriesMs: options.retriesMs ?? [0, 60_000, 300_000] })

  const server = createServer((request, reply) => {
    handle(request, reply).catch((error: unknown) => {
      if (!reply.headersSent) reply.writeHead(500, { 'content-type': 'text/plain' })
      reply.end(String(error))
    })
  })
  await listen(server, options.port ?? 0)
  ownUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: ownUrl, apiUrl: `${ownUrl}/api/`, workspace, app, calls,
    connect: url => { appUrl = url },
    interfere: trouble => { interfering = trouble },
    stop: async () => {
      workspace.emit('changed')
      server.closeAllConnections()
      await new Promise(resolve => { server.close(resolve) })
    },
  }

  async function handle (request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', ownUrl)
    // A page of another site must not click here.
    const { host, origin } = request.headers
    if (host !== new URL(ownUrl).host || (origin !== undefined && origin !== ownUrl)) return answer(reply, 403, 'only this machine’s own page')
    const body = await bodyOf(request)
    if (url.pathname.startsWith('/api/')) return callMethod(request, reply, url.pathname.slice('/api/'.length), body)
    if (url.pathname.startsWith('/response/')) return respond(reply, url.pathname.slice('/response/'.length), body)
    if (request.method === 'POST' && url.pathname.startsWith('/ui/')) return await act(reply, url.pathname.slice('/ui/'.length), JSON.parse(body) as Record<string, string>)
    if (url.pathname === '/view') return await view(request, reply, url.searchParams)
    if (url.pathname === '/') {
      const page = drawPage(workspace)
      reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': page.policy }).end(page.html)
      return
    }
    answer(reply, 404, 'there is nothing')
  }

  function callMethod (request: IncomingMessage, reply: ServerResponse, method: string, body: string): void {
    const args = Object.fromEntries(new URLSearchParams(body))
    calls.push({ method, args })
    const trouble = interfering?.(method, args)
    if (trouble === 'broken') { request.socket.destroy(); return }
    if (trouble !== undefined && trouble !== 'lost') {
      if ('error' in trouble) return json(reply, { ok: false, error: trouble.error })
      reply.writeHead(trouble.status, { 'content-type': 'text/plain', ...trouble.retryAfterS === undefined ? {} : { 'retry-after': String(trouble.retryAfterS) } }).end(trouble.body ?? '')
      return
    }
    if (request.headers.authorization !== `Bearer ${options.token}`) return json(reply, { ok: false, error: request.headers.authorization ? 'invalid_auth' : 'not_authed' })
    const waitS = limits.waitS(method, args['channel'])
    if (waitS > 0) {
      reply.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(waitS) }).end(JSON.stringify({ ok: false, error: 'ratelimited' }))
      return
    }
    const result = methods[method]?.(workspace, args) ?? { ok: false, error: 'unknown_method' }
    if (trouble === 'lost') { request.socket.destroy(); return }
    json(reply, result)
  }

  /** A response_url. */
  function respond (reply: ServerResponse, id: string, body: string): void {
    const known = workspace.useResponse(id)
    if (!known) {
      reply.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ ok: false, error: 'expired_url' }))
      return
    }
    const { text = '', replace_original: replace, response_type: type } = JSON.parse(body) as { text?: string, replace_original?: boolean, response_type?: string }
    if (replace === false && type === 'ephemeral') workspace.whisper(known.user, known.channel, text)
    else throw new Error('this small Slack knows ephemeral answers only')
    answer(reply, 200, 'ok')
  }

  /** What the page does for the person who uses it. */
  async function act (reply: ServerResponse, what: string, given: Record<string, string>): Promise<void> {
    const user = given['user'] ?? ''
    workspace.user(user)
    const channel = workspace.channels[0]!.id
    switch (what) {
      case 'click': {
        const message = workspace.find(channel, given['ts'] ?? '')
        if (message) await app.click(user, message, given['action'] ?? '')
        break
      }
      case 'choose': {
        const modal = workspace.modals.get(user)
        if (modal) await app.choose(modal, given['block'] ?? '', given['action'] ?? '', given['value'] ?? '')
        break
      }
      case 'say': {
        const text = given['text'] ?? ''
        if (text.startsWith('/drill')) await app.command(user, channel, text.slice('/drill'.length).trim())
        else workspace.add({ channel, text: escape(text), blocks: [], user, broadcast: false, ...given['thread'] ? { threadTs: given['thread'] } : {} })
        break
      }
      case 'pin': await app.react(user, channel, given['ts'] ?? ''); break
      case 'submit': await app.submit(user, JSON.parse(given['values'] ?? '{}') as Record<string, string | null>); break
      case 'close': workspace.closeModal(user); break
      default: return answer(reply, 404, 'no such act')
    }
    json(reply, { ok: true })
  }

  /** The channel as one person sees it, once it is newer than what they have; after 20 s in any case. */
  async function view (request: IncomingMessage, reply: ServerResponse, query: URLSearchParams): Promise<void> {
    const since = Number(query.get('since') ?? 0)
    if (workspace.version <= since) {
      await new Promise<void>(resolve => {
        const done = (): void => {
          clearTimeout(timer)
          workspace.off('changed', done)
          resolve()
        }
        const timer = setTimeout(done, 20_000)
        workspace.on('changed', done)
        request.once('close', done)
      })
    }
    if (!reply.destroyed) json(reply, { version: workspace.version, ...drawView(workspace, query.get('user') ?? workspace.users[0]!.id) })
  }
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function json (reply: ServerResponse, body: Raw): void {
  reply.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

function answer (reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

async function bodyOf (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyLimit) throw new Error('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function listen (server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}
