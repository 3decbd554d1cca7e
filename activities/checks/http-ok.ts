import { durationMs } from '../../src/drill/duration.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { askPage, endAgent, httpAgent } from '../observe/targets.js'

const defaultTimeout = '5s'

/** One page, on a new connection. */
export const httpOk: Check<CheckInputs['http.ok']> = async ({ url, caFile, timeout = defaultTimeout }, context) => {
  const expected = `a status below 400 within ${timeout}`
  const answer = await askOnce(url, { caFile, deadlineMs: durationMs(timeout), drillId: context.drillId, signal: context.signal })
  const observed = 'status' in answer ? `${url}: status ${answer.status} after ${answer.ms} ms` : `${url}: ${answer.error}`
  if ('error' in answer) return { outcome: answer.blind ? 'blind' : 'fail', observed, expected, output: {} }
  return { outcome: answer.status < 400 ? 'pass' : 'fail', observed, expected, output: { status: answer.status, ms: answer.ms } }
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
