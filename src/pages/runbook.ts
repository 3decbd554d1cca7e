import { tryDurationMs } from '../drill/duration.js'
import { depthOf } from '../drill/nesting.js'
import type { PlanLine } from '../drill/plan.js'
import { verifiedText, type ListedDrill, type StandingLine } from './home.js'
import { render } from './render.js'
import { drawTrend } from './trend.js'

export interface RunbookPage {
  name: string
  title: string
  description?: string
  type: string
  hash: string
  /** Errors and warnings of the file, with file:line:col. */
  problems: string[]
  /** How it stands wherever it may run. */
  standings: StandingLine[]
  /** The environment that the plan is for; absent where it may run nowhere that is known. */
  environment?: string
  steps: PlanLine[]
  /** Why there is no plan, e.g. a parameter without a default. */
  trouble?: string
  last: ListedDrill[]
}

/** The plan of a runbook, its last drills, and whether it is verified. */
export function drawRunbook (runbook: RunbookPage): string {
  const standing = runbook.standings.find(one => one.environment === runbook.environment)
  const expectedMs = runbook.steps.filter(step => step.parent === undefined && step.skipped === undefined).reduce((sum, step) => sum + (step.expectedMs ?? 0), 0)
  return render('runbook', {
    ...runbook, standing, expectedMs, verifiedText,
    trend: standing && drawTrend(standing.last, tryDurationMs(standing.rto)),
    steps: runbook.steps.map(step => ({ ...step, depth: depthOf(runbook.steps, step) })),
  })
}
