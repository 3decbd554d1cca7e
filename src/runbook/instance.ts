import { lookupsIn } from '../drill/lookup.js'
import type { Runbook, Step } from '../drill/runbook.js'
import type { Flaw } from './flaw.js'
import { actionSchemas, checkSchemas } from './inputs.js'
import { InstanceSchema } from './schema.js'
import { validator } from './validator.js'

/**
 * Holds a runbook whose parameters and environment are filled in against the strict schema: real values everywhere, and each
 * action's and check's input complete. Only what is an output of an earlier step is not known yet; steps that will be skipped are
 * not looked at.
 */
export function validateInstance (runbook: Runbook): Flaw[] {
  const kept = { ...runbook, steps: runbook.steps.map(withoutSkipped) }
  return [...validator(InstanceSchema)(kept, isOpen), ...inputFlaws(runbook.steps, '/steps')]
}

function isOpen (value: unknown): boolean {
  return typeof value === 'string' && lookupsIn(value).some(lookup => lookup.startsWith('steps.'))
}

export function isSkipped (step: Step): boolean {
  return step.when === false || step.unless === true
}

/** A skipped step keeps lookups that lead nowhere; something harmless stands in its place, so that pointers stay right. */
function withoutSkipped (step: Step): Step {
  if (isSkipped(step)) return { kind: 'notify', id: step.id, message: 'skipped' }
  return step.kind === 'parallel' ? { ...step, branches: step.branches.map(branch => branch.map(withoutSkipped)) } : step
}

function inputFlaws (steps: Step[], pointer: string): Flaw[] {
  return steps.flatMap((step, index) => {
    const at = `${pointer}/${index}`
    if (isSkipped(step)) return []
    if (step.kind === 'parallel') return step.branches.flatMap((branch, number) => inputFlaws(branch, `${at}/branches/${number}`))
    const found = step.kind === 'action'
      ? { schema: actionSchemas[step.action], input: step.with, path: '/with' }
      : step.kind === 'check'
        ? { schema: checkSchemas[step.check], input: step.with, path: '/with' }
        : step.kind === 'wait' && step.until && 'check' in step.until
          ? { schema: checkSchemas[step.until.check], input: step.until.with, path: '/until/with' }
          : undefined
    if (!found) return []
    return validator(found.schema)(found.input ?? {}, isOpen).map(flaw => ({ ...flaw, pointer: `${at}${found.path}${flaw.pointer}` }))
  })
}
