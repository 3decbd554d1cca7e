import type { StepPlace } from './places.js'

/** Lookups, undo, gates and the timeline know a step by its id alone. */
export function checkIds (places: StepPlace[], lineOf: (pointer: string) => number, report: (pointer: string, message: string) => void): void {
  const first = new Map<string, string>()
  for (const { step, pointer } of places) {
    const other = first.get(step.id)
    if (other === undefined) first.set(step.id, pointer)
    else report(`${pointer}/id`, `there is a step "${step.id}" already, in line ${lineOf(`${other}/id`)}`)
  }
}
