import { actionCatalog } from '../src/drill/actions.js'
import type { DrillInput } from '../src/drill/input.js'
import { allSteps, isSkipped, type Step } from '../src/drill/runbook.js'

/** Where in a drill something dies: an activity as the worker runs it, or the beginning of a step that runs none. */
export interface Moment {
  /** The step's id; `undo ID` for an entry of the ledger. */
  name: string
  at: { activity: string, stepId?: string, nth?: number } | { started: string }
  /** It changes something, so that it must be undone. */
  acts: boolean
}

/** What is done to a drill at a moment. */
export const kinds = {
  fail: 'the step fails after it has run',
  repeat: 'its answer is lost, so that it runs again',
  'worker-before': 'SIGKILL of the worker before it, another one comes',
  'worker-in': 'SIGKILL of the worker in the middle of it, another one comes',
  'worker-after': 'SIGKILL of the worker after it and before its answer, another one comes',
  'alone-before': 'SIGKILL of the worker before it, no other comes until the watchdog has reverted what was held',
  'alone-in': 'the same in the middle of it',
  'alone-after': 'the same after it and before its answer',
  watchdog: 'SIGKILL of the watchdog, which comes back while the drill goes on',
  api: 'SIGKILL of the API, which comes back',
  temporal: 'SIGKILL of Temporal, which comes back with its file',
  store: 'the store is stopped, and comes back after a while',
  abort: 'somebody aborts the drill',
  terminate: 'somebody terminates its workflow in Temporal',
  halt: 'somebody halts the environment',
} as const

export type Kind = keyof typeof kinds

export const allKinds = Object.keys(kinds) as Kind[]

/**
 * The moments of a drill, from its plan alone: every step that may run, then every entry of the ledger that no step undoes. A step in
 * two branches of `parallel` is two moments.
 */
export function momentsOf ({ runbook }: Pick<DrillInput, 'runbook'>): Moment[] {
  const steps = running(runbook.steps)
  const byId = new Map(steps.map(step => [step.id, step]))
  let notices = 0
  const moments = steps.flatMap((step): Moment[] => {
    switch (step.kind) {
      case 'action': return [{ name: step.id, at: { activity: step.action, stepId: step.id }, acts: true }]
      case 'check': return [{ name: step.id, at: { activity: `check.${step.check}`, stepId: step.id }, acts: false }]
      case 'undo': {
        const of = byId.get(step.of)
        return of?.kind === 'action' ? [{ name: step.id, at: { activity: `${of.action}.undo`, stepId: of.id }, acts: true }] : []
      }
      case 'notify': return [{ name: step.id, at: { activity: 'notify', nth: ++notices }, acts: false }]
      case 'wait': return [step.until && 'check' in step.until
        ? { name: step.id, at: { activity: `check.${step.until.check}`, stepId: step.id }, acts: false }
        : { name: step.id, at: { started: step.id }, acts: false }]
      case 'gate': case 'task': case 'runbook': return [{ name: step.id, at: { started: step.id }, acts: false }]
      // Its branches have moments of their own.
      default: return []
    }
  })
  // A step may be called so too.
  const prepare = moments.some(({ name }) => name === 'canaries') ? 'prepare canaries' : 'canaries'
  const undone = new Set(steps.flatMap(step => step.kind === 'undo' ? [step.of] : []))
  const left = steps.filter(step => step.kind === 'action').filter(step => !undone.has(step.id)).reverse()
  return [
    ...runbook.observe?.canaries ? [{ name: prepare, at: { activity: 'canaries.prepare', stepId: 'canaries' }, acts: true }] : [],
    ...moments,
    ...left.map(({ id, action }): Moment => ({ name: `undo ${id}`, at: { activity: `${action}.undo`, stepId: id }, acts: true })),
    ...runbook.observe?.canaries ? [{ name: 'undo canaries', at: { activity: 'canaries.prepare.undo', stepId: 'canaries' }, acts: true }] : [],
  ]
}

/** Whether a kind of death says something at a moment: where nothing runs, nothing can fail, be repeated or be in the middle. */
export function applies (kind: Kind, { at }: Moment): boolean {
  if ('activity' in at) return true
  return !['fail', 'repeat', 'worker-before', 'worker-after', 'alone-before', 'alone-after'].includes(kind)
}

/** Steps that break something: only of these has a runbook a place among the drills that are worth killing. */
export function breaks ({ runbook }: Pick<DrillInput, 'runbook'>): boolean {
  return runbook.readOnly !== true && allSteps(runbook.steps).some(step => step.kind === 'action' && (actionCatalog[step.action].isFault === true || actionCatalog[step.action].isLeased === true))
}

function running (steps: Step[]): Step[] {
  return steps.filter(step => !isSkipped(step)).flatMap(step => step.kind === 'parallel' ? step.branches.flatMap(running) : [step])
}
