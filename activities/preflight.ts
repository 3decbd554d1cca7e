import { Context } from '@temporalio/activity'
import type { CheckInputs, CheckName } from '../src/drill/checks.js'
import { controlOf } from '../src/control/control.js'
import { durationMs } from '../src/drill/duration.js'
import { haltText, type Halt } from '../src/drill/halt.js'
import type { Link } from '../src/drill/environment.js'
import type { DrillInput } from '../src/drill/input.js'
import { breachesOf, type Hit } from '../src/drill/limits.js'
import type { OwedEntry } from '../src/drill/owed.js'
import { allSteps, isAllowedIn, isSkipped, stepTitle, type CheckStep, type Runbook } from '../src/drill/runbook.js'
import type { Refusal } from '../src/drill/timeline.js'
import { messageOf } from '../src/errors.js'
import type { Check, Checks, StepContext } from './action.js'
import { askUntil } from './ask.js'
import { proxyOf } from './toxiproxy.js'
import { whoDecides, type WhoDecidesDeps } from './who-decides.js'

export interface PreflightDeps extends WhoDecidesDeps {
  checks: Checks
  /** Halts in force there. Throws where Temporal cannot say. */
  haltsFor: (environment: string) => Promise<Halt[]>
  /** What earlier drills left behind in an environment. Throws where the store cannot say. */
  leftBehindIn: (environment: string) => Promise<OwedEntry[]>
  /** Addresses (`host:port`) and folders that Muster itself stands on: a drill that breaks them would break its own record. */
  ownAddresses: string[]
  ownFolders: string[]
  secret: (ref: string) => Promise<string>
  context: (drillId: string, stepId: string) => { context: StepContext, stop: () => void }
}

/**
 * Every reason why this drill must not start now; empty means go. It only looks. What cannot be asked is a reason: blind is never
 * a pass.
 */
export function createPreflight (deps: PreflightDeps) {
  return async (input: DrillInput): Promise<Refusal[]> => {
    const { context, stop } = deps.context(input.drillId, 'preflight')
    try {
      const asked = await Promise.all([
        halts(deps, input), leftBehind(deps, input), whoDecides(deps, input), secrets(deps, input), steadyState(deps, input, context),
        ownGround(deps, input, context), limits(input),
      ])
      return [...mayRunHere(input), ...asked.flat()]
    } finally {
      stop()
      Context.current().heartbeat()
    }
  }
}

async function leftBehind (deps: PreflightDeps, { environment, runbook }: DrillInput): Promise<Refusal[]> {
  if (runbook.readOnly === true) return []
  try {
    return (await deps.leftBehindIn(environment.name)).map(one => ({
      code: 'environment.owed', message: `drill ${one.drillId} left something behind: ${one.title}. Undo it with \`muster undo ${one.drillId}\`, or by hand (${one.byHand}) and then so`,
    }))
  } catch (error) {
    return [{ code: 'preflight.blind', message: `what earlier drills left behind could not be asked: ${messageOf(error)}` }]
  }
}

async function halts (deps: PreflightDeps, { environment }: DrillInput): Promise<Refusal[]> {
  try {
    return (await deps.haltsFor(environment.name)).map(halt => ({ code: 'halt.inForce', message: haltText(halt) }))
  } catch (error) {
    return [{ code: 'preflight.blind', message: `whether there is a halt could not be asked: ${messageOf(error)}` }]
  }
}

function mayRunHere ({ runbook, environment, production }: DrillInput): Refusal[] {
  const refusals: Refusal[] = []
  if (!isAllowedIn(runbook, environment)) {
    refusals.push({ code: 'preflight.environment', message: `runbook ${runbook.name} may run in ${runbook.environments.join(', ')}; ${environment.name} (tier ${environment.tier}) is none of them` })
  }
  if (environment.tier === 'production' && production !== true) {
    refusals.push({ code: 'preflight.production', message: `${environment.name} is production: say so explicitly (--production)` })
  }
  const now = Date.now()
  for (const blackout of environment.blackouts ?? []) {
    if (Date.parse(blackout.from) <= now && now < Date.parse(blackout.to)) {
      refusals.push({ code: 'preflight.blackout', message: `no drill in ${environment.name} until ${blackout.to}: ${blackout.reason}` })
    }
  }
  return refusals
}

/** A component that is away already counts for the blast radius; one that cannot be asked might be. */
export async function limits ({ runbook, runbooks, environment }: DrillInput): Promise<Refusal[]> {
  if (runbook.readOnly === true) return []
  const parts = [
    ...(environment.database?.nodes ?? []).map(part => ({ kind: 'database' as const, ...part })),
    ...(environment.cache?.nodes ?? []).map(part => ({ kind: 'cache' as const, ...part })),
    ...(environment.api?.instances ?? []).map(part => ({ kind: 'api' as const, ...part })),
  ]
  const asked = await Promise.all(parts.map(async ({ kind, name, control }): Promise<{ away?: Hit, blind?: Refusal }> => {
    // Where nothing is limited, nobody need be asked.
    if (environment.limits?.down?.[kind] === undefined && environment.tier !== 'production') return {}
    try {
      return await controlOf(control).state() === 'running' ? {} : { away: { kind, name } }
    } catch (error) {
      return { blind: { code: 'preflight.blind', message: `whether ${name} is away already could not be asked: ${messageOf(error)}` } }
    }
  }))
  const breaches = breachesOf({ runbook, runbooks, environment }, asked.flatMap(({ away }) => away ?? []))
  return [...asked.flatMap(({ blind }) => blind ?? []), ...breaches.map(({ code, message }) => ({ code, message }))]
}

/** The blast radius must not hold what the drill itself stands on. */
export async function ownGround (deps: Pick<PreflightDeps, 'ownAddresses' | 'ownFolders'>, { runbook, environment }: DrillInput, reach: Pick<StepContext, 'signal'>): Promise<Refusal[]> {
  if (runbook.readOnly === true) return []
  const database = environment.database
  const targets = [
    ...(database ? [{ name: 'the database endpoint', address: `${database.endpoint.host}:${database.endpoint.port}` }] : []),
    ...(database?.nodes ?? []).map(node => ({ name: node.name, address: `${node.host}:${node.port}` })),
    ...(environment.cache?.nodes ?? []).map(node => ({ name: node.name, address: `${node.host}:${node.port}` })),
    ...(environment.api?.instances ?? []).map(({ name, url }) => ({ name, address: addressOf(url) })),
    ...[...Object.values(database?.links ?? {}), ...Object.values(environment.cache?.links ?? {})].map(({ toxiproxy }) => ({ name: 'the proxy of its links', address: addressOf(toxiproxy) })),
  ]
  const folders = Object.entries(environment.volumes ?? {}).flatMap(([name, { path }]) => deps.ownFolders.filter(folder => `${folder}/`.startsWith(`${path}/`)).map((folder): Refusal => ({
    code: 'preflight.ownGround', message: `volume "${name}" (${path}) carries Muster’s own ${folder}: a drill there would break its own record`,
  })))
  return [...folders, ...await ownLinks(deps, runbook, reach), ...targets.filter(target => deps.ownAddresses.includes(sameHost(target.address))).map(target => ({
    code: 'preflight.ownGround', message: `${target.name} (${target.address}) carries Muster itself: a drill there would break its own record`,
  }))]
}

/** A link that is broken may be the one that Muster itself goes through, to Slack for example: its proxy says where it leads. */
async function ownLinks (deps: Pick<PreflightDeps, 'ownAddresses'>, runbook: Runbook, reach: Pick<StepContext, 'signal'>): Promise<Refusal[]> {
  const links = allSteps(runbook.steps).flatMap(step => step.kind === 'action' && !isSkipped(step) && (step.action === 'link.break' || step.action === 'toxiproxy.cut') ? [step.with?.link as Link] : [])
  const asked = await Promise.all(links.filter(link => typeof link === 'object').map(async (link): Promise<Refusal[]> => {
    try {
      const { listen, upstream } = await proxyOf(link, reach)
      const own = [listen, upstream].find(address => deps.ownAddresses.includes(sameHost(address)))
      return own === undefined ? [] : [{ code: 'preflight.ownGround', message: `link ${link.proxy} leads to ${own}, which Muster itself uses: a drill there would break its own record` }]
    } catch (error) {
      return [{ code: 'preflight.blind', message: `where link ${link.proxy} leads could not be asked: ${messageOf(error)}` }]
    }
  }))
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

async function secrets (deps: PreflightDeps, { environment }: DrillInput): Promise<Refusal[]> {
  const refs = [...new Set(secretRefs(environment))]
  const refusals = await Promise.all(refs.map(async (ref): Promise<Refusal[]> => {
    try {
      await deps.secret(ref)
      return []
    } catch (error) {
      return [{ code: 'secret.missing', message: messageOf(error) }]
    }
  }))
  return refusals.flat()
}

const secretKeys = ['password', 'cipherPass', 'webhook', 'token']

function secretRefs (value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    (secretKeys.includes(key) || /^env:/.test(String(item))) && typeof item === 'string' ? [item] : secretRefs(item))
}

/** The checks that a runbook begins with are its steady state: not healthy now, then no drill. */
async function steadyState (deps: PreflightDeps, { runbook }: DrillInput, context: StepContext): Promise<Refusal[]> {
  const leading: CheckStep[] = []
  for (const step of runbook.steps) {
    if (step.kind !== 'check') break
    if (!isSkipped(step) && (step.onFail ?? 'stop') === 'stop' && !JSON.stringify(step.with ?? {}).includes('{{')) leading.push(step)
  }
  const refusals = await Promise.all(leading.map(async (step): Promise<Refusal[]> => {
    const check = deps.checks[step.check as CheckName] as Check<CheckInputs[CheckName]>
    const result = await askUntil(check, (step.with ?? {}) as unknown as CheckInputs[CheckName], context, {
      everyMs: step.every === undefined ? undefined : durationMs(step.every),
      withinMs: step.within === undefined ? undefined : durationMs(step.within),
    })
    if (result.outcome === 'pass') return []
    return [{ code: 'steady.unhealthy', message: `${stepTitle(step)}: ${result.outcome === 'blind' ? 'could not be asked: ' : ''}${result.observed}` }]
  }))
  return refusals.flat()
}
