import { setTimeout as sleep } from 'node:timers/promises'
import { controlOf } from '../../src/control/control.js'
import { until } from '../../src/control/until.js'
import { steadyNow } from '../../src/control/steady-clock.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import { durationMs, durationText } from '../../src/drill/duration.js'
import type { ApiInstance, ApiService } from '../../src/drill/environment.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { askOnce } from '../checks/http-ok.js'
import { strikeTime } from '../strike.js'

const readyMs = 20_000
const longestLoopMs = 60_000
/** How long a crashing instance lives, and how long it takes its supervisor to start it again. */
const lifeMs = 400
const betweenLivesMs = 400

function instanceOf (api: ApiService, name: string): ApiInstance {
  const instance = api.instances.find(instance => instance.name === name)
  if (!instance) throw new DrillError('input.invalid', `The service has no instance "${name}", only ${api.instances.map(({ name }) => name).join(', ')}`)
  return instance
}

async function readiness (api: ApiService, { url }: ApiInstance, context: StepContext): Promise<{ ready: boolean, said: string }> {
  const answer = await askOnce(url, { caFile: api.caFile, deadlineMs: 2_000, drillId: context.drillId, signal: context.signal })
  if ('error' in answer) return { ready: false, said: answer.error }
  return { ready: answer.status < 400, said: `status ${answer.status}` }
}

/** Breaks one instance of a service; its undo is proven by the instance's own word that it is ready. */
export const apiBreak: Action<ActionInputs['api.break']> = {
  async do ({ api, instance: name, fault }, context) {
    const control = controlOf(instanceOf(api, name).control)
    const wanted = fault === 'hang' ? 'frozen' : 'dead'
    const { faultAtMs, note } = strikeTime(context, await control.state(), wanted)
    if (fault === 'hang') await control.freeze()
    else await control.kill()
    return { summary: `${name} is ${wanted}${note}`, output: { instance: name, fault }, faultAtMs }
  },
  verify,
  undo,
}

/** Kills an instance, starts it, and kills it again, until the time is over: what a supervisor makes of a program that cannot live. */
export const apiCrashLoop: Action<ActionInputs['api.crashLoop']> = {
  async do ({ api, instance: name, for: length }, context) {
    const loopMs = durationMs(length)
    if (loopMs > longestLoopMs) throw new DrillError('input.invalid', `A crash loop lasts at most ${durationText(longestLoopMs)}, not ${length}`)
    const control = controlOf(instanceOf(api, name).control)
    const { faultAtMs, note } = strikeTime(context, await control.state(), 'dead')
    let crashes = 0
    for (;;) {
      await control.kill()
      crashes++
      if (steadyNow() - faultAtMs + betweenLivesMs + lifeMs > loopMs) break
      await sleep(betweenLivesMs, undefined, { signal: context.signal })
      await control.start()
      await sleep(lifeMs, undefined, { signal: context.signal })
    }
    return { summary: `${name} crashed ${crashes} times in ${durationText(steadyNow() - faultAtMs)}, and is dead${note}`, output: { instance: name, crashes }, faultAtMs }
  },
  verify,
  undo,
}

async function verify ({ api, instance: name }: { api: ApiService, instance: string }, context: StepContext): Promise<{ undone: boolean, summary: string }> {
  const instance = instanceOf(api, name)
  const state = await controlOf(instance.control).state()
  if (state !== 'running') return { undone: false, summary: `${name} is ${state}` }
  const { ready, said } = await readiness(api, instance, context)
  return { undone: ready, summary: ready ? `${name} is ready` : `${name} runs and is not ready: ${said}` }
}

/** Returns once it is ready, or after a while: whether it is, the verification says. */
async function undo ({ api, instance: name }: { api: ApiService, instance: string }, context: StepContext): Promise<string> {
  const instance = instanceOf(api, name)
  const control = controlOf(instance.control)
  let done = `${name} runs already`
  if (await control.state() === 'frozen') {
    await control.thaw()
    done = `thawed ${name}`
  } else if (await control.start() === 'started') done = `started ${name}`
  await until(async () => (await readiness(api, instance, context)).ready || undefined, { everyMs: 100, deadlineMs: readyMs, signal: context.signal })
  return done
}
