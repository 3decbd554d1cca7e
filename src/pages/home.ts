import { tryDurationMs } from '../drill/duration.js'
import { haltText, type Halt, type LiftAsked } from '../drill/halt.js'
import type { OwedEntry } from '../drill/owed.js'
import type { Waiting } from '../drill/status.js'
import { render } from './render.js'
import { drawTrend, type TrendPoint } from './trend.js'

/** A drill as a list shows it. */
export interface ListedDrill {
  drillId: string
  runbookTitle: string
  environment: string
  tier: string
  commander: { name: string }
  phase: string
  verdict?: string
  why?: string
  createdAtMs: number
  endedAtMs?: number
  rtaTechnicalMs?: number
  leftBehind: number
  findings: number
  waitingFor: Waiting[]
}

/** A runbook in one environment. */
export interface StandingLine {
  runbook: string
  title: string
  environment: string
  /** As the environment or the runbook has it, e.g. `60s`. */
  rto?: string
  verified: 'verified' | 'changed' | 'never'
  last: TrendPoint[]
}

export interface Home {
  /** In force; absent where Temporal could not be asked. */
  halts?: Array<Halt & { liftAsked?: LiftAsked }>
  running: ListedDrill[]
  /** What drills owe now, as `muster owed` has it … */
  owed: Array<{ drillId: string, environment: string, isOver: boolean, titles: string[] }>
  /** … and what they left behind, until `muster undo` has undone it. */
  left: OwedEntry[]
  standings: StandingLine[]
  /** Runbooks with errors: they are in no list, and say so here. */
  broken: Array<{ name: string, problem: string }>
  last: ListedDrill[]
  filters: { runbook?: string, environment?: string }
  runbooks: string[]
  environments: string[]
  /** Cursor of the page of older drills. */
  next?: string
}

const regions = ['halts', 'running', 'owed', 'standings', 'last'] as const

/** Drills running and last, runbooks by environment with their trend, what is owed. */
export function drawHome (home: Home): string {
  const data = { halts: undefined, ...home, haltText, verifiedText, trend: ({ last, rto }: StandingLine) => drawTrend(last, tryDurationMs(rto)), query: queryOf(home) }
  return render('home', { regions: regions.map(name => [name, render(`home/${name}`, data)]) })
}

export const verifiedText = {
  verified: 'verified: this content passed its last drill',
  changed: 'changed since its last passing drill',
  never: 'not verified: no drill has passed',
}

/** The filters as a query, for the link to older drills. */
function queryOf ({ filters, next }: Home): string {
  return new URLSearchParams(Object.entries({ ...filters, cursor: next }).filter((pair): pair is [string, string] => pair[1] !== undefined)).toString()
}
