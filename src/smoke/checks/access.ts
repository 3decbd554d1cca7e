import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpRequest } from '../../drill/journey.js'
import type { AccessInput } from '../../drill/smoke-checks.js'
import { fill, type Values } from '../../journey/fill.js'
import type { HttpAnswer } from '../../journey/http.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'
import { runSteps } from '../steps.js'

/** The longest Retry-After that is waited for, to see that the limit ends. */
const waitSeconds = 2

/** Everything that must be refused, and that refusing one client does not refuse all. */
export const access: SmokeCheck<'access'> = async (input, context) => {
  const expected = 'everything but a good token is refused without data, and too many requests end in 429 for that client alone'
  const result: Result = { flaws: [], unseen: [], seen: [] }
  const ask = async (captures: Values): Promise<void> => {
    const { steps: _, ...rest } = input
    const { value, missing } = fill(rest, { ...context.values, ...captures })
    if (missing.length > 0) result.unseen.push(`there is no {{ ${missing.join(' }}, {{ ')} }}`)
    else await askAll(value, result, context)
  }
  const done = input.steps ? await runSteps(input.steps, context, ask) : undefined
  if (!done) await ask({})
  const { flaws, unseen, seen } = result
  if (done && done.flaws.length > 0) return blind(`what the questions need could not be made: ${done.flaws.join('; ')}`, expected, done.rest)
  if (flaws.length === 0 && unseen.length > 0) return blind(unseen.join('; '), expected, done?.rest)
  return answerOf(flaws, `refused: ${seen.join(', ')}`, expected, done?.rest)
}

interface Result { flaws: string[], unseen: string[], seen: string[] }

async function askAll (input: Omit<AccessInput, 'steps'>, result: Result, context: SmokeContext): Promise<void> {
  const { http } = context.service()
  const { path, token, ended, foreign, limit } = input
  const refused = async (what: string, request: HttpRequest, statuses: number[]): Promise<void> => {
    const answer = await http.send(request, context.signal)
    if ('failure' in answer) {
      result.unseen.push(`${what}: ${answer.message}`)
      return
    }
    const flaw = accessFlaw(answer, statuses, input.private)
    if (flaw === undefined) result.seen.push(what)
    else result.flaws.push(`${what}: ${flaw}`)
  }
  if (token !== undefined) {
    // Else a path that is not there at all would look well guarded.
    const good = await http.send({ path, token }, context.signal)
    if ('failure' in good || good.status >= 400) result.unseen.push(`${path} does not answer to a good token either: ${'failure' in good ? good.message : `status ${good.status}`}`)
  }
  await refused('no token', { path }, [401, 403])
  await refused('an invented token', { path, token: 'muster-smoke-invented' }, [401, 403])
  if (token !== undefined) await refused('a tampered token', { path, token: tampered(token) }, [401, 403])
  if (ended !== undefined) await refused('a token that is over', { path, token: ended }, [401, 403])
  if (foreign !== undefined) await refused('another person’s data', { path: foreign, token }, [401, 403, 404])
  if (limit) await askLimit(limit, result, context)
}

function accessFlaw (answer: HttpAnswer, statuses: number[], secret: string | undefined): string | undefined {
  if (!statuses.includes(answer.status)) return `answered with status ${answer.status}, expected ${statuses.join(' or ')}`
  return secret !== undefined && answer.text.includes(secret) ? `refused with status ${answer.status}, but the answer holds the data` : undefined
}

/** Another character in the middle: same length, same alphabet. */
function tampered (token: string): string {
  const at = Math.floor(token.length / 2)
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}

async function askLimit ({ path, json, other, burst }: NonNullable<AccessInput['limit']>, result: Result, context: SmokeContext): Promise<void> {
  const { http } = context.service()
  const ask = async (body: unknown): Promise<HttpAnswer | undefined> => {
    const answer = await http.send({ method: body === undefined ? 'GET' : 'POST', path, json: body }, context.signal)
    if (!('failure' in answer)) return answer
    result.unseen.push(`the limit of ${path}: ${answer.message}`)
    return undefined
  }
  for (let asked = 1; asked <= burst; asked++) {
    const answer = await ask(json)
    if (!answer) return
    if (answer.status !== 429) continue
    const names = Object.keys(answer.headers).filter(name => /^(retry-after|(x-)?ratelimit.*)$/i.test(name))
    if (names.length === 0) result.flaws.push('429 comes without Retry-After or RateLimit headers')
    const seconds = Number(answer.headers['retry-after'])
    if (seconds >= 0 && seconds <= waitSeconds) {
      await sleep(seconds * 1000 + 50, undefined, { signal: context.signal })
      const again = await ask(json)
      if (again?.status === 429) result.flaws.push(`still 429 after the ${seconds} s of Retry-After`)
    }
    const somebody = other === undefined ? undefined : await ask(other)
    if (somebody?.status === 429) result.flaws.push('one client over the limit locks out another')
    result.seen.push(`request ${asked} of one client`)
    return
  }
  result.flaws.push(`${burst} requests in a row to ${path} and no 429`)
}
