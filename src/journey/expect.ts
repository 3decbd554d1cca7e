import { isDeepStrictEqual } from 'node:util'
import { Ajv, type ValidateFunction } from 'ajv'
import { durationMs, durationText } from '../drill/duration.js'
import type { HttpExpectation, JsonRule, TextRule } from '../drill/journey.js'
import { messageOf } from '../errors.js'
import { findJson, shortly } from './capture.js'
import type { HttpAnswer } from './http.js'

const dayMs = 86_400_000

/**
 * Everything about an answer that is not as expected, each in one line with what was expected; empty = as expected. Pure but for the
 * clock that a certificate is held against.
 */
export function unmet (expect: HttpExpectation, answer: HttpAnswer, nowMs = Date.now()): string[] {
  const { status, headers = {}, json = [], schema, body, within, certificate } = expect
  const flaws: string[] = []
  const good = status === undefined ? answer.status < 400 : [status].flat().includes(answer.status)
  if (!good) flaws.push(`status ${answer.status}, expected ${status === undefined ? 'below 400' : [status].flat().join(' or ')}`)
  if (answer.cut) flaws.push('the body is longer than the limit and was not read to its end')
  for (const [name, rule] of Object.entries(headers)) flaws.push(...textFlaws(`header ${name}`, rule, headerText(answer, name)))
  for (const rule of json) flaws.push(...jsonFlaws(rule, answer))
  if (schema) flaws.push(...schemaFlaws(schema, answer))
  if (body) flaws.push(...textFlaws('the body', body, answer.text))
  if (within !== undefined && answer.ms > durationMs(within)) flaws.push(`took ${durationText(answer.ms)}, expected within ${within}`)
  if (certificate) flaws.push(...certificateFlaws(certificate.days, answer, nowMs))
  return flaws
}

function headerText (answer: HttpAnswer, name: string): string | undefined {
  const value = answer.headers[name.toLowerCase()]
  return Array.isArray(value) ? value.join(', ') : value
}

function textFlaws (what: string, { is, matches, contains, lacks, absent }: TextRule, found: string | undefined): string[] {
  if (absent === true) return found === undefined ? [] : [`${what} is there, expected none`]
  if (found === undefined) return [`${what} is not there`]
  const flaws: string[] = []
  if (is !== undefined && found !== is) flaws.push(`${what} is ${shortly(found)}, expected ${JSON.stringify(is)}`)
  if (matches !== undefined && !new RegExp(matches).test(found)) flaws.push(`${what} is ${shortly(found)}, expected to match /${matches}/`)
  if (contains !== undefined && !found.includes(contains)) flaws.push(`${what} lacks ${JSON.stringify(contains)}`)
  if (lacks !== undefined && found.includes(lacks)) flaws.push(`${what} contains ${JSON.stringify(lacks)}`)
  return flaws
}

function jsonFlaws ({ path, is, matches, atLeast, absent }: JsonRule, answer: HttpAnswer): string[] {
  const result = findJson(path, answer)
  if ('problem' in result) return [result.problem]
  const { found } = result
  if (absent === true) return found.length === 0 ? [] : [`${path} is there, expected nothing`]
  if (found.length === 0) return [`${path} matches nothing`]
  const flaws: string[] = []
  if (atLeast !== undefined && found.length < atLeast) flaws.push(`${path} finds ${found.length}, expected at least ${atLeast}`)
  if (is !== undefined && !isDeepStrictEqual(found[0], is)) flaws.push(`${path} is ${shortly(JSON.stringify(found[0]))}, expected ${shortly(JSON.stringify(is))}`)
  if (matches !== undefined && !new RegExp(matches).test(typeof found[0] === 'string' ? found[0] : JSON.stringify(found[0]))) flaws.push(`${path} is ${shortly(JSON.stringify(found[0]))}, expected to match /${matches}/`)
  return flaws
}

const ajv = new Ajv({ allErrors: false, strict: false, validateFormats: false })
const compiled = new WeakMap<object, ValidateFunction>()

function schemaFlaws (schema: Record<string, unknown>, answer: HttpAnswer): string[] {
  const whole = findJson('$', answer)
  if ('problem' in whole) return [whole.problem]
  try {
    let validate = compiled.get(schema)
    if (!validate) compiled.set(schema, validate = ajv.compile(schema))
    if (validate(whole.found[0])) return []
    const error = validate.errors![0]!
    return [`the body does not fit its schema: ${error.instancePath || 'it'} ${error.message}`]
  } catch (error) {
    return [`the expected schema is none: ${messageOf(error)}`]
  }
}

function certificateFlaws (days: number, { certificateUntilMs }: HttpAnswer, nowMs: number): string[] {
  if (certificateUntilMs === undefined) return ['there is no certificate: the connection is not encrypted']
  const left = Math.floor((certificateUntilMs - nowMs) / dayMs)
  return left < days ? [`the certificate is good for ${left} days, expected ${days} or more`] : []
}
