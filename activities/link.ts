import { canLosePackets, keepPackets, losePackets, lossesOf, type Loss } from '../src/control/packet-loss.js'
import { steadyNow } from '../src/control/steady-clock.js'
import type { ActionInputs } from '../src/drill/actions.js'
import { durationMs } from '../src/drill/duration.js'
import type { Link } from '../src/drill/environment.js'
import { DrillError } from '../src/errors.js'
import type { Action, StepContext } from './action.js'
import { struckBefore } from './strike.js'
import { addToxic, proxyOf, removeToxic, setProxy, type Proxy, type Toxic } from './toxiproxy.js'

/** By these names an undo knows what is a drill's: toxics of somebody else stay. */
const names = { forth: 'muster-forth', back: 'muster-back' } as const
type Way = keyof typeof names

/** Forth is from whoever opens the connection to whoever is asked; Toxiproxy calls that upstream. */
const streams = { forth: 'upstream', back: 'downstream' } as const

function toxicsOf ({ how, way, latency }: ActionInputs['link.break']): Toxic[] {
  return waysOf(way).map((way): Toxic => how === 'latency'
    ? { name: names[way], type: 'latency', stream: streams[way], attributes: { latency: durationMs(latency ?? '0s') } }
    // Without a time-out of its own: what is sent is taken and goes nowhere, until the toxic is gone.
    : { name: names[way], type: 'timeout', stream: streams[way], attributes: { timeout: 0 } })
}

function refuse ({ how, way, latency, loss }: ActionInputs['link.break']): void {
  if (how === 'cut' && way !== 'both') throw new DrillError('input.invalid', `A cut link is cut both ways; one way alone is a blackhole (how: blackhole, way: ${way})`)
  if (how === 'latency' && (latency === undefined || durationMs(latency) === 0)) throw new DrillError('input.invalid', 'A latency takes its length (latency: 300ms)')
  if (how === 'loss' && loss === undefined) throw new DrillError('input.invalid', 'A loss takes its percent of the packets (loss: 30)')
}

/** The rules of a link that loses packets are known by it, whatever becomes of its Toxiproxy. */
export function lossName ({ toxiproxy, proxy }: Link): string {
  return `muster-loss:${new URL(toxiproxy).port}:${proxy.replace(/[^\w.-]/g, '_').slice(0, 200)}`
}

/** Throws `link.noLoss` where the two ends of a link do not both lie on the loopback of this machine: elsewhere its packets are not seen here. */
function loopbackPort ({ toxiproxy, proxy }: Link, { listen }: Proxy): number {
  const [, host, port] = /^(.*):(\d+)$/.exec(listen) ?? []
  const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(toxiproxy).hostname) && host?.startsWith('127.')
  if (!isHere) throw new DrillError('link.noLoss', `packets of link ${proxy} cannot be lost: it is at ${listen} of ${toxiproxy}, not on this machine’s loopback (127.0.0.1)`)
  return Number(port)
}

function waysOf (way: ActionInputs['link.break']['way']): Way[] {
  return way === 'both' ? ['forth', 'back'] : [way]
}

function oursOn (proxy: Proxy): Toxic[] {
  return proxy.toxics.filter(({ name }) => name === names.forth || name === names.back)
}

/** Cuts a link, lets it swallow what is sent, makes it slow or lossy: both ways or one. */
export const linkBreak: Action<ActionInputs['link.break']> = {
  async able (input, context) {
    refuse(input)
    if (input.how !== 'loss') return
    loopbackPort(input.link, await proxyOf(input.link, context))
    await canLosePackets(context)
  },

  async do (input, context) {
    refuse(input)
    const { link, how, way, loss } = input
    const faultAtMs = struckBefore(context) ?? steadyNow()
    const before = await proxyOf(link, context)
    context.heartbeat({ faultAtMs })
    if (how === 'loss') await losePackets({ name: lossName(link), port: loopbackPort(link, before), ways: waysOf(way), percent: loss! }, context)
    else if (how === 'cut') await setProxy(link, { enabled: false }, context)
    else {
      for (const { name } of oursOn(before)) await removeToxic(link, name, context)
      for (const toxic of toxicsOf(input)) await addToxic(link, toxic, context)
    }
    const after = await stateOf(input, context)
    const done = how === 'cut' ? !after.enabled : how === 'loss' ? after.losses.length === waysOf(way).length : oursOn(after).length === toxicsOf(input).length
    if (!done) throw new DrillError('component.unexpected', `the change was taken, but ${stateText(link, after)}`)
    return { summary: `${stateText(link, after)} (${how}, ${way === 'both' ? 'both ways' : `${way} only`})`, output: { proxy: link.proxy, listen: after.listen, upstream: after.upstream }, faultAtMs }
  },

  async verify (input, context) {
    const now = await stateOf(input, context)
    return { undone: now.enabled && oursOn(now).length === 0 && now.losses.length === 0, summary: stateText(input.link, now) }
  },

  async undo ({ link, how }, context) {
    // First, for it needs no Toxiproxy.
    if (how === 'loss') await keepPackets(lossName(link), context)
    const before = await proxyOf(link, context)
    for (const { name } of oursOn(before)) await removeToxic(link, name, context)
    if (!before.enabled) await setProxy(link, { enabled: true }, context)
    return `healed link ${link.proxy}`
  },
}

interface State extends Proxy { losses: Loss[] }

async function stateOf ({ link, how }: ActionInputs['link.break'], reach: Pick<StepContext, 'signal'>): Promise<State> {
  // Where nothing else can be, iptables is not asked: it takes root.
  return { ...await proxyOf(link, reach), losses: how === 'loss' ? await lossesOf(lossName(link), reach) : [] }
}

function stateText ({ proxy }: Link, { enabled, toxics, losses }: State): string {
  if (!enabled) return `link ${proxy} is cut`
  const faults = [...toxics.map(({ name, type }) => `${type} ${name}`), ...losses.map(({ way }) => `loss ${way}`)]
  return faults.length === 0 ? `link ${proxy} is open` : `link ${proxy} is open with ${faults.join(', ')}`
}
