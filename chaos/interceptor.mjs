// Loaded into the worker by the harness alone (`--import`, in its environment): wraps every activity, so that one of them can be made to
// fail, to lose its answer, to wait, or to take its worker along. Muster itself knows nothing of it.
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const folder = process.env.MUSTER_CHAOS
const isWorker = isMainThread && process.argv.some(argument => argument.endsWith('src/worker.ts'))

if (folder !== undefined && isWorker) {
  const [{ Worker }, { ApplicationFailure, Context }] = await Promise.all([import('@temporalio/worker'), import('@temporalio/activity')])
  const create = Worker.create.bind(Worker)
  Worker.create = options => create({ ...options, interceptors: { ...options.interceptors, activity: [intercept(folder, { ApplicationFailure, Context })] } })
}

/**
 * The order lies in `order.json`: `{ activity, stepId?, nth?, deed, inMs? }`. Whoever renames it has it, so that it is carried out once,
 * whatever dies. Every call that names a step is noted in `calls`.
 * @param {string} folder
 */
function intercept (folder, { ApplicationFailure, Context }) {
  const order = join(folder, 'order.json')
  const counts = new Map()

  const taken = (activity, stepId) => {
    const wanted = read(order)
    if (wanted === undefined || wanted.activity !== activity || (wanted.stepId !== undefined && wanted.stepId !== stepId)) return undefined
    counts.set(wanted.id, (counts.get(wanted.id) ?? 0) + 1)
    if (counts.get(wanted.id) < (wanted.nth ?? 1)) return undefined
    try {
      renameSync(order, join(folder, 'taken.json'))
      return wanted
    } catch {
      return undefined
    }
  }
  const die = () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }
  /** Until the harness has done what it has to do, or the activity is cancelled. */
  const held = async () => {
    while (!existsSync(join(folder, 'go-on')) && !Context.current().cancellationSignal.aborted) {
      Context.current().heartbeat()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  return ({ info }) => ({
    inbound: {
      async execute (input, next) {
        const stepId = input.args[0]?.stepId
        if (stepId !== undefined) appendFileSync(join(folder, 'calls'), `${JSON.stringify({ atMs: Date.now(), activity: info.activityType, stepId, attempt: info.attempt })}\n`)
        const wanted = taken(info.activityType, stepId)
        switch (wanted?.deed) {
          case undefined: return await next(input)
          case 'fail':
            await next(input)
            throw ApplicationFailure.nonRetryable('made to fail after it had run', 'chaos')
          case 'lose':
            await next(input)
            throw ApplicationFailure.retryable('its answer was lost', 'chaos')
          case 'die-before': return await die()
          case 'die-in': {
            const running = next(input)
            running.catch(() => {})
            await new Promise(resolve => setTimeout(resolve, wanted.inMs ?? 20))
            return await die()
          }
          case 'die-after':
            await next(input).catch(() => {})
            return await die()
          case 'hold':
            await held()
            return await next(input)
          case 'lie': return { state: 'undone', summary: 'it says so', output: {} }
          default: throw new Error(`no deed "${wanted.deed}"`)
        }
      },
    },
  })
}

function read (path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
