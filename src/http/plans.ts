import { Type } from 'typebox'
import { planLines, type DrillPlan } from '../drill/plan.js'
import type { Refusal } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { expectations } from '../store/expectations.js'
import { verifiedState } from '../store/standings.js'
import { personOf } from './auth.js'
import type { App, AppDeps } from './deps.js'
import { WantedBody } from './drills.js'
import { newDrillId, prepare } from './preparing.js'
import { answers, Strict } from './schemas/answers.js'
import { oneOf, Role, StepKind, type Matches } from './schemas/status.js'

const text = Type.Optional(Type.String())
const Line = Type.Object({
  id: Type.String(), kind: StepKind, parent: text, title: Type.String(), undo: text, people: text, roles: Type.Optional(Type.Array(Role)),
  expectedMs: Type.Optional(Type.Number()), expectedFrom: Type.Optional(oneOf(['runbook', 'earlier drills'])), skipped: text,
})
const Plan = Type.Object({
  runbook: Type.String(), title: Type.String(), runbookHash: Type.String(), environment: Type.String(), verified: oneOf(['verified', 'changed', 'never']),
  steps: Type.Array(Line), problems: Type.Array(Type.Object({ code: Type.String(), message: Type.String() }), { description: 'Why a start would be refused now; empty = ready' }),
})
const _planIsWhole: Matches<typeof Plan, DrillPlan> = true

/** What a drill would do, and whether it could start now. Touches nothing. */
export function planRoutes (app: App, { store, temporal, catalog }: AppDeps): void {
  app.post('/v1/plans', {
    config: { right: 'plan' },
    schema: {
      operationId: 'planDrill', tags: ['catalog'], summary: 'What a drill would do, and what would refuse it now; touches nothing',
      querystring: Strict({}), body: WantedBody, response: answers({ 200: Plan }),
    },
  }, async request => {
    const wanted = request.body
    const input = prepare(await catalog(), wanted, personOf(request), newDrillId(wanted.runbook, new Date()))
    const { runbook, runbookHash, environment } = input
    const [expectedMs, verified, problems] = await Promise.all([
      expectations(store.pool, runbook.name, environment.name),
      verifiedState(store.pool, runbook.name, environment.name, runbookHash),
      preflight(input),
    ])
    return { runbook: runbook.name, title: runbook.title, runbookHash, environment: environment.name, verified, steps: planLines({ ...input, expectedMs }), problems }
  })

  /** A preflight that nobody could carry out would refuse a start too: that is a problem of the plan, not of the request. */
  async function preflight (input: Parameters<typeof temporal.preflight>[0]): Promise<Refusal[]> {
    try {
      return await temporal.preflight(input)
    } catch (error) {
      if (!(error instanceof DrillError) || (error.code !== 'temporal.timeout' && error.code !== 'temporal.down')) throw error
      return [{ code: error.code, message: `preflight could not be carried out: ${error.message}` }]
    }
  }
}
