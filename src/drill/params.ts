import { tryDurationMs } from './duration.js'
import type { Param } from './runbook.js'
import type { Refusal } from './timeline.js'

export type ParamValue = string | number | boolean

/**
 * The parameters of a drill: what was given, then defaults, each of its declared type. Text is taken for numbers and booleans too,
 * since a command line has nothing else. Problems have code `params.invalid`.
 */
export function fillParams (declared: Record<string, Param>, given: Record<string, unknown>): { params: Record<string, ParamValue>, problems: Refusal[] } {
  const params: Record<string, ParamValue> = {}
  const problems: Refusal[] = []
  const refuse = (message: string): void => { problems.push({ code: 'params.invalid', message }) }
  const names = Object.keys(declared)
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name)) refuse(`there is no parameter "${name}"; the runbook has ${names.length === 0 ? 'none' : names.join(', ')}`)
  }
  for (const [name, param] of Object.entries(declared)) {
    const value = Object.hasOwn(given, name) && given[name] !== undefined ? given[name] : param.default
    if (value === undefined) {
      refuse(`parameter "${name}" is missing; it takes ${takes(param)}`)
      continue
    }
    const typed = typedValue(param, value)
    const wrong = typed === undefined ? `takes ${takes(param)}, not ${shown(value)}` : outside(param, typed)
    if (wrong) refuse(`parameter "${name}" ${wrong}`)
    else params[name] = typed!
  }
  return { params, problems }
}

/** What a parameter takes, for people: `a whole number from 1 to 5`. */
export function takes (param: Param): string {
  if (param.enum) return `one of ${param.enum.join(', ')}`
  const range = [param.minimum === undefined ? '' : ` from ${param.minimum}`, param.maximum === undefined ? '' : ` to ${param.maximum}`].join('')
  switch (param.type) {
    case 'integer': return `a whole number${range}`
    case 'boolean': return 'true or false'
    case 'duration': return 'a duration, for example 500ms, 30s, 5m'
    case 'string': return 'text'
  }
}

/** The value in its declared type, or undefined where it has another. */
export function typedValue (param: Param, value: unknown): ParamValue | undefined {
  switch (param.type) {
    case 'integer': {
      const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
      return Number.isSafeInteger(number) ? number as number : undefined
    }
    case 'boolean': return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined
    case 'duration': return tryDurationMs(value) === undefined ? undefined : (value as string).trim()
    case 'string': return typeof value === 'string' ? value : undefined
  }
}

/** Why a value of the right type is refused all the same. */
export function outside (param: Param, value: ParamValue): string | undefined {
  if (param.enum && !param.enum.includes(String(value))) return `takes ${takes(param)}, not ${shown(value)}`
  if (typeof value === 'number') {
    if (param.minimum !== undefined && value < param.minimum) return `takes ${takes(param)}, not ${value}`
    if (param.maximum !== undefined && value > param.maximum) return `takes ${takes(param)}, not ${value}`
  }
  if (typeof value === 'string') {
    // A given text must stay text: it would be looked up when its step runs.
    if (value.includes('{{')) return 'may not hold a lookup'
    if (value.length > 1000) return `takes at most 1000 characters, not ${value.length}`
  }
  return undefined
}

function shown (value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
