import { lookupsIn, parseLookup } from '../../drill/lookup.js'
import { outside, takes, typedValue } from '../../drill/params.js'
import type { Runbook } from '../../drill/runbook.js'
import type { Problem } from '../problem.js'
import { textsOf } from './lookups.js'

type Report = (pointer: string, message: string, hint?: string, options?: { atKey?: boolean, level?: Problem['level'] }) => void

/** Declarations that contradict themselves, and (as a warning) parameters that nothing uses. */
export function checkParams (runbook: Runbook, report: Report): void {
  const { params = {}, ...rest } = runbook
  const used = new Set(textsOf(rest, '').flatMap(({ text }) => lookupsIn(text)).map(parseLookup).flatMap(lookup => lookup?.root === 'params' ? lookup.keys[0]! : []))
  for (const [name, param] of Object.entries(params)) {
    const pointer = `/params/${name}`
    if (param.enum && param.type !== 'string') report(`${pointer}/enum`, `${param.type === 'integer' ? 'an' : 'a'} ${param.type} has no enum`, 'use type: string')
    if (param.type !== 'integer' && param.minimum !== undefined) report(`${pointer}/minimum`, `a ${param.type} has no minimum`)
    if (param.type !== 'integer' && param.maximum !== undefined) report(`${pointer}/maximum`, `a ${param.type} has no maximum`)
    if (param.minimum !== undefined && param.maximum !== undefined && param.minimum > param.maximum) report(`${pointer}/minimum`, `minimum ${param.minimum} is above maximum ${param.maximum}`)
    if (param.default !== undefined) {
      const typed = typeof param.default === 'string' && (param.type === 'integer' || param.type === 'boolean') ? undefined : typedValue(param, param.default)
      const wrong = typed === undefined ? `takes ${takes(param)}, not ${JSON.stringify(param.default)}` : outside(param, typed)
      if (wrong) report(`${pointer}/default`, `default of "${name}" ${wrong}`)
    }
    if (!used.has(name)) report(pointer, `nothing uses parameter "${name}"`, undefined, { atKey: true, level: 'warning' })
  }
}
