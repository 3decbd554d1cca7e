import type { ActionName } from './actions.js'
import type { CheckName } from './checks.js'
import type { Duration } from './duration.js'
import type { Objectives, Tier } from './environment.js'
import type { Lookup } from './lookup.js'
import type { Role } from './people.js'

/**
 * A runbook as data, as its YAML file holds it. `instantiate()` fills in parameters and environment; what still holds a lookup
 * after that are values of earlier steps, resolved when the step runs.
 */
export interface Runbook {
  /** File name without `.yaml`. */
  name: string
  title: string
  description?: string
  type: 'tabletop' | 'simulated-failure' | 'full-test' | 'regional-failover' | 'verification'
  /** Where it may run: names, or tiers as `tier:lab`. */
  environments: string[]
  /** Touches nothing: needs no environment lock. */
  readOnly?: boolean
  objectives?: Partial<Objectives>
  params?: Record<string, Param>
  observe?: Observe
  /** How long one undo is retried before it is a finding "left behind". Default 2m. */
  undoDeadline?: Duration
  /** The longest lease that one of its faults may have. Default 5m. */
  maxLease?: Duration
  steps: Step[]
}

export interface Param {
  type: 'string' | 'integer' | 'boolean' | 'duration'
  description?: string
  default?: string | number | boolean
  enum?: string[]
  minimum?: number
  maximum?: number
}

/** Continuous measurement from before the first step to after the last. */
export interface Observe {
  /** The cluster whose door canaries and the database probe go through: a lookup, then a DatabaseCluster. */
  database?: Lookup | object
  canaries?: { writers: number, perSecond: number }
  /** The cache whose door is asked too: a lookup, then a CacheCluster. */
  cache?: Lookup | object
  /** Customers who order all the time, each with a session of its own, until the drill has ended. */
  orders?: {
    /** A lookup, then an ApiService with a customer. */
    api: Lookup | object
    customers: number
    perSecond: number
    /** Whether each order has an idempotency key, which is the same when it is sent again. Default true. */
    keys?: boolean | Lookup
  }
  probe: {
    interval: Duration
    timeout: Duration
    /** Failures in a row that make "down". */
    failures: number
    /** Good ones in a row that make "up". */
    successes: number
    /** Pages asked at every tick beside the database; any status below 400 is good. */
    http?: Array<{ name: string, url: string, caFile?: string }>
  }
}

/** Of a runbook that names none. */
export const defaultUndoDeadline: Duration = '2m'

interface StepBase {
  id: string
  title?: string
  /** The step runs only if this lookup is true (not false, 0, empty or absent). */
  when?: Lookup | boolean
  /** The step is skipped if this lookup is true. */
  unless?: Lookup | boolean
  /** How long it should take, for planned against actual. */
  expected?: Duration
}

export interface ActionStep extends StepBase {
  kind: 'action'
  action: ActionName
  with?: Record<string, unknown>
  /** Longest single try. */
  timeout?: Duration
  /** Of a fault: how long it stays when the drill is not there to renew it. Default 30s. */
  lease?: Duration
  /** Of a fault: how long it may stay at most, however often it is renewed. Default: what the environment allows. */
  atMost?: Duration
}

/** Heals an earlier action now, instead of at the end. */
export interface UndoStep extends StepBase {
  kind: 'undo'
  of: string
}

/** What an answer that is not good does: it ends the drill, fails it but lets it go on, or is a finding alone. */
export type OnFail = 'stop' | 'fail' | 'finding'

export interface CheckStep extends StepBase {
  kind: 'check'
  check: CheckName
  with?: Record<string, unknown>
  /** Tried again this often until it passes … */
  every?: Duration
  /** … or this is over. Without it one answer counts. */
  within?: Duration
  /** What a failed check does: end the drill (`stop`, default), fail it but go on (`fail`), or only be a finding (`finding`). */
  onFail?: OnFail
  /** Its pass is the business's sign-off: it ends RTA business. */
  signOff?: boolean
  /** Its pass proves that the fault had its effect, where the probe need not see one; without a pass the drill is `invalid`. */
  provesEffect?: boolean
}

export interface GateStep extends StepBase {
  kind: 'gate'
  /** One sentence: what happens on approve. */
  effect: string
  /** One sentence: what it can break. */
  risk?: string
  role: Role
  /** How many different people must approve. Default 1. */
  approvals?: number | Lookup
  deadline: Duration
  /** Reminders, each this long before the deadline. */
  reminders?: Duration[]
  onTimeout?: 'abort' | 'hold' | 'escalate'
  /** For `escalate`: the role that may decide from then on (beside the first), for one more deadline, then abort. */
  escalateTo?: Role
}

export interface TaskStep extends StepBase {
  kind: 'task'
  instructions: string
  role: Role
  deadline: Duration
  onTimeout?: 'abort' | 'fail' | 'finding'
}

export interface WaitStep extends StepBase {
  kind: 'wait'
  /** A plain length of time … */
  for?: Duration
  /** … or a condition, always with a deadline. */
  until?: WaitUntil
  deadline?: Duration
  onTimeout?: 'fail' | 'abort' | 'finding'
}

export type WaitUntil =
  | { detected: DetectionSource[], alerts?: string[] }
  | { recovered: true }
  | { check: CheckName, with?: Record<string, unknown>, every: Duration }

/** What counts as having noticed: an alert that arrived, a person who declared, or Muster's own probe. */
export const detectionSources = ['alert', 'declaration', 'probe'] as const
export type DetectionSource = typeof detectionSources[number]

export interface NotifyStep extends StepBase {
  kind: 'notify'
  message: string
  /** Names of the environment's channels. Default: all. */
  channels?: string[]
}

/** Branches run side by side, the steps of one branch in order. */
export interface ParallelStep extends StepBase {
  kind: 'parallel'
  branches: Step[][]
}

/** Another runbook, as a child drill with a ledger of its own. */
export interface RunbookStep extends StepBase {
  kind: 'runbook'
  runbook: string
  params?: Record<string, unknown>
}

/** Puts the load of a scenario on the environment's service, and judges what it stands. */
export interface LoadStep extends StepBase {
  kind: 'load'
  /** File of `runbooks/load`. */
  scenario: string
  /** Instead of the scenario's, as the next two; 0 or without it the scenario's own. */
  users?: number | Lookup
  /** New users a second. */
  spawnRate?: number | Lookup
  runTime?: Duration
  /** Of the scenario's time; below 100 it is a try that nothing is compared with. */
  percent?: number | Lookup
  /** Workers that share its users. Default 1. */
  shards?: number | Lookup
  /** The next step begins once all users are there, and the load goes on beside it: until an `undo` of this step, or the last step. */
  background?: boolean
  /** As a check's: what a load that breaks an expectation does. */
  onFail?: OnFail
}

/** Asks the checks of a smoke suite. */
export interface SuiteStep extends StepBase {
  kind: 'suite'
  /** File of `runbooks/smoke`; empty or without it the environment's, else `production`. */
  suite?: string
  /** Ids of the checks to ask. Default: all. */
  checks?: string[]
  params?: Record<string, string | number | boolean>
  /** As a check's: what a suite that fails does. */
  onFail?: OnFail
}

export type Step = ActionStep | UndoStep | CheckStep | LoadStep | SuiteStep | GateStep | TaskStep | WaitStep | NotifyStep | ParallelStep | RunbookStep
export type StepKind = Step['kind']
/** The compiler asks for a new one. */
export const stepKinds = Object.keys({
  action: 1, undo: 1, check: 1, load: 1, suite: 1, gate: 1, task: 1, wait: 1, notify: 1, parallel: 1, runbook: 1,
} satisfies Record<StepKind, 1>) as StepKind[]

export function isAllowedIn (runbook: Pick<Runbook, 'environments'>, environment: { name: string, tier: Tier }): boolean {
  return runbook.environments.includes(environment.name) || runbook.environments.includes(`tier:${environment.tier}`)
}

/** All steps, those inside `parallel` too, in the order of the file. */
export function allSteps (steps: Step[]): Step[] {
  return steps.flatMap(step => step.kind === 'parallel' ? [step, ...step.branches.flatMap(allSteps)] : [step])
}

/** Whether a `when` or `unless` holds: not false, 0, `false`, empty or absent. */
export function isTrue (value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== '' && value !== 'false'
}

/** Whether a step surely does not run, as far as is known before the drill. */
export function isSkipped (step: Step): boolean {
  const unknown = (value: unknown): boolean => typeof value === 'string' && value.includes('{{')
  return (step.when !== undefined && !unknown(step.when) && !isTrue(step.when)) || (step.unless !== undefined && !unknown(step.unless) && isTrue(step.unless))
}

/** The suite that a step asks: its own, the environment's, else `production`. */
export function suiteNameOf ({ suite }: Pick<SuiteStep, 'suite'>, { smoke }: { smoke?: { suite?: string } }): string {
  return suite === undefined || suite === '' ? smoke?.suite ?? 'production' : suite
}

/** How a step is named to people. */
export function stepTitle (step: Pick<Step, 'id' | 'title'>): string {
  return step.title ?? step.id.replaceAll('-', ' ')
}
