import type { Link } from '../src/drill/environment.js'
import type { DrillInput } from '../src/drill/input.js'
import { allSteps, isSkipped, type Runbook } from '../src/drill/runbook.js'
import type { Refusal } from '../src/drill/timeline.js'
import type { StepContext } from './action.js'
import { orBlind } from './or-blind.js'
import { proxyOf } from './toxiproxy.js'

/** Addresses (`host:port`) and folders that Muster itself stands on: a drill that breaks them would break its own record. */
export interface OwnGround { ownAddresses: string[], ownFolders: string[] }

/** The blast radius must not hold what the drill itself stands on. */
export async function ownGround (own: OwnGround, { runbook, environment }: DrillInput, reach: Pick<StepContext, 'signal'>): Promise<Refusal[]> {
  if (runbook.readOnly === true) return []
  const database = environment.database
  const targets = [
    ...(database ? [{ name: 'the database endpoint', address: `${database.endpoint.host}:${database.endpoint.port}` }] : []),
    ...(database?.nodes ?? []).map(node => ({ name: node.name, address: `${node.host}:${node.port}` })),
    ...(environment.cache?.nodes ?? []).map(node => ({ name: node.name, address: `${node.host}:${node.port}` })),
    ...(environment.api?.instances ?? []).map(({ name, url }) => ({ name, address: addressOf(url) })),
    ...[...Object.values(database?.links ?? {}), ...Object.values(environment.cache?.links ?? {})].map(({ toxiproxy }) => ({ name: 'the proxy of its links', address: addressOf(toxiproxy) })),
  ]
  const folders = Object.entries(environment.volumes ?? {}).flatMap(([name, { path }]) => own.ownFolders.filter(folder => `${folder}/`.startsWith(`${path}/`)).map((folder): Refusal => ({
    code: 'preflight.ownGround', message: `volume "${name}" (${path}) carries Muster’s own ${folder}: a drill there would break its own record`,
  })))
  return [...folders, ...await ownLinks(own, runbook, reach), ...targets.filter(target => own.ownAddresses.includes(sameHost(target.address))).map(target => ({
    code: 'preflight.ownGround', message: `${target.name} (${target.address}) carries Muster itself: a drill there would break its own record`,
  }))]
}

/** A link that is broken may be the one that Muster itself goes through, to Slack for example: its proxy says where it leads. */
async function ownLinks (own: OwnGround, runbook: Runbook, reach: Pick<StepContext, 'signal'>): Promise<Refusal[]> {
  const links = allSteps(runbook.steps).flatMap(step => step.kind === 'action' && !isSkipped(step) && (step.action === 'link.break' || step.action === 'toxiproxy.cut') ? [step.with?.link as Link] : [])
  const asked = await Promise.all(links.filter(link => typeof link === 'object').map(async link => await orBlind(`where link ${link.proxy} leads`, async () => {
    const { listen, upstream } = await proxyOf(link, reach)
    const used = [listen, upstream].find(address => own.ownAddresses.includes(sameHost(address)))
    return used === undefined ? [] : [{ code: 'preflight.ownGround', message: `link ${link.proxy} leads to ${used}, which Muster itself uses: a drill there would break its own record` }]
  })))
  return asked.flat()
}

/** `host:port` of an address. */
export function addressOf (url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
}

/** `localhost` and 127.0.0.1 are one place. */
export function sameHost (address: string): string {
  return address.replace(/^(localhost|\[::1\]|::1):/, '127.0.0.1:')
}
