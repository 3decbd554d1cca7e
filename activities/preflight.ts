import { Context } from '@temporalio/activity'
import type { CheckInputs, CheckName } from '../src/drill/checks.js'
import { durationMs } from '../src/drill/duration.js'
import { haltText, type Halt } from '../src/drill/halt.js'
import type { DrillInput } from '../src/drill/input.js'
import type { OwedEntry } from '../src/drill/owed.js'
import { isBrought } from '../src/drill/rebuild.js'
import { isAllowedIn, isSkipped, stepTitle, type CheckStep } from '../src/drill/runbook.js'
import type { Refusal } from '../src/drill/timeline.js'
import { messageOf } from '../src/errors.js'
import { able } from './able.js'
import type { Actions, Check, Checks, StepContext } from './action.js'
import { askUntil } from './ask.js'
import { limits } from './limits.js'
import { orBlind } from './or-blind.js'
import { ownGround, type OwnGround } from './own-ground.js'
import { whoDecides, type WhoDecidesDeps } from './who-decides.js'

export interface PreflightDeps extends WhoDecidesDeps, OwnGround {
  checks: Checks
  actions: Actions
  /** Halts in force there. Throws where Temporal cannot say. */
  haltsFor: (environment: string) => Promise<Halt[]>
  /** What earlier drills left behind in an environment. Throws where the store cannot say. */
  leftBehindIn: (environment: string) => Promise<OwedEntry[]>
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
        ownGround(deps, input, context), limits(input), able(deps.actions, input, context),
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
  return await orBlind('what earlier drills left behind', async () => (await deps.leftBehindIn(environment.name)).map(one => ({
    code: 'environment.owed', message: `drill ${one.drillId} left something behind: ${one.title}. Undo it with \`muster undo ${one.drillId}\`, or by hand (${one.byHand}) and then so`,
  })))
}

async function halts (deps: PreflightDeps, { environment }: DrillInput): Promise<Refusal[]> {
  return await orBlind('whether there is a halt', async () => (await deps.haltsFor(environment.name)).map(halt => ({ code: 'halt.inForce', message: haltText(halt) })))
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

async function secrets (deps: PreflightDeps, { environment }: DrillInput): Promise<Refusal[]> {
  // What comes with the sealed configuration cannot be there before it is opened.
  const refs = [...new Set(secretRefs(environment))].filter(ref => !isBrought(environment.rebuild, ref))
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

const secretKeys = ['password', 'repositoryPassword', 'identity', 'cipherPass', 'webhook', 'token']

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
