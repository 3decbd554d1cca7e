import { controlOf } from '../src/control/control.js'
import { DrillError } from '../src/errors.js'
import type { ActionInputs } from '../src/drill/actions.js'
import type { Control } from '../src/drill/environment.js'
import type { Action, StepContext } from './action.js'
import { strikeTime } from './strike.js'

type Component = ActionInputs['component.kill']['component']

/**
 * A database node is not just a component: bringing it back needs to know who is primary by then, which these actions do not.
 */
function refuseDatabase ({ name, control }: Component): void {
  if (isPostmaster(control)) throw new DrillError('control.refused', `${name} is a PostgreSQL server: use postgres.break, whose undo never makes a second primary`)
}

function isPostmaster (control: Control): boolean {
  return control.kind === 'process' && control.pidFile.endsWith('/postmaster.pid')
}

async function verify ({ component }: { component: Component }): Promise<{ undone: boolean, summary: string }> {
  const state = await controlOf(component.control).state()
  return { undone: state === 'running', summary: `${component.name} is ${state}` }
}

async function undo ({ component }: { component: Component }): Promise<string> {
  refuseDatabase(component)
  const control = controlOf(component.control)
  if (await control.state() === 'frozen') {
    await control.thaw()
    return `thawed ${component.name}`
  }
  return await control.start() === 'started' ? `started ${component.name}` : `${component.name} runs already`
}

export const componentKill: Action<ActionInputs['component.kill']> = {
  async do ({ component }, context: StepContext) {
    refuseDatabase(component)
    const control = controlOf(component.control)
    const state = await control.state()
    const { faultAtMs, note } = strikeTime(context, state, 'dead')
    await control.kill()
    return { summary: `${component.name} is dead${note}`, output: {}, faultAtMs }
  },
  verify,
  undo,
}

export const componentFreeze: Action<ActionInputs['component.freeze']> = {
  async do ({ component }, context: StepContext) {
    refuseDatabase(component)
    const control = controlOf(component.control)
    const state = await control.state()
    const { faultAtMs, note } = strikeTime(context, state, 'frozen')
    await control.freeze()
    return { summary: `${component.name} is frozen${note}`, output: {}, faultAtMs }
  },
  verify,
  undo,
}
