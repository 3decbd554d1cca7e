import { request } from 'undici'
import { DrillError, messageOf } from '../src/errors.js'
import type { ActionInputs } from '../src/drill/actions.js'
import type { Link } from '../src/drill/environment.js'
import type { Action, StepContext } from './action.js'

/** One proxy, as Toxiproxy tells it. */
export interface Proxy { name: string, listen: string, upstream: string, enabled: boolean, toxics: Toxic[] }

export interface Toxic { name: string, type: string, stream: 'upstream' | 'downstream', attributes: Record<string, number> }

type Reach = Pick<StepContext, 'signal'>

const deadlineMs = 3_000

/** What it is told is about one proxy, by name, always: `/reset` would heal what another drill has cut. */
async function ask ({ toxiproxy, proxy: name }: Link, { signal }: Reach, { method = 'GET', path = '', body }: { method?: string, path?: string, body?: object } = {}): Promise<{ status: number, text: string }> {
  const url = `${toxiproxy.replace(/\/$/, '')}/proxies/${encodeURIComponent(name)}${path}`
  try {
    const response = await request(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal, headersTimeout: deadlineMs, bodyTimeout: deadlineMs,
    })
    return { status: response.statusCode, text: await response.body.text() }
  } catch (error) {
    if (signal.aborted) throw error
    throw new DrillError('component.unreachable', `Toxiproxy does not answer at ${toxiproxy}: ${messageOf(error)}`, { cause: error })
  }
}

function understood<T> (link: Link, { status, text }: { status: number, text: string }): T {
  if (status !== 200) throw new DrillError('component.unexpected', `Toxiproxy answered ${status} for proxy "${link.proxy}": ${text.slice(0, 200)}`)
  return JSON.parse(text) as T
}

/** Throws `component.unreachable`, or `component.unexpected` where it has no such proxy. */
export async function proxyOf (link: Link, reach: Reach): Promise<Proxy> {
  return understood<Proxy>(link, await ask(link, reach))
}

/** Changes a proxy, and answers what it is afterwards. Its toxics stay. */
export async function setProxy (link: Link, change: { enabled?: boolean, upstream?: string }, reach: Reach): Promise<Proxy> {
  understood(link, await ask(link, reach, { method: 'POST', body: change }))
  return await proxyOf(link, reach)
}

/** Answers only once it is in force. */
export async function addToxic (link: Link, toxic: Toxic, reach: Reach): Promise<void> {
  understood(link, await ask(link, reach, { method: 'POST', path: '/toxics', body: toxic }))
}

/** One that is gone already is no error. */
export async function removeToxic (link: Link, name: string, reach: Reach): Promise<void> {
  const { status, text } = await ask(link, reach, { method: 'DELETE', path: `/toxics/${encodeURIComponent(name)}` })
  if (status !== 204 && status !== 404) throw new DrillError('component.unexpected', `Toxiproxy answered ${status} for toxic "${name}" of proxy "${link.proxy}": ${text.slice(0, 200)}`)
}

async function set (link: Link, enabled: boolean, reach: Reach): Promise<void> {
  const { enabled: now } = await setProxy(link, { enabled }, reach)
  if (now !== enabled) throw new DrillError('component.unexpected', `Proxy "${link.proxy}" is ${now ? 'open' : 'cut'} although Toxiproxy took the change`)
}

/** Cuts one link; a proxy that is gone is no healed link, so its undo fails then. */
export const toxiproxyCut: Action<ActionInputs['toxiproxy.cut']> = {
  async do ({ link }, context) {
    const { listen, upstream } = await proxyOf(link, context)
    await set(link, false, context)
    return { summary: `link ${link.proxy} is cut (${listen} to ${upstream})`, output: { proxy: link.proxy, listen, upstream } }
  },

  async verify ({ link }, context) {
    const { enabled } = await proxyOf(link, context)
    return { undone: enabled, summary: `link ${link.proxy} is ${enabled ? 'open' : 'cut'}` }
  },

  async undo ({ link }, context) {
    await set(link, true, context)
    return `healed link ${link.proxy}`
  },
}
