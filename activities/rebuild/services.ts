import { readFile } from 'node:fs/promises'
import { controlOf } from '../../src/control/control.js'
import { until } from '../../src/control/until.js'
import type { ActionInputs } from '../../src/drill/actions.js'
import { durationText } from '../../src/drill/duration.js'
import type { RebuiltService } from '../../src/drill/rebuild.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { lastWords } from '../backup/tools.js'
import { accepts, requireGround } from './ground.js'

const readyMs = 60_000

/** Starts what stands in front of the data, in the order of the environment; each must answer before the next is started. */
export const rebuildServices: Action<ActionInputs['rebuild.services']> = {
  async do ({ rebuild }, context) {
    await requireGround(rebuild, context)
    const took: string[] = []
    for (const service of rebuild.services) {
      const from = performance.now()
      await bringUp(service, context)
      took.push(`${service.name} ${durationText(performance.now() - from)}`)
      context.heartbeat({ doing: `started ${service.name}` })
    }
    return { summary: `up: ${took.join(', ')}`, output: { services: rebuild.services.length } }
  },

  async verify ({ rebuild }) {
    const left = await Promise.all(rebuild.services.map(async ({ name, control, ports }) => [
      ...await controlOf(control).alive() ? [name] : [],
      ...(await Promise.all(ports.map(async port => await accepts(port) ? [`port ${port}`] : []))).flat(),
    ]))
    return { undone: left.flat().length === 0, summary: left.flat().length === 0 ? 'no service runs, and their ports are free' : `still there: ${left.flat().join(', ')}` }
  },

  async undo ({ rebuild }) {
    for (const { control } of rebuild.services.toReversed()) await controlOf(control).kill()
    return `ended ${rebuild.services.map(({ name }) => name).join(', ')}`
  },
}

async function bringUp (service: RebuiltService, context: StepContext): Promise<void> {
  const control = controlOf(service.control)
  try {
    await control.start()
  } catch (cause) {
    throw new DrillError('rebuild.notUp', `${service.name} did not start: ${messageOf(cause)}`, { cause })
  }
  const up = await until(async () => {
    if (await isReady(service, context.signal)) return true
    if (!await control.alive()) throw new DrillError('rebuild.notUp', `${service.name} ended instead of answering: ${await wordsOf(service)}`)
    context.heartbeat({ doing: `wait for ${service.name}` })
    return undefined
  }, { everyMs: 50, deadlineMs: readyMs, signal: context.signal })
  if (!up) throw new DrillError('rebuild.notUp', `${service.name} did not answer${service.ready === undefined ? ` on port ${service.ports[0]}` : ` at ${service.ready}`} within ${readyMs / 1000} s: ${await wordsOf(service)}`)
}

async function isReady ({ ready, ports }: RebuiltService, signal: AbortSignal): Promise<boolean> {
  if (ready === undefined) return await accepts(ports[0]!)
  try {
    const response = await fetch(ready, { signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]), redirect: 'manual' })
    await response.body?.cancel()
    return response.ok
  } catch {
    signal.throwIfAborted()
    return false
  }
}

async function wordsOf ({ control }: RebuiltService): Promise<string> {
  const log = control.kind === 'process' ? control.start.log : undefined
  const text = log === undefined ? undefined : await readFile(log, 'utf8').catch(() => undefined)
  return text === undefined ? 'it has no log' : lastWords(text) || 'its log is empty'
}
