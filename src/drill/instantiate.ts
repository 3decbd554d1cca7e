import type { Environment } from './environment.js'
import { lookupsIn, parseLookup, resolve, type LookupScope, type Unresolved } from './lookup.js'
import { fillParams, type ParamValue } from './params.js'
import { isTrue, type Runbook, type Step } from './runbook.js'
import type { Refusal } from './timeline.js'

export interface Instance {
  /** Parameters and environment filled in; what still holds a lookup are outputs of earlier steps. */
  runbook: Runbook
  params: Record<string, ParamValue>
  /** `params.invalid` or `lookup.unresolved`; empty = the instance can be used. */
  problems: InstanceProblem[]
}

/** `pointer`: where in the runbook, for a lookup. */
export interface InstanceProblem extends Refusal { pointer?: string }

type Scope = Pick<LookupScope, 'params' | 'env' | 'choices'>

/**
 * Makes of a runbook what one drill runs: checks the parameters, then fills in parameters and environment. A step whose condition
 * is known to be false keeps its lookups, since they need not lead anywhere.
 */
export function instantiate (runbook: Runbook, { params: given, environment }: { params: Record<string, unknown>, environment: Environment }): Instance {
  const { params, problems } = fillParams(runbook.params ?? {}, given)
  if (problems.length > 0) return { runbook, params, problems }
  const scope: Scope = { params, env: environment, choices: choicesOf(runbook) }
  const { steps, params: declared, ...rest } = runbook
  const unresolved: Unresolved[] = []
  const head = fill(rest, scope, '', unresolved)
  textFields(head)
  const filled: Runbook = { ...head, ...(declared ? { params: declared } : {}), steps: fillSteps(steps, scope, '/steps', unresolved) }
  return { runbook: filled, params, problems: unresolved.map(({ message, pointer }) => ({ code: 'lookup.unresolved', message: `${placeText(steps, pointer)}: ${message}`, pointer })) }
}

/** The values that each parameter with an `enum` can have. */
export function choicesOf (runbook: Pick<Runbook, 'params'>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(runbook.params ?? {}).flatMap(([name, param]) => param.enum ? [[name, param.enum]] : []))
}

/** A place for people: the step's id where there is one. */
function placeText (steps: Step[], pointer: string): string {
  const index = /^\/steps\/(\d+)/.exec(pointer)?.[1]
  return index === undefined ? pointer.slice(1) : `step "${steps[Number(index)]!.id}"`
}

function fillSteps (steps: Step[], scope: Scope, pointer: string, unresolved: Unresolved[]): Step[] {
  return steps.map((step, index) => fillStep(step, scope, `${pointer}/${index}`, unresolved))
}

function fillStep (step: Step, scope: Scope, pointer: string, unresolved: Unresolved[]): Step {
  const { when, unless, ...rest } = step
  const conditions = {
    ...(when === undefined ? {} : { when: condition(when, scope, `${pointer}/when`, unresolved) }),
    ...(unless === undefined ? {} : { unless: condition(unless, scope, `${pointer}/unless`, unresolved) }),
  }
  if (conditions.when === false || conditions.unless === true) return { ...step, ...conditions }
  if (rest.kind === 'parallel') {
    const { branches, ...own } = rest
    return {
      ...textFields(fill(own, scope, pointer, unresolved)),
      ...conditions,
      branches: branches.map((branch, index) => fillSteps(branch, scope, `${pointer}/branches/${index}`, unresolved)),
    }
  }
  return { ...textFields(fill(rest, scope, pointer, unresolved)), ...conditions } as Step
}

/** What an environment may leave out, and whoever looks it up can do without: an address with a public certificate has no `caFile`. */
const mayBeAbsent = /^env\..+\.(caFile|alertmanager)$/

/** Resolves, and leaves out a field that is a lookup of something optional that this environment does not have. */
function fill<T extends object> (value: T, scope: Scope, pointer: string, unresolved: Unresolved[]): T {
  const result = resolve(value, scope, pointer)
  for (const problem of result.unresolved) {
    if (!mayBeAbsent.test(problem.lookup) || !removed(result.value, problem.pointer.slice(pointer.length))) unresolved.push(problem)
  }
  return result.value
}

/** Removes a field that holds one lookup alone. */
function removed (root: object, pointer: string): boolean {
  const keys = pointer.slice(1).split('/')
  const last = keys.pop()!
  const holder = keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], root) as Record<string, unknown>
  if (Array.isArray(holder) || !/^\{\{[^{}]*\}\}$/.test(String(holder[last]))) return false
  delete holder[last]
  return true
}

/** Known = true or false. What an environment does not have is absent, so false: its fields are optional. */
function condition (value: string | boolean, scope: Scope, pointer: string, unresolved: Unresolved[]): string | boolean {
  if (typeof value === 'boolean') return value
  const lookups = lookupsIn(value).map(parseLookup)
  if (lookups.some(lookup => lookup?.root === 'steps')) return value
  const result = resolve<unknown>(value, scope, pointer)
  if (result.unresolved.length === 0) return isTrue(result.value)
  if (lookups.every(lookup => lookup?.root === 'env')) return false
  unresolved.push(...result.unresolved)
  return value
}

const texts = ['title', 'description', 'effect', 'risk', 'instructions', 'message']

/** A lookup alone becomes the value itself, of its own type; where people read it, it must be text. */
function textFields<T extends object> (value: T): T {
  const fields = value as Record<string, unknown>
  for (const key of texts) {
    if (typeof fields[key] === 'number' || typeof fields[key] === 'boolean') fields[key] = String(fields[key])
  }
  return value
}
