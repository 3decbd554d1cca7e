import type { Runbook, Step } from '../../drill/runbook.js'

export interface StepPlace {
  step: Step
  /** JSON pointer of the step in its runbook. */
  pointer: string
  /** The steps that are surely over when it begins. */
  earlier: Step[]
}

/** Every step, in the order of the file. Branches of one `parallel` are not earlier than each other. */
export function placesOf (runbook: Runbook): StepPlace[] {
  return walk(runbook.steps, '/steps', [])
}

function walk (steps: Step[], pointer: string, before: Step[]): StepPlace[] {
  const places: StepPlace[] = []
  const earlier = [...before]
  for (const [index, step] of steps.entries()) {
    places.push({ step, pointer: `${pointer}/${index}`, earlier: [...earlier] })
    if (step.kind === 'parallel') {
      const inside = step.branches.flatMap((branch, number) => walk(branch, `${pointer}/${index}/branches/${number}`, earlier))
      places.push(...inside)
      earlier.push(...inside.map(place => place.step))
    }
    earlier.push(step)
  }
  return places
}
