import { setMaxListeners } from 'node:events'
import { connect } from 'node:net'
import { lossesOf } from '../../src/control/packet-loss.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { durationMs } from '../../src/drill/duration.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { lossName } from '../link.js'
import { proxyOf } from '../toxiproxy.js'

const answerMs = 1_500

/** What each protocol answers with one byte at least, before any log-in: PostgreSQL's question for TLS, and Redis' PING. */
const questions = { postgres: Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), redis: Buffer.from('PING\r\n') }

/** Proof that a link is broken, by what it was broken with. */
export const linkBroken: Check<CheckInputs['link.broken']> = async (input, context) => await (input.how === 'loss' ? losing : silent)(input, context)

/** One question through the link: refused, unanswered, or answered so late that it counts as broken. */
const silent: Check<CheckInputs['link.broken']> = async ({ link, speaks, atLeast }, context) => {
  const lateMs = atLeast === undefined ? undefined : durationMs(atLeast)
  const expected = lateMs === undefined ? `no answer within ${answerMs} ms` : `no answer within ${atLeast}`
  try {
    const { listen } = await proxyOf(link, context)
    const { host, port } = addressOf(listen, link.toxiproxy)
    const answer = await askOnce(host, port, questions[speaks], Math.max(answerMs, lateMs ?? 0), context.signal)
    const broken = 'error' in answer || (lateMs !== undefined && answer.ms >= lateMs)
    return { outcome: broken ? 'pass' : 'fail', observed: `${link.proxy}: ${'error' in answer ? answer.error : `an answer after ${answer.ms} ms`}`, expected, output: {} }
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}

const questionsAtOnce = 20
/** A packet is sent again after 200 ms at the soonest (Linux' TCP_RTO_MIN). */
const resentMs = 200

/** Many questions at once: the kernel's counter says that packets of theirs were dropped, and some are late for it. */
const losing: Check<CheckInputs['link.broken']> = async ({ link, speaks }, context) => {
  const expected = `packets dropped, and some of ${questionsAtOnce} answers late`
  const dropped = async (): Promise<number> => (await lossesOf(lossName(link), context)).reduce((sum, loss) => sum + loss.dropped, 0)
  try {
    const { listen } = await proxyOf(link, context)
    const { host, port } = addressOf(listen, link.toxiproxy)
    const before = await dropped()
    // Each question listens to it: Node takes more than ten for a leak.
    setMaxListeners(2 * questionsAtOnce, context.signal)
    const answers = await Promise.all(Array.from({ length: questionsAtOnce }, async () => await askOnce(host, port, questions[speaks], answerMs, context.signal)))
    const lost = await dropped() - before
    const late = answers.filter(answer => 'error' in answer || answer.ms >= resentMs).length
    return { outcome: lost > 0 && late > 0 ? 'pass' : 'fail', observed: `${link.proxy}: ${lost} packets dropped, ${late} of ${questionsAtOnce} answers late or missing`, expected, output: {} }
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'blind', observed: messageOf(error), expected, output: {} }
  }
}

/** A proxy that listens on every address is asked where its Toxiproxy is. */
function addressOf (listen: string, toxiproxy: string): { host: string, port: number } {
  const at = listen.lastIndexOf(':')
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '')
  return { host: host === '' || host === '0.0.0.0' || host === '::' ? new URL(toxiproxy).hostname : host, port: Number(listen.slice(at + 1)) }
}

function askOnce (host: string, port: number, question: Buffer, deadlineMs: number, signal: AbortSignal): Promise<{ ms: number } | { error: string }> {
  return new Promise((resolve, reject) => {
    const from = performance.now()
    const socket = connect({ host, port }, () => { socket.write(question) })
    const end = (result: { ms: number } | { error: string }): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.destroy()
      resolve(result)
    }
    const abort = (): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    }
    const timer = setTimeout(() => { end({ error: `no answer within ${deadlineMs} ms` }) }, deadlineMs)
    signal.addEventListener('abort', abort, { once: true })
    socket.once('data', () => { end({ ms: Math.round(performance.now() - from) }) })
    socket.once('error', error => { end({ error: messageOf(error) }) })
    socket.once('close', () => { end({ error: 'the connection was closed without an answer' }) })
  })
}
