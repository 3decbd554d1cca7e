import { durationMs } from '../../src/drill/duration.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { askPage, endAgent, httpAgent } from '../observe/targets.js'

const defaultTimeout = '5s'

/** One page, so many times in a row, each on a new connection; the first bad answer is the check's. */
export const httpOk: Check<CheckInputs['http.ok']> = async ({ url, caFile, timeout = defaultTimeout, times = 1, anyStatus = false }, context) => {
  const expected = `${anyStatus ? 'an answer' : 'a status below 400'} within ${timeout}${times > 1 ? `, ${times} times in a row` : ''}`
  let slowestMs = 0
  for (let time = 1; ; time++) {
    const answer = await askOnce(url, { caFile, deadlineMs: durationMs(timeout), drillId: context.drillId, signal: context.signal })
    const which = times > 1 ? ` (${time} of ${times})` : ''
    if ('error' in answer) return { outcome: answer.blind ? 'blind' : 'fail', observed: `${url}: ${answer.error}${which}`, expected, output: {} }
    slowestMs = Math.max(slowestMs, answer.ms)
    const output = { status: answer.status, ms: slowestMs }
    const observed = `${url}: status ${answer.status} after ${answer.ms} ms${which}`
    if (!anyStatus && answer.status >= 400) return { outcome: 'fail', observed, expected, output }
    if (time >= times) return { outcome: 'pass', observed: times > 1 ? `${url}: ${times} good answers, the slowest after ${slowestMs} ms` : observed, expected, output }
  }
}

/** `blind`: the question itself could not be put, e.g. without the authority's certificate. */
export type PageAnswer = { status: number, ms: number } | { error: string, blind: boolean }

/** One GET on a connection of its own; throws only when aborted. */
export async function askOnce (url: string, asking: { caFile?: string, deadlineMs: number, drillId: string, signal: AbortSignal }): Promise<PageAnswer> {
  const { caFile, signal } = asking
  const from = performance.now()
  let agent
  try {
    agent = httpAgent(caFile)
    const status = await askPage(url, { ...asking, agent })
    return { status, ms: Math.round(performance.now() - from) }
  } catch (error) {
    signal.throwIfAborted()
    return { error: messageOf(error) || 'no connection', blind: error instanceof DrillError && error.code === 'config.invalid' }
  } finally {
    if (agent) endAgent(agent)
  }
}
