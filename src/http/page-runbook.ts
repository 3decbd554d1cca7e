import { Type } from 'typebox'
import { planLines, type PlanLine } from '../drill/plan.js'
import type { Person } from '../drill/people.js'
import { DrillError } from '../errors.js'
import { drawRunbook } from '../pages/index.js'
import type { Catalog } from '../runbook/catalog.js'
import { problemLine } from '../runbook/problem.js'
import { listDrills } from '../store/drills.js'
import { expectations } from '../store/expectations.js'
import { personOf } from './auth.js'
import type { App } from './deps.js'
import { standingLines } from './page-home.js'
import { pageConfig, sendPage, type PageParts } from './page-parts.js'
import { prepare } from './preparing.js'
import { Strict } from './schemas/answers.js'
import { Name, NameParams } from './schemas/ids.js'

/** `/runbooks/NAME`: the plan, the last drills, and whether it is verified. */
export function runbookPage (app: App, { catalog, store, sessions, viewerOf }: PageParts): void {
  app.get('/runbooks/:name', {
    config: pageConfig(sessions, 'read'),
    schema: { hide: true, params: NameParams, querystring: Strict({ environment: Type.Optional(Name) }) },
  }, async (request, reply) => {
    const { name } = request.params
    const files = await catalog()
    const found = files.runbooks.find(one => one.name === name) ?? files.runbook(name)
    const standings = await standingLines(store, files, name)
    const environment = standings.find(one => one.environment === request.query.environment)?.environment ?? standings[0]?.environment
    const [last, plan] = await Promise.all([
      listDrills(store.pool, { runbook: name, ...(environment === undefined ? {} : { environment }), state: 'ended' }, { limit: 10 }),
      environment === undefined ? { steps: [] } : planOf(files, name, environment, personOf(request)),
    ])
    const inside = drawRunbook({
      name, title: found.value?.title ?? name, description: found.value?.description, type: found.value?.type ?? 'unreadable', hash: found.hash,
      problems: found.problems.map(problemLine), standings, environment, ...plan, last: last.drills,
    })
    return sendPage(reply, inside, { title: found.value?.title ?? name, nowMs: Date.now(), viewer: viewerOf(request) })
  })

  /** With the parameters as they are by default; what keeps it from being planned is told. */
  async function planOf (files: Catalog, runbook: string, environment: string, person: Person): Promise<{ steps: PlanLine[], trouble?: string }> {
    try {
      const input = prepare(files, { runbook, environment }, person, 'plan')
      return { steps: planLines({ ...input, expectedMs: await expectations(store.pool, runbook, environment) }) }
    } catch (error) {
      if (!(error instanceof DrillError) || error.code === 'store.down') throw error
      return { steps: [], trouble: error.message }
    }
  }
}
