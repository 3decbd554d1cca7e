import { Type } from 'typebox'
import type { LoadResult } from '../drill/load.js'
import type { SuiteRun } from '../drill/suite.js'
import type { WholeResult } from '../drill/whole-result.js'
import { DrillError } from '../errors.js'
import { resultsOf } from '../store/results.js'
import { assertKnown } from './current-status.js'
import type { App, AppDeps } from './deps.js'
import { filePolicy } from './reports.js'
import { answers, Strict } from './schemas/answers.js'
import { DrillParams, Name } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

export const resultFormats = ['json', 'html', 'markdown', 'prometheus', 'junit'] as const
type Format = typeof resultFormats[number]

/** How the result of a step is drawn: pure. What one kind has no drawing for is absent. */
export interface Drawings {
  load: Partial<Record<Format, (result: LoadResult) => string>>
  suite: Partial<Record<Format, (result: SuiteRun) => string>>
}

const types: Record<Format, string> = { json: 'application/json', html: 'text/html', markdown: 'text/markdown', prometheus: 'text/plain', junit: 'application/xml' }
const text = { schema: Type.String() }
const Drawn = {
  description: 'The result',
  content: Object.fromEntries(Object.values(types).map(type => [type, text])),
} as unknown as ReturnType<typeof Type.Unsafe<string>>

/** The whole results of load and suite steps: what a drill's report holds the figures of. */
export function resultRoutes (app: App, deps: Pick<AppDeps, 'store' | 'temporal' | 'drawings'>): void {
  app.get('/v1/drills/:id/result', {
    config: { right: 'read' },
    schema: {
      operationId: 'stepResult', tags: ['drills'], summary: 'The whole result of a load or suite step',
      description: 'As `muster load` and `muster smoke` give it. `step` may be left out where only one has a result. 404 `result.unavailable` while it runs.',
      params: DrillParams, querystring: Strict({ step: Type.Optional(Name), format: oneOf(resultFormats) }),
      response: answers({ 200: Drawn }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const { step, format } = request.query
    await assertKnown(deps, id)
    const found = await resultsOf(deps.store.pool, id, step)
    if (found.length > 1) throw new DrillError('input.invalid', `drill ${id} has several results: name the step, one of ${found.map(one => one.step).join(', ')}`)
    const [stored] = found
    if (!stored) throw new DrillError('result.unavailable', step === undefined ? `no step of drill ${id} has a result yet` : `step "${step}" of drill ${id} has no result yet`)
    const drawn = draw(deps.drawings, stored, format)
    if (drawn === undefined) throw new DrillError('input.invalid', `a ${stored.kind} is not drawn as ${format}: ask for ${Object.keys(deps.drawings[stored.kind]).join(', ')}`)
    return await reply.header('content-security-policy', filePolicy).type(`${types[format]}; charset=utf-8`).send(drawn)
  })
}

function draw (drawings: Drawings, stored: WholeResult, format: Format): string | undefined {
  return stored.kind === 'load' ? drawings.load[format]?.(stored.result) : drawings.suite[format]?.(stored.result)
}
