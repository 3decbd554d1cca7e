import { allSteps, type Runbook } from '../../drill/runbook.js'
import type { StepPlace } from './places.js'

/** A runbook that reaches itself would start drills for ever. */
export function checkNesting (runbook: Runbook, places: StepPlace[], runbooks: ReadonlyMap<string, Runbook>, report: (pointer: string, message: string) => void): void {
  for (const { step, pointer } of places) {
    if (step.kind !== 'runbook') continue
    const way = wayTo(runbook.name, step.runbook, runbooks, new Set())
    if (way) report(`${pointer}/runbook`, `runs itself: ${[runbook.name, ...way].join(' → ')}`)
  }
}

/** The runbooks from one to another, both included; undefined where there is no way. */
function wayTo (target: string, from: string, runbooks: ReadonlyMap<string, Runbook>, seen: Set<string>): string[] | undefined {
  if (from === target) return [from]
  if (seen.has(from)) return undefined
  seen.add(from)
  for (const step of allSteps(runbooks.get(from)?.steps ?? [])) {
    const rest = step.kind === 'runbook' ? wayTo(target, step.runbook, runbooks, seen) : undefined
    if (rest) return [from, ...rest]
  }
  return undefined
}
