import { actionCatalog } from './actions.js'
import { checkCatalog } from './checks.js'
import { tryDurationMs } from './duration.js'
import type { Environment } from './environment.js'
import type { DrillInput } from './input.js'
import type { Role } from './people.js'
import { allSteps, isTrue, suiteNameOf, type Step, type StepKind, type WaitStep } from './runbook.js'
import type { Refusal } from './timeline.js'

/** What a drill would do, told before it starts: `muster plan`, the API's plan, the page. */
export interface DrillPlan {
  runbook: string
  title: string
  runbookHash: string
  environment: string
  /** `verified`: this very content passed its last drill here; `changed`: another content did; `never`: no drill passed yet. */
  verified: 'verified' | 'changed' | 'never'
  steps: PlanLine[]
  /** Reasons why a start would be refused now; empty = ready. */
  problems: Refusal[]
}

export interface PlanLine {
  id: string
  kind: StepKind
  parent?: string
  /** What it does, in one line, with its target. */
  title: string
  /** What its undo would do. */
  undo?: string
  /** Who must answer, e.g. `2 × approver, within 10m, else abort`. */
  people?: string
  roles?: Role[]
  expectedMs?: number
  /** Where the expectation comes from: the runbook, or the median of earlier drills. */
  expectedFrom?: 'runbook' | 'earlier drills'
  skipped?: string
}

/**
 * The steps of a drill as it would run, in the order of the file: what each does, what its undo would do, who must answer and how
 * long it should take. `expectedMs`: medians of earlier drills by step, used where the runbook says nothing. Pure.
 */
export function planLines ({ runbook, environment, expectedMs = {} }: Pick<DrillInput, 'runbook' | 'environment' | 'expectedMs'>): PlanLine[] {
  const byId = new Map(allSteps(runbook.steps).map(step => [step.id, step]))
  const lines = (steps: Step[], parent?: string, parentSkipped?: string): PlanLine[] => steps.flatMap(step => {
    const skipped = skippedBecause(step) ?? parentSkipped
    const line: PlanLine = {
      id: step.id,
      kind: step.kind,
      ...(parent === undefined ? {} : { parent }),
      title: titled(step, whatItDoes(step, byId, environment)),
      ...undoOf(step),
      ...peopleOf(step),
      ...expectationOf(step, expectedMs),
      ...(skipped === undefined ? {} : { skipped }),
    }
    return [line, ...(step.kind === 'parallel' ? lines(step.branches.flat(), step.id, skipped) : [])]
  })
  return lines(runbook.steps)
}

function titled (step: Step, doing: string): string {
  if (step.title === undefined) return doing
  switch (step.kind) {
    // A check's title says what must hold; so would the catalogue's.
    case 'check': return step.title
    case 'gate': case 'task': return /[.?!]$/.test(step.title) ? `${step.title} ${doing}` : `${step.title}. ${doing}`
    default: return `${step.title}: ${doing}`
  }
}

function whatItDoes (step: Step, byId: Map<string, Step>, environment: Environment): string {
  switch (step.kind) {
    case 'action': return told(step.action, input => actionCatalog[step.action].title(input as never), step.with)
    case 'undo': {
      const of = byId.get(step.of)
      if (of?.kind === 'load') return `end the load of ${step.of}`
      return of?.kind === 'action' ? told(`undo ${step.of}`, input => actionCatalog[of.action].undoTitle(input as never), of.with) : `undo ${step.of}`
    }
    case 'check': return told(step.check, input => checkCatalog[step.check].title(input as never), step.with)
    case 'load': return `put load ${readable(step.scenario)} on ${environment.name}${step.background === true ? ', and hold it while the next steps run' : ''}`
    case 'suite': return `ask ${step.checks === undefined ? 'every check' : step.checks.join(', ')} of suite ${suiteNameOf(step, environment)}`
    case 'gate': return readable(step.effect)
    case 'task': return readable(step.instructions)
    case 'wait': return waitsFor(step)
    case 'notify': {
      const channels = step.channels ?? Object.keys(environment.channels ?? {})
      return `tell ${channels.length === 0 ? 'nobody beside the timeline (the environment has no channel)' : channels.join(', ')}: ${readable(step.message)}`
    }
    case 'parallel': return `${step.branches.length} branches side by side`
    case 'runbook': return `run ${step.runbook}${given(step.params)}`
  }
}

function waitsFor ({ for: time, until, deadline }: WaitStep): string {
  if (!until) return `wait ${readable(String(time))}`
  const condition = 'detected' in until
    ? `${[...new Set(until.detected)].join(' or ')}${until.alerts ? ` (${until.alerts.join(', ')})` : ''}`
    : 'recovered' in until ? 'all that failed is good again' : told(until.check, input => checkCatalog[until.check].title(input as never), until.with)
  return `until ${condition}, at most ${deadline}`
}

function given (params: Record<string, unknown> = {}): string {
  const pairs = Object.entries(params)
  return pairs.length === 0 ? '' : ` with ${pairs.map(([name, value]) => `${name} ${readable(String(value))}`).join(', ')}`
}

function undoOf (step: Step): Pick<PlanLine, 'undo'> {
  return step.kind === 'action' ? { undo: told('undo it', input => actionCatalog[step.action].undoTitle(input as never), step.with) } : {}
}

function peopleOf (step: Step): Pick<PlanLine, 'people' | 'roles'> {
  if (step.kind === 'task') return { people: `${step.role}, within ${step.deadline}, else ${step.onTimeout ?? 'fail'}`, roles: [step.role] }
  if (step.kind !== 'gate') return {}
  const silence = step.onTimeout === 'escalate' ? `escalate to ${step.escalateTo}` : step.onTimeout ?? 'abort'
  return {
    people: `${readable(String(step.approvals ?? 1))} × ${step.role}, within ${step.deadline}, else ${silence}`,
    roles: [step.role, ...(step.escalateTo && step.escalateTo !== step.role ? [step.escalateTo] : [])],
  }
}

function expectationOf (step: Step, expectedMs: Record<string, number>): Pick<PlanLine, 'expectedMs' | 'expectedFrom'> {
  const planned = tryDurationMs(step.expected)
  if (planned !== undefined) return { expectedMs: planned, expectedFrom: 'runbook' }
  const earlier = Object.hasOwn(expectedMs, step.id) ? expectedMs[step.id] : undefined
  return earlier === undefined ? {} : { expectedMs: earlier, expectedFrom: 'earlier drills' }
}

function skippedBecause (step: Step): string | undefined {
  if (step.when !== undefined && !isTrue(step.when)) return 'its condition does not hold here'
  if (step.unless === true) return 'its exception holds here'
  return undefined
}

/** A title from the catalogue; where its input is an output that nobody has yet, or nothing, the plain name has to do. */
function told (name: string, title: (input: unknown) => string, input: unknown): string {
  try {
    const text = title(promised(input ?? {}))
    return text.includes('undefined') ? name : text
  } catch {
    return name
  }
}

function promised (value: unknown): unknown {
  if (typeof value === 'string') return readable(value)
  if (Array.isArray(value)) return value.map(promised)
  return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, promised(item)])) : value
}

/** `{{ steps.steady-before.output.primary }}` → `‹primary of steady-before›`. */
function readable (text: string): string {
  return text.replace(/\{\{\s*steps\.([^.{}\s]+)\.output\.([^{}\s]+)\s*\}\}/g, '‹$2 of $1›')
}
