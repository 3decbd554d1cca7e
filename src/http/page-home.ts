import { Type } from 'typebox'
import type { OwedEntry } from '../drill/owed.js'
import { isAllowedIn } from '../drill/runbook.js'
import type { Catalog } from '../runbook/catalog.js'
import { isSound } from '../runbook/load.js'
import { errorsOf, problemLine } from '../runbook/problem.js'
import { drawHome, type Home, type StandingLine } from '../pages/index.js'
import { listDrills } from '../store/drills.js'
import { owed } from '../store/owed.js'
import { standings } from '../store/standings.js'
import type { App, AppDeps } from './deps.js'
import { pageConfig, sendPage, type PageParts } from './page-parts.js'
import { Strict } from './schemas/answers.js'

/** How many drills a trend shows. */
export const trendLength = 12
const pollMs = 10_000

const Query = Strict({
  // A form sends what was not chosen as an empty text.
  runbook: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{0,100}$' })),
  environment: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{0,100}$' })),
  cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,500}$' })),
})

/** `/`: what runs, what is owed, how each runbook stands, and the last drills. */
export function homePage (app: App, parts: PageParts): void {
  app.get('/', { config: pageConfig(parts.sessions, 'read'), schema: { hide: true, querystring: Query } }, async (request, reply) => {
    const { runbook, environment, cursor } = request.query
    const home = await homeOf(parts, { runbook: runbook || undefined, environment: environment || undefined }, cursor)
    return sendPage(reply, drawHome(home), { title: 'Drills', nowMs: Date.now(), viewer: parts.viewerOf(request), ...(cursor === undefined ? { pollMs } : {}) })
  })
}

async function homeOf ({ store, catalog, temporal }: Pick<AppDeps, 'store' | 'catalog' | 'temporal'>, filters: Home['filters'], cursor: string | undefined): Promise<Home> {
  const files = await catalog()
  const { pool } = store
  const [halts, running, entries, last, lines] = await Promise.all([
    temporal.halts().catch(() => undefined),
    listDrills(pool, { state: 'running' }, { limit: 50 }),
    owed(pool),
    listDrills(pool, { ...filters, state: 'ended' }, { limit: 20, ...(cursor === undefined ? {} : { cursor }) }),
    standingLines(store, files),
  ])
  return {
    ...(halts ? { halts } : {}),
    running: running.drills,
    owed: [...groupedBy(entries.filter(one => one.state === 'owed'))],
    left: entries.filter(one => one.state === 'left-behind'),
    standings: lines,
    broken: files.runbooks.filter(one => !isSound(one)).map(({ name, problems }) => ({ name, problem: errorsOf(problems).map(problemLine)[0] ?? 'it cannot be read' })),
    last: last.drills,
    filters,
    runbooks: files.runbooks.map(({ name }) => name),
    environments: files.environments.map(({ name }) => name),
    ...(last.next === undefined ? {} : { next: last.next }),
  }
}

/** By drill, in their order. */
function * groupedBy (entries: OwedEntry[]): Generator<Home['owed'][number]> {
  for (const drillId of new Set(entries.map(one => one.drillId))) {
    const lines = entries.filter(one => one.drillId === drillId)
    const { environment, phase } = lines[0]!
    yield { drillId, environment, isOver: phase === 'ended', titles: lines.map(line => line.title) }
  }
}

/** How runbooks stand in the environments that they may run in. @param only of this runbook */
export async function standingLines (store: AppDeps['store'], files: Catalog, only?: string): Promise<StandingLine[]> {
  const pairs = files.runbooks.filter(isSound).filter(({ name }) => only === undefined || name === only).flatMap(({ name, hash, value: runbook }) =>
    files.environments.filter(isSound).filter(({ value }) => isAllowedIn(runbook, value)).map(({ value: environment }) => ({
      runbook: name, hash, environment: environment.name, title: runbook.title, rto: runbook.objectives?.rto ?? environment.objectives?.rto,
    })))
  const found = await standings(store.pool, pairs, trendLength)
  return pairs.map(({ hash: _hash, ...pair }, index) => ({ ...pair, verified: found[index]!.verified, last: found[index]!.last }))
}
