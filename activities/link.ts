import type { ActionInputs } from '../src/drill/actions.js'
import { durationMs } from '../src/drill/duration.js'
import type { Link } from '../src/drill/environment.js'
import { DrillError } from '../src/errors.js'
import type { Action } from './action.js'
import { struckBefore } from './strike.js'
import { addToxic, proxyOf, removeToxic, setProxy, type Proxy, type Toxic } from './toxiproxy.js'

/** By these names an undo knows what is a drill's: toxics of somebody else stay. */
const names = { forth: 'muster-forth', back: 'muster-back' } as const
type Way = keyof typeof names

/** Forth is from whoever opens the connection to whoever is asked; Toxiproxy calls that upstream. */
const streams = { forth: 'upstream', back: 'downstream' } as const

function toxicsOf ({ how, way, latency }: ActionInputs['link.break']): Toxic[] {
  const ways: Way[] = way === 'both' ? ['forth', 'back'] : [way]
  return ways.map((way): Toxic => how === 'latency'
    ? { name: names[way], type: 'latency', stream: streams[way], attributes: { latency: durationMs(latency ?? '0s') } }
    // Without a time-out of its own: what is sent is taken and goes nowhere, until the toxic is gone.
    : { name: names[way], type: 'timeout', stream: streams[way], attributes: { timeout: 0 } })
}

function refuse ({ how, way, latency }: ActionInputs['link.break']): void {
  if (how === 'cut' && way !== 'both') throw new DrillError('input.invalid', `A cut link is cut both ways; one way alone is a blackhole (how: blackhole, way: ${way})`)
  if (how === 'latency' && (latency === undefined || durationMs(latency) === 0)) throw new DrillError('input.invalid', 'A latency takes its length (latency: 300ms)')
}

function oursOn (proxy: Proxy): Toxic[] {
  return proxy.toxics.filter(({ name }) => name === names.forth || name === names.back)
}

/** Cuts a link, lets it swallow what is sent, or makes it slow: both ways or one. */
export const linkBreak: Action<ActionInputs['link.break']> = {
  async do (input, context) {
    refuse(input)
    const { link, how, way } = input
    const faultAtMs = struckBefore(context) ?? Date.now()
    const before = await proxyOf(link, context)
    context.heartbeat({ faultAtMs })
    if (how === 'cut') await setProxy(link, { enabled: false }, context)
    else {
      for (const { name } of oursOn(before)) await removeToxic(link, name, context)
      for (const toxic of toxicsOf(input)) await addToxic(link, toxic, context)
    }
    const after = await proxyOf(link, context)
    const done = how === 'cut' ? !after.enabled : oursOn(after).length === toxicsOf(input).length
    if (!done) throw new DrillError('component.unexpected', `Toxiproxy took the change, but ${stateText(link, after)}`)
    return { summary: `${stateText(link, after)} (${how}, ${way === 'both' ? 'both ways' : `${way} only`})`, output: { proxy: link.proxy, listen: after.listen, upstream: after.upstream }, faultAtMs }
  },

  async verify ({ link }, context) {
    const now = await proxyOf(link, context)
    return { undone: now.enabled && oursOn(now).length === 0, summary: stateText(link, now) }
  },

  async undo ({ link }, context) {
    const before = await proxyOf(link, context)
    for (const { name } of oursOn(before)) await removeToxic(link, name, context)
    if (!before.enabled) await setProxy(link, { enabled: true }, context)
    return `healed link ${link.proxy}`
  },
}

function stateText ({ proxy }: Link, { enabled, toxics }: Proxy): string {
  if (!enabled) return `link ${proxy} is cut`
  return toxics.length === 0 ? `link ${proxy} is open` : `link ${proxy} is open with ${toxics.map(({ name, type }) => `${type} ${name}`).join(', ')}`
}
