import { query } from 'jsonpath-rfc9535'
import type { Capture } from '../drill/journey.js'
import { messageOf } from '../errors.js'
import type { HttpAnswer } from './http.js'

type JsonValue = Parameters<typeof query>[0]

/** What a path finds in an answer's body, or why nothing can be found in it. Never throws. */
export function findJson (path: string, answer: Pick<HttpAnswer, 'text' | 'cut'>): { found: unknown[] } | { problem: string } {
  if (answer.cut) return { problem: 'the body is longer than the limit and was not read to its end' }
  let body: JsonValue
  try {
    body = JSON.parse(answer.text) as JsonValue
  } catch {
    return { problem: `the body is no JSON: ${shortly(answer.text)}` }
  }
  try {
    return { found: query(body, path) }
  } catch (error) {
    return { problem: `${path} is no JSONPath: ${messageOf(error)}` }
  }
}

/** The value that a capture names, or why there is none. */
export function captureFrom (capture: Capture, answer: HttpAnswer): { value: unknown } | { problem: string } {
  const [, where, name] = /^(header|cookie):(.+)$/.exec(capture) ?? []
  if (where === 'header') {
    const header = answer.headers[name!.toLowerCase()]
    return header === undefined ? { problem: `the answer has no header ${name}` } : { value: String(header) }
  }
  if (where === 'cookie') {
    const cookie = cookiesOf(answer).find(cookie => cookie.name === name)
    return cookie === undefined ? { problem: `the answer sets no cookie ${name}` } : { value: cookie.value }
  }
  const result = findJson(capture, answer)
  if ('problem' in result) return result
  return result.found.length === 0 ? { problem: `${capture} matches nothing in the answer, which has ${keysText(answer.text)}` } : { value: result.found[0] }
}

export interface Cookie { name: string, value: string, flags: Record<string, string | true> }

/** The cookies that an answer sets; flags in small letters. */
export function cookiesOf (answer: Pick<HttpAnswer, 'headers'>): Cookie[] {
  const lines = answer.headers['set-cookie']
  return (lines === undefined ? [] : Array.isArray(lines) ? lines : [lines]).map(line => {
    const [pair = '', ...rest] = line.split(';').map(part => part.trim())
    const [name, value] = halves(pair)
    return { name, value, flags: Object.fromEntries(rest.map(part => { const [flag, set] = halves(part); return [flag.toLowerCase(), set || true] as const })) }
  })
}

function halves (text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Names only: what an answer holds may be private. */
function keysText (text: string): string {
  const body = JSON.parse(text) as unknown
  if (Array.isArray(body)) return `a list of ${body.length}`
  if (body === null || typeof body !== 'object') return `only a ${body === null ? 'null' : typeof body}`
  return Object.keys(body).slice(0, 12).join(', ') || 'no fields'
}

/** The beginning of a text, on one line. */
export function shortly (text: string, length = 80): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line === '' ? 'it is empty' : JSON.stringify(line.length > length ? `${line.slice(0, length)}…` : line)
}
