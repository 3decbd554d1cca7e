import type { HttpAnswer } from '../../journey/http.js'
import { answerOf, blind, type SmokeCheck } from '../check.js'
import { describedHeaders, judgeHeaders, tellingHeaders } from '../headers.js'

/** On good and refused answers alike: what a proxy or an error handler answers itself is where headers get lost. */
export const securityHeaders: SmokeCheck<'security-headers'> = async ({ pages }, context) => {
  const expected = describedHeaders
  const { http, url } = context.service()
  const encrypted = url.startsWith('https:')
  const flaws = new Map<string, string[]>()
  const hints = new Set<string>()
  const unasked: string[] = []
  for (const { path, status } of pages) {
    const answer = await http.send({ path, headers: { accept: '*/*' } }, context.signal)
    if ('failure' in answer) unasked.push(`${path}: ${answer.message}`)
    else if (answer.status !== status) unasked.push(`${path} answers ${answer.status}, not the ${status} whose headers are asked about`)
    else {
      for (const flaw of judgeHeaders(lowered(answer), encrypted)) flaws.set(flaw, [...flaws.get(flaw) ?? [], String(status)])
      for (const hint of tellingHeaders(lowered(answer))) hints.add(hint)
    }
  }
  const lines = [...flaws].map(([flaw, statuses]) => `${flaw} (on ${statuses.join(', ')})`)
  const told = hints.size === 0 ? '' : `; also told: ${[...hints].join(', ')}`
  if (lines.length === 0 && unasked.length > 0) return blind(unasked.join('; '), expected)
  return answerOf([...lines, ...unasked], `all there on ${pages.map(page => page.status).join(', ')}${told}`, expected)
}

function lowered (answer: HttpAnswer): Record<string, string> {
  return Object.fromEntries(Object.entries(answer.headers).flatMap(([name, value]) => value === undefined ? [] : [[name.toLowerCase(), String(value)]]))
}
