import type { CheckInputs } from '../../src/drill/checks.js'
import type { ApiService } from '../../src/drill/environment.js'
import type { Check } from '../action.js'
import { askOnce } from './http-ok.js'

const deadlineMs = 3_000

/** The service through its users' door, and each instance by itself: a load balancer hides a dead one. */
export const apiReady: Check<CheckInputs['api.ready']> = async ({ api }, context) => {
  const expected = `the service and ${api.instances.length} instances answer with a status below 400`
  const asked = await Promise.all([
    { name: 'the service', url: serviceUrl(api, /^https?:/.test(api.url) ? api.url : await context.secret(api.url)), caFile: api.caFile },
    ...api.instances.map(({ name, url }) => ({ name, url, caFile: api.caFile })),
  ].map(async ({ name, url, caFile }) => ({ name, answer: await askOnce(url, { caFile, deadlineMs, drillId: context.drillId, signal: context.signal }) })))
  const bad = asked.filter(({ answer }) => 'error' in answer || answer.status >= 400)
  const output = { ready: asked.length - bad.length, of: asked.length }
  if (bad.length === 0) return { outcome: 'pass', observed: `the service and ${api.instances.length} instances are ready`, expected, output }
  const blind = bad.every(({ answer }) => 'error' in answer && answer.blind)
  const observed = bad.map(({ name, answer }) => `${name}: ${'error' in answer ? answer.error : `status ${answer.status}`}`).join('; ')
  return { outcome: blind ? 'blind' : 'fail', observed, expected, output }
}

/** A service's address without a path is asked where its instances say that they are ready. */
function serviceUrl (api: ApiService, address: string): string {
  const url = new URL(address)
  const first = api.instances[0]
  if (url.pathname === '/' && first) url.pathname = new URL(first.url).pathname
  return url.href
}
