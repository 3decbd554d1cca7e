import type { Step, StepKind } from '../../drill/runbook.js'
import { action } from './action.js'
import { check } from './check.js'
import { gate } from './gate.js'
import type { Kind } from './kind.js'
import { load } from './load.js'
import { notify } from './notify.js'
import { parallel } from './parallel.js'
import { runbook } from './runbook.js'
import { suite } from './suite.js'
import { task } from './task.js'
import { undo } from './undo.js'
import { wait } from './wait.js'

/** One file a kind; the compiler asks for a new one. */
export const kinds: { [K in StepKind]: Kind<Extract<Step, { kind: K }>> } = { action, undo, check, load, suite, gate, task, wait, notify, parallel, runbook }

export function kindOf<S extends Step> (step: S): Kind<S> {
  return kinds[step.kind] as unknown as Kind<S>
}
