import { request } from 'undici'
import { DrillError, messageOf } from '../src/errors.js'
import type { ActionInputs } from '../src/drill/actions.js'
import type { Link } from '../src/drill/environment.js'
import type { Action, StepContext } from './action.js'

interface Proxy { name: string, listen: string, upstream: string, enabled: boolean }

type Reach = Pick<StepContext, 'signal'>

/** Asks Toxiproxy for one proxy, or sets it. By name, always: `/reset` would heal what another drill has cut. */
async function proxy ({ toxiproxy, proxy: name }: Link, { signal }: Reach, change?: { enabled: boolean }): Promise<Proxy> {
  const url = `${toxiproxy.replace(/\/$/, '')}/proxies/${encodeURIComponent(name)}`
  let status: number, text: string
  try {
    const response = await request(url, {
      ...(change ? { method: 'POST', body: JSON.stringify(change), headers: { 'content-type': 'application/json' } } : {}),
      signal, headersTimeout: 3_000, bodyTimeout: 3_000,
    })
    status = response.statusCode
    text = await response.body.text()
  } catch (error) {
    if (signal.aborted) throw error
    throw new DrillError('component.unreachable', `Toxiproxy does not answer at ${toxiproxy}: ${messageOf(error)}`, { cause: error })
  }
  if (status !== 200) throw new DrillError('component.unexpected', `Toxiproxy answered ${status} for proxy "${name}": ${text.slice(0, 200)}`)
  return JSON.parse(text) as Proxy
}

async function set (link: Link, enabled: boolean, reach: Reach): Promise<void> {
  await proxy(link, reach, { enabled })
  const { enabled: now } = await proxy(link, reach)
  if (now !== enabled) throw new DrillError('component.unexpected', `Proxy "${link.proxy}" is ${now ? 'open' : 'cut'} although Toxiproxy took the change`)
}

/** Cuts one link; a proxy that is gone is no healed link, so its undo fails then. */
export const toxiproxyCut: Action<ActionInputs['toxiproxy.cut']> = {
  async do ({ link }, context) {
    const { listen, upstream } = await proxy(link, context)
    await set(link, false, context)
    return { summary: `link ${link.proxy} is cut (${listen} to ${upstream})`, output: { proxy: link.proxy, listen, upstream } }
  },

  async verify ({ link }, context) {
    const { enabled } = await proxy(link, context)
    return { undone: enabled, summary: `link ${link.proxy} is ${enabled ? 'open' : 'cut'}` }
  },

  async undo ({ link }, context) {
    await set(link, true, context)
    return `healed link ${link.proxy}`
  },
}
