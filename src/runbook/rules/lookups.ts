import { choicesOf } from '../../drill/instantiate.js'
import { lookupsIn, parseLookup } from '../../drill/lookup.js'
import type { Runbook } from '../../drill/runbook.js'
import { EnvironmentSchema } from '../inventory-schema.js'
import { kindOf } from '../kinds/index.js'
import { didYouMean } from '../nearest.js'
import type { StepPlace } from './places.js'

type Report = (pointer: string, message: string, hint?: string) => void

/** Every lookup must lead somewhere: to a declared parameter, to a field that environments have, to the output of an earlier step. */
export function checkLookups (runbook: Runbook, places: StepPlace[], report: Report): void {
  const { steps: _, params: __, ...head } = runbook
  for (const { text, pointer } of textsOf(head, '')) checkText(text, pointer, undefined)
  for (const place of places) {
    const own = place.step.kind === 'parallel' ? { ...place.step, branches: [] } : place.step
    for (const { text, pointer } of textsOf(own, place.pointer)) checkText(text, pointer, place)
  }

  function checkText (text: string, pointer: string, place: StepPlace | undefined): void {
    const lookups = lookupsIn(text)
    if (text.split('{{').length - 1 !== lookups.length || text.split('}}').length - 1 !== lookups.length) {
      report(pointer, 'a lookup that does not end, or does not begin', 'write {{ params.x }}')
      return
    }
    for (const lookup of lookups) checkLookup(lookup, pointer, place)
  }

  function checkLookup (lookup: string, pointer: string, place: StepPlace | undefined): void {
    const parsed = parseLookup(lookup)
    if (!parsed) {
      report(pointer, `"{{ ${lookup} }}" is no lookup`, 'write {{ params.x }}, {{ env.a.b }} or {{ steps.id.output.y }}; there are no expressions')
      return
    }
    const { root, keys } = parsed
    const [first, second] = keys as [string, string?]
    switch (root) {
      case 'params': {
        const params = runbook.params ?? {}
        if (!Object.hasOwn(params, first)) report(pointer, `there is no parameter "${first}"`, didYouMean(first, Object.keys(params)))
        else if (second !== undefined) {
          const choices = choicesOf(runbook)[first] ?? []
          if (keys.length > 2 || choices.length === 0) report(pointer, `parameter "${first}" has no parts`)
          else if (!choices.includes(second)) report(pointer, `parameter "${first}" never is "${second}"`, didYouMean(second, choices))
        }
        break
      }
      case 'env': {
        const wrong = wrongKey(keys)
        if (wrong) report(pointer, `an environment has no "${wrong.path}"`, didYouMean(wrong.key, wrong.known))
        break
      }
      case 'steps': {
        if (!place) report(pointer, 'outputs of steps are not known here', 'they are known in later steps')
        else checkOutput(lookup, keys, pointer, place)
        break
      }
    }
  }

  function checkOutput (lookup: string, [id, part]: string[], pointer: string, { earlier }: StepPlace): void {
    const step = earlier.find(other => other.id === id)
    if (step) {
      if (!kindOf(step).hasOutput) report(pointer, `step "${id}" is a ${step.kind}, which has no output`)
      else if (part !== 'output') report(pointer, `"{{ ${lookup} }}" names no output`, `write {{ steps.${id}.output.… }}`)
    } else if (places.some(place => place.step.id === id)) report(pointer, `step "${id}" is not an earlier step`)
    else report(pointer, `there is no step "${id}"`, didYouMean(id!, earlier.map(other => other.id)))
  }
}

export interface TextAt { text: string, pointer: string }

/** Every text of a value that holds a lookup or a part of one. */
export function textsOf (value: unknown, pointer: string): TextAt[] {
  if (typeof value === 'string') return value.includes('{{') || value.includes('}}') ? [{ text: value, pointer }] : []
  if (Array.isArray(value)) return value.flatMap((item, index) => textsOf(item, `${pointer}/${index}`))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, item]) => textsOf(item, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`))
}

interface Part { properties?: Record<string, Part>, patternProperties?: Record<string, Part>, items?: Part, oneOf?: Part[] }

/** Where a path leaves what the schema of an environment knows; undefined where it does not. */
function wrongKey (keys: string[]): { path: string, key: string, known: string[] } | undefined {
  let parts: Part[] = [EnvironmentSchema as unknown as Part]
  for (const [index, key] of keys.entries()) {
    const next = parts.flatMap(part => part.oneOf ?? [part]).flatMap((part): Part[] => {
      // Members of lists and tables have names that only the environment knows.
      if (part.items) return [part.items]
      if (part.patternProperties) return Object.values(part.patternProperties)
      return part.properties && Object.hasOwn(part.properties, key) ? [part.properties[key]!] : []
    })
    if (next.length === 0) {
      return { path: keys.slice(0, index + 1).join('.'), key, known: parts.flatMap(part => part.oneOf ?? [part]).flatMap(part => Object.keys(part.properties ?? {})) }
    }
    parts = next
  }
  return undefined
}
