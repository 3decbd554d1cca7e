import { actionCatalog } from './actions.js'
import { durationMs, tryDurationMs, type Duration } from './duration.js'
import type { Environment, Tier } from './environment.js'
import { instantiate } from './instantiate.js'
import { defaultMaxLease } from './lease.js'
import { allSteps, isSkipped, type ActionStep, type Runbook, type Step } from './runbook.js'

export const componentKinds = ['database', 'cache', 'api', 'link', 'volume', 'component'] as const
export type ComponentKind = typeof componentKinds[number]

/** A part of an environment that an action takes away from its users. */
export interface Hit { kind: ComponentKind, name: string }

/** What an environment allows. */
export interface Limits {
  /** Longest time that any fault may stay, whoever renews it. Default 1h. */
  fault?: Duration
  /** How many of one kind may be away at once. Default: in production one of each kind, elsewhere as many as a runbook likes. */
  down?: Partial<Record<ComponentKind, number>>
}

export const defaultMaxFault: Duration = '1h'

/** Why a runbook goes beyond a limit. `field`: of that step, or nothing where it is the step itself. */
export interface Breach { code: 'limit.fault' | 'limit.lease' | 'limit.radius', message: string, step: string, field?: 'atMost' | 'lease' }

interface Wanted {
  /** Filled in, as far as is known before it starts. */
  runbook: Runbook
  /** Those that it nests, by name, as their files have them. */
  runbooks?: Record<string, Runbook>
  environment: Environment
}

/**
 * Every limit that a runbook goes beyond. `away`: what is away already, whoever took it. Counts the worst that can be at once: branches side
 * by side all at the same moment, a component that is not known yet as one of its own. Pure.
 */
export function breachesOf ({ runbook, runbooks = {}, environment }: Wanted, away: Hit[] = []): Breach[] {
  const faults = actionsOf(runbook.steps).filter(({ action }) => actionCatalog[action].isLeased)
  return [...faults.flatMap(step => tooLong(step, environment)), ...faults.flatMap(step => leaseTooLong(step, runbook)), ...tooMany({ runbook, runbooks, environment }, away)]
}

/** How long the fault of a step may stay at most: its own limit, or the environment's. */
export function mostMs ({ atMost }: Pick<ActionStep, 'atMost'>, { limits }: Pick<Environment, 'limits'>): number {
  const most = durationMs(limits?.fault ?? defaultMaxFault)
  return Math.min(tryDurationMs(atMost) ?? most, most)
}

function tooLong ({ id, atMost }: ActionStep, { name, limits }: Environment): Breach[] {
  const most = limits?.fault ?? defaultMaxFault
  if ((tryDurationMs(atMost) ?? 0) <= durationMs(most)) return []
  return [{ code: 'limit.fault', step: id, field: 'atMost', message: `step "${id}" may stay for ${atMost}, and no fault may stay longer than ${most} in ${name}` }]
}

function leaseTooLong ({ id, lease }: ActionStep, { maxLease = defaultMaxLease }: Runbook): Breach[] {
  if ((tryDurationMs(lease) ?? 0) <= (tryDurationMs(maxLease) ?? Infinity)) return []
  return [{ code: 'limit.lease', step: id, field: 'lease', message: `step "${id}" has a lease of ${lease}, longer than the runbook’s maximum of ${maxLease}` }]
}

function tooMany (wanted: Required<Wanted>, away: Hit[]): Breach[] {
  const { environment } = wanted
  const told = new Set<ComponentKind>()
  const breaches: Breach[] = []
  for (const { step, hits } of moments(wanted, wanted.runbook.steps)) {
    for (const kind of new Set(hits.map(hit => hit.kind))) {
      const most = mostOf(kind, environment)
      const names = [...new Set([...away, ...hits].filter(hit => hit.kind === kind).map(hit => hit.name))]
      if (names.length <= most || told.has(kind)) continue
      told.add(kind)
      const before = away.filter(hit => hit.kind === kind).map(hit => hit.name)
      breaches.push({
        code: 'limit.radius', step,
        message: `at step "${step}" ${names.length} of kind ${kind} are away at once (${names.join(', ')}${before.length > 0 ? `; ${before.join(', ')} already now` : ''}), and ${environment.name} allows ${most}`,
      })
    }
  }
  return breaches
}

function mostOf (kind: ComponentKind, { limits, tier }: { limits?: Limits, tier: Tier }): number {
  return limits?.down?.[kind] ?? (tier === 'production' ? 1 : Infinity)
}

/** What is away after each step that takes something away. */
function moments (wanted: Required<Wanted>, steps: Step[]): Array<{ step: string, hits: Hit[] }> {
  const owed = new Map<string, Hit[]>()
  const found: Array<{ step: string, hits: Hit[] }> = []
  const now = (): Hit[] => [...owed.values()].flat()
  for (const step of steps.filter(step => !isSkipped(step))) {
    switch (step.kind) {
      case 'action':
        owed.set(step.id, hitsOf(step))
        found.push({ step: step.id, hits: now() })
        break
      case 'undo':
        owed.delete(step.of)
        break
      case 'parallel':
        for (const inner of actionsOf(step.branches.flat())) owed.set(inner.id, hitsOf(inner))
        found.push({ step: step.id, hits: now() })
        for (const inner of allSteps(step.branches.flat())) if (inner.kind === 'undo' && !isSkipped(inner)) owed.delete(inner.of)
        for (const inner of nestedIn(step.branches.flat())) found.push(...within(wanted, inner, now()))
        break
      case 'runbook':
        found.push(...within(wanted, step, now()))
        break
      default:
    }
  }
  return found
}

type RunbookStep = Extract<Step, { kind: 'runbook' }>

/** A nested runbook undoes what it owes at its own end. */
function within ({ runbooks, environment }: Required<Wanted>, step: RunbookStep, before: Hit[]): Array<{ step: string, hits: Hit[] }> {
  const nested = Object.hasOwn(runbooks, step.runbook) ? runbooks[step.runbook] : undefined
  if (!nested) return []
  const { runbook } = instantiate(nested, { params: step.params ?? {}, environment })
  return moments({ runbook, runbooks, environment }, runbook.steps).map(({ hits }) => ({ step: step.id, hits: [...before, ...hits] }))
}

function hitsOf ({ action, with: input }: ActionStep): Hit[] {
  const { hits } = actionCatalog[action] as { hits?: (input: never) => Hit[] }
  try {
    return hits?.((input ?? {}) as never) ?? []
  } catch {
    // An input that is an output of an earlier step, as a whole: one thing that is not known yet.
    return [{ kind: 'component', name: JSON.stringify(input) }]
  }
}

/** Those that may run, inside `parallel` too. */
function actionsOf (steps: Step[]): ActionStep[] {
  return running(steps).filter((step): step is ActionStep => step.kind === 'action')
}

function nestedIn (steps: Step[]): RunbookStep[] {
  return running(steps).filter((step): step is RunbookStep => step.kind === 'runbook')
}

function running (steps: Step[]): Step[] {
  return steps.filter(step => !isSkipped(step)).flatMap(step => step.kind === 'parallel' ? running(step.branches.flat()) : [step])
}
