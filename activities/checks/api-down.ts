import type { CheckInputs } from '../../src/drill/checks.js'
import type { Check } from '../action.js'
import { askOnce } from './http-ok.js'

const deadlineMs = 1_500

/** The named instances, each asked at its own address, past the load balancer. */
export const apiDown: Check<CheckInputs['api.down']> = async ({ api, instances }, context) => {
  const expected = `${instances.join(' and ')} ${instances.length === 1 ? 'gives' : 'give'} no good answer`
  const unknown = instances.filter(name => !api.instances.some(instance => instance.name === name))
  if (unknown.length > 0) return { outcome: 'blind', observed: `the service has no instance ${unknown.join(', ')}`, expected, output: {} }
  const asked = await Promise.all(api.instances.filter(({ name }) => instances.includes(name)).map(async ({ name, url }) =>
    ({ name, answer: await askOnce(url, { caFile: api.caFile, deadlineMs, drillId: context.drillId, signal: context.signal }) })))
  const text = asked.map(({ name, answer }) => `${name}: ${'error' in answer ? answer.error : `status ${answer.status}`}`).join('; ')
  const blind = asked.some(({ answer }) => 'error' in answer && answer.blind)
  const up = asked.filter(({ answer }) => 'status' in answer && answer.status < 400)
  return { outcome: blind ? 'blind' : up.length > 0 ? 'fail' : 'pass', observed: text, expected, output: { down: asked.length - up.length } }
}
