import type { Dispatcher } from 'undici'
import type { FailureClass, HttpExpectation, HttpStep } from '../drill/journey.js'
import type { Behaviour, UserType } from '../drill/load.js'
import { captureFrom } from '../journey/capture.js'
import { unmet } from '../journey/expect.js'
import type { Values } from '../journey/fill.js'
import type { HttpAnswer } from '../journey/http.js'
import { fillStep } from '../journey/journey.js'

/** A request as it goes out, and what its answer must be. */
export interface Filled { request: Dispatcher.DispatchOptions, expect: HttpExpectation }

/** What became of an answer. */
export interface Judged { failure?: FailureClass, message?: string, captured?: Values }

/** What is counted together. Steps of one share the object, so that it can be looked up by identity. */
export interface SeriesName { readonly endpoint: string, readonly userType: string }

/** One step, made ready to be sent some thousand times a second: what does not change is worked out once. */
export interface CompiledStep {
  series: SeriesName
  always: boolean
  /** Whether somebody asks what the body holds. */
  readsBody: boolean
  /** Whether somebody asks for a header of the answer. */
  readsHeaders: boolean
  /**
   * @param values asked for only where something is to be filled in
   * @throws Error with one line that names the value that is not there
   */
  fill: (values: () => Values) => Filled
  /** Only where the status is all that is asked of an answer: whether it is the wanted one. Then nobody need judge it. */
  accepts?: (status: number) => boolean
  judge: (answer: HttpAnswer, filled: Filled) => Judged
}

export interface CompiledType {
  name: string
  start: CompiledStep[]
  /** The steps of the task that a number from 0 to 1 falls on, by weight. */
  draw: (random: number) => CompiledStep[]
}

/** Beyond these, endpoints are counted together: figures stay bounded whatever the names are made of. */
const maxEndpoints = 200

/** What stands before every path, that of the service's address; and the headers of every request. */
export interface Common { basePath: string, headers: Record<string, string> }

export function compileBehaviour (behaviour: Behaviour, common: Common): Map<string, CompiledType> {
  const names = new Set<string>()
  const endpointOf = (name: string): string => {
    if (names.size < maxEndpoints) names.add(name)
    return names.has(name) ? name : 'other'
  }
  return new Map(Object.entries(behaviour.userTypes).map(([userType, type]) => {
    const series = new Map<string, SeriesName>()
    const seriesOf = (endpoint: string): SeriesName => {
      if (!series.has(endpoint)) series.set(endpoint, { endpoint, userType })
      return series.get(endpoint)!
    }
    return [userType, compileType(userType, type, given => given.map(step => compileStep(step, seriesOf(endpointOf(step.name)), common)))]
  }))
}

function compileType (name: string, { start = [], tasks }: UserType, steps: (given: readonly HttpStep[]) => CompiledStep[]): CompiledType {
  const compiled = tasks.map(task => ({ weight: task.weight, steps: steps(task.steps) }))
  const total = compiled.reduce((sum, { weight }) => sum + weight, 0)
  return {
    name,
    start: steps(start),
    draw (random) {
      let left = random * total
      return (compiled.find(({ weight }) => (left -= weight) < 0) ?? compiled.findLast(({ weight }) => weight > 0)!).steps
    },
  }
}

function compileStep (step: HttpStep, series: SeriesName, common: Common): CompiledStep {
  const { expect = {}, capture } = step
  const prefix = common.basePath.replace(/\/$/, '')
  const method = (step.request.method ?? 'GET') as Dispatcher.HttpMethod
  const render = ({ request, expect: filled = {} }: Pick<HttpStep, 'request' | 'expect'>): Filled => ({
    request: {
      path: prefix + request.path,
      method,
      // Names and values in turn: undici is quicker with them than with an object.
      headers: Object.entries({
        ...common.headers,
        ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(request.token === undefined ? {} : { authorization: `Bearer ${request.token}` }),
        ...request.headers,
      }).flat(),
      body: request.json === undefined ? request.body : JSON.stringify(request.json),
    },
    expect: filled,
  })
  const fixed = JSON.stringify([step.request, expect]).includes('{{') ? undefined : render(step)
  const onlyStatus = Object.keys(expect).every(key => key === 'status') && capture === undefined
  return {
    series,
    always: step.always === true,
    readsBody: expect.json !== undefined || expect.schema !== undefined || expect.body !== undefined || Object.values(capture ?? {}).some(from => from.startsWith('$')),
    readsHeaders: expect.headers !== undefined || Object.values(capture ?? {}).some(from => !from.startsWith('$')),
    fill (values) {
      if (fixed !== undefined) return fixed
      const { step: filled, missing } = fillStep(step, values())
      if (missing.length > 0) throw new Error(`not sent: there is no ${missing.map(name => `{{ ${name} }}`).join(', ')}`)
      return render(filled)
    },
    ...onlyStatus ? { accepts: (status: number) => hasStatus(expect, status) } : {},
    judge (answer, filled) {
      const captured: Values = {}
      const problems = unmet(filled.expect, answer)
      for (const [name, from] of Object.entries(capture ?? {})) {
        const result = captureFrom(from, answer)
        if ('value' in result) captured[name] = result.value
        // Of an answer that is an error anyway, that one says it all.
        else if (problems.length === 0) problems.push(`${name} could not be captured: ${result.problem}`)
      }
      return problems.length === 0 ? { captured } : { captured, failure: failureOfStatus(answer.status, expect), message: problems.join('; ') }
    },
  }
}

function hasStatus ({ status: expected }: HttpExpectation, status: number): boolean {
  if (expected === undefined) return status < 400
  return typeof expected === 'number' ? status === expected : expected.includes(status)
}

function failureOfStatus (status: number, expect: HttpExpectation): FailureClass {
  if (expect.status !== undefined && hasStatus(expect, status)) return 'assertion'
  return status >= 500 ? 'http5xx' : status >= 400 ? 'http4xx' : 'assertion'
}
