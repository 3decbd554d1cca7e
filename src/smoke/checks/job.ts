import { durationText } from '../../drill/duration.js'
import type { MetricLimit } from '../../drill/smoke-checks.js'
import { askMetric } from '../ask-json.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'
import { runSteps } from '../steps.js'

/** An empty queue says nothing where its producers, or its worker, are dead: a job of the check's own must be done in time. */
export const worker: SmokeCheck<'worker'> = async ({ steps, depth, oldest }, context) => {
  const expected = 'a job of its own is done in time, and the queue is neither long nor old'
  const done = await runSteps(steps, context)
  const limits = await Promise.all([measure('waiting', depth, context), measure('oldest', oldest, context)])
  const flaws = [...done.flaws, ...limits.flatMap(limit => limit?.flaw ?? [])]
  const values = Object.fromEntries(limits.flatMap(limit => limit?.value === undefined ? [] : [[limit.name, limit.value]]))
  const unseen = limits.flatMap(limit => limit?.problem ?? [])
  const text = limits.flatMap(limit => limit?.value === undefined ? [] : [`${limit.name} ${limit.value}`]).join(', ')
  if (flaws.length === 0 && unseen.length > 0) return blind(unseen.join('; '), expected, { ...done.rest, values })
  return answerOf(flaws, `its job was done after ${durationText(done.ms)}${text === '' ? '' : `; ${text}`}`, expected, { ...done.rest, values })
}

interface Measured { name: string, value?: number, flaw?: string, problem?: string }

async function measure (name: string, limit: MetricLimit | undefined, context: SmokeContext): Promise<Measured | undefined> {
  const prometheus = context.environment.monitoring?.prometheus
  if (limit === undefined || prometheus === undefined) return undefined
  const asked = await askMetric(context.other(prometheus), limit.query, context)
  if ('problem' in asked) return { name, problem: asked.problem }
  const value = Math.round(asked.value * 100) / 100
  return { name, value, ...(value > limit.max ? { flaw: `the queue: ${name} is ${value}, at most ${limit.max} is allowed` } : {}) }
}
