import type { Environment, Objectives } from './environment.js'
import type { Person } from './people.js'
import type { Behaviour, LoadScenario } from './load.js'
import type { Runbook } from './runbook.js'
import type { Suite } from './suite.js'
import type { Refusal } from './timeline.js'

/** What starts a drill: everything it needs, so that an edit of a file never changes a drill that runs. No secret in it. */
export interface DrillInput {
  /** `<runbook>-<yyyymmdd>-<6 chars>`; the workflow's id too. */
  drillId: string
  /** Parameters and environment filled in. */
  runbook: Runbook
  /** SHA-256 of the runbook file, hex. */
  runbookHash: string
  /** Nested runbooks by name, as they are in their files (parameters not filled in). */
  runbooks: Record<string, Runbook>
  /** What its load steps may need, by name: scenarios, and what their users do. */
  scenarios?: Record<string, LoadScenario>
  behaviours?: Record<string, Behaviour>
  /** What its suite steps may need, by name. */
  suites?: Record<string, Suite>
  environment: Environment
  params: Record<string, unknown>
  commander: Person
  /** The explicit opt-in that tier `production` asks for. */
  production?: boolean
  /** Set for a nested drill: its lock, probe and commander are its parent's. */
  parent?: string
  /** Expected milliseconds a step, from earlier drills. */
  expectedMs?: Record<string, number>
  /** How often the timeline goes to the store while nothing waits, ms. Default 500. */
  recordEveryMs?: number
}

/** What the caller of a start hears at once. */
export interface Admission {
  admitted: boolean
  reasons: Refusal[]
}

/** What the drill is measured against: the environment's objectives, where the runbook is not tighter. */
export function objectivesFor ({ runbook, environment }: Pick<DrillInput, 'runbook' | 'environment'>): Partial<Objectives> {
  return { ...environment.objectives, ...runbook.objectives }
}
