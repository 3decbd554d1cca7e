import type { Role } from './people.js'
import type { StepKind } from './runbook.js'
import type { Refusal } from './timeline.js'

/** What a drill would do, told before it starts: `muster plan`, the API's plan, the page. */
export interface DrillPlan {
  runbook: string
  title: string
  runbookHash: string
  environment: string
  /** `verified`: this very content passed its last drill here; `changed`: another content did; `never`: no drill passed yet. */
  verified: 'verified' | 'changed' | 'never'
  steps: PlanLine[]
  /** Reasons why a start would be refused now; empty = ready. */
  problems: Refusal[]
}

export interface PlanLine {
  id: string
  kind: StepKind
  parent?: string
  /** What it does, in one line, with its target. */
  title: string
  /** What its undo would do. */
  undo?: string
  /** Who must answer, e.g. `2 × approver, within 10m, else abort`. */
  people?: string
  roles?: Role[]
  expectedMs?: number
  /** Where the expectation comes from: the runbook, or the median of earlier drills. */
  expectedFrom?: 'runbook' | 'earlier drills'
  skipped?: string
}
