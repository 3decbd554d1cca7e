import type { TSchema } from 'typebox'
import { didYouMean } from '../nearest.js'
import { validator } from '../validator.js'
import type { Place } from '../kinds/kind.js'

/**
 * The input of an action or a check, as far as it is known without an environment: its keys, and the values that hold no lookup.
 * What the rest turns out to be is checked for each environment.
 */
export function checkInput (schema: TSchema, input: Record<string, unknown> | undefined, of: string, report: Place['report']): void {
  const { properties = {}, required = [] } = schema as { properties?: Record<string, TSchema>, required?: string[] }
  const given = input ?? {}
  for (const [key, value] of Object.entries(given)) {
    const path = `/with/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!Object.hasOwn(properties, key)) report(path, `${of} takes no "${key}"`, didYouMean(key, Object.keys(properties)), { atKey: true })
    else if (!JSON.stringify(value).includes('{{')) for (const flaw of validator(properties[key]!)(value)) report(`${path}${flaw.pointer}`, flaw.message, flaw.hint, flaw)
  }
  const missing = required.filter(key => !Object.hasOwn(given, key))
  if (missing.length > 0) report(input ? '/with' : '', `${of} needs ${missing.join(' and ')}`)
}
