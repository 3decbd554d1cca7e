import { executeChild, isCancellation, ParentClosePolicy } from '@temporalio/workflow'
import { actionCatalog, type ActionInputs, type ActionName } from '../src/drill/actions.js'
import type { CheckInputs, CheckName, CheckResult } from '../src/drill/checks.js'
import { durationMs } from '../src/drill/duration.js'
import { objectivesFor } from '../src/drill/input.js'
import { instantiate } from '../src/drill/instantiate.js'
import { defaultLease, defaultMaxLease } from '../src/drill/lease.js'
import { mostMs } from '../src/drill/limits.js'
import { owe, owedEvent } from '../src/drill/ledger.js'
import { resolve } from '../src/drill/lookup.js'
import { isTrue, type ActionStep, type CheckStep, type NotifyStep, type ParallelStep, type RunbookStep, type Step, type StepKind, type UndoStep } from '../src/drill/runbook.js'
import { causeOf, failed, unmet } from './answered.js'
import type { DrillResult } from './drill.js'
import { load } from './load.js'
import { gate, task } from './people.js'
import type { Run, StepResult } from './run.js'
import { suite } from './suite.js'
import { undoEntry } from './unwind.js'
import { wait } from './wait.js'

type Handlers = { [K in StepKind]: (run: Run, step: Extract<Step, { kind: K }>) => Promise<StepResult> }

/** One handler a kind; the compiler asks for a new one. */
const handlers: Handlers = { action, undo, check, load, suite, gate, task, wait, notify, parallel, runbook }

/** Runs steps in order. False: one of them stopped the drill. */
export async function runSteps (run: Run, steps: Step[]): Promise<boolean> {
  for (const step of steps) {
    if (run.isStopped || !await runStep(run, step)) return false
  }
  return true
}

async function runStep (run: Run, raw: Step): Promise<boolean> {
  const { journal } = run
  // What still holds a lookup are outputs of earlier steps.
  const { value: step, unresolved } = resolve(raw.kind === 'parallel' ? { ...raw, branches: [] } : raw, { steps: run.outputs })
  if (raw.kind === 'parallel') (step as ParallelStep).branches = raw.branches
  const skipped = skipReason(step)
  if (skipped !== undefined) {
    journal.emit({ type: 'step.skipped', step: step.id, reason: skipped })
    return true
  }
  journal.emit({ type: 'step.started', step: step.id })
  run.drawSoon()
  const result = unresolved.length > 0
    ? failed('lookup.unresolved', unresolved.map(problem => problem.message).join('; '))
    : await handle(run, step)
  if (result.isHeld !== true) run.finish(step.id, result)
  return result.stop !== true
}

async function handle (run: Run, step: Step): Promise<StepResult> {
  const handler = handlers[step.kind] as (run: Run, step: Step) => Promise<StepResult>
  try {
    return await handler(run, step)
  } catch (error) {
    if (isCancellation(error)) {
      run.journal.emit({ type: 'step.finished', step: step.id, outcome: 'aborted', summary: 'cancelled while it ran' })
      throw error
    }
    const cause = causeOf(error)
    if (cause === undefined) throw error
    return failed(cause.code, cause.message)
  }
}

function skipReason (step: Step): string | undefined {
  if (step.when !== undefined && !isTrue(step.when)) return 'its condition does not hold'
  if (step.unless !== undefined && isTrue(step.unless)) return 'its exception holds'
  return undefined
}

async function action (run: Run, step: ActionStep): Promise<StepResult> {
  const input = (step.with ?? {}) as unknown as ActionInputs[ActionName]
  const entry = owe(step.id, step.action, input)
  run.ledger.push(entry)
  run.journal.emit(owedEvent(entry))
  const leaseMs = actionCatalog[step.action].isLeased ? leaseOf(run, step) : undefined
  if (leaseMs !== undefined) run.keeper.start()
  const held = leaseMs === undefined ? {} : { leaseMs, mostMs: mostMs(step, run.input.environment) }
  const result = await run.activities.act(step.action, { drillId: run.input.drillId, stepId: step.id, with: input, ...held }, step.timeout)
  if (actionCatalog[step.action].isFault && result.faultAtMs !== undefined) {
    run.journal.emit({ type: 'fault.struck', step: step.id, faultAtMs: result.faultAtMs })
  }
  return { outcome: 'passed', summary: result.summary, output: result.output }
}

function leaseOf ({ input }: Run, step: ActionStep): number {
  return step.lease === undefined
    ? Math.min(durationMs(defaultLease), durationMs(input.runbook.maxLease ?? defaultMaxLease))
    : durationMs(step.lease)
}

/** Heals an earlier action now, or ends a load that is held. A step that was skipped owes nothing. */
async function undo (run: Run, step: UndoStep): Promise<StepResult> {
  const load = await run.loads.end(step.of)
  if (load) return { outcome: 'passed', summary: load.summary, stop: load.stop }
  const entry = run.ledger.find(entry => entry.id === step.of)
  if (!entry) return { outcome: 'passed', summary: `nothing to undo: "${step.of}" did not run` }
  const problem = await undoEntry(run, entry)
  return problem === undefined
    ? { outcome: 'passed', summary: entry.title }
    : { outcome: 'failed', summary: problem, error: { code: 'undo.failed', message: problem }, stop: true }
}

async function check (run: Run, step: CheckStep): Promise<StepResult> {
  const result = await run.activities.ask(step.check, {
    drillId: run.input.drillId,
    stepId: step.id,
    with: { ...step.with, ...knownByDrill(run, step.check) } as unknown as CheckInputs[CheckName],
    everyMs: step.every === undefined ? undefined : durationMs(step.every),
    withinMs: step.within === undefined ? undefined : durationMs(step.within),
  })
  answered(run, step, result)
  if (result.outcome === 'pass') return { outcome: 'passed', summary: result.observed, output: result.output }
  const summary = result.outcome === 'blind' ? `could not be asked: ${result.observed}` : `${result.observed}; expected: ${result.expected}`
  return unmet(run, step, { code: `check.${result.outcome}`, summary, output: result.output }, { severity: 'minor', text: summary })
}

/** What the drill knows and a runbook cannot say: when the fault struck, and how much loss is acceptable. */
function knownByDrill ({ journal, input }: Run, check: CheckName): Record<string, unknown> {
  if (check === 'backup.promise' || check === 'rebuild.loss') return { rpo: objectivesFor(input).rpo }
  if (check === 'rebuild.timely') return { rto: objectivesFor(input).rto }
  if (check !== 'canaries.compare') return {}
  const struck = journal.events.findLast(event => event.type === 'fault.struck')
  return {
    faultAtMs: struck?.type === 'fault.struck' ? struck.faultAtMs : undefined,
    rpo: objectivesFor(input).rpo,
  }
}

function answered (run: Run, step: CheckStep, result: CheckResult): void {
  run.journal.emit({
    type: 'check.answered', step: step.id, check: step.check, outcome: result.outcome, observed: result.observed, expected: result.expected, signOff: step.signOff, provesEffect: step.provesEffect, loss: result.loss,
  })
  // Within the objective or not: a write that was acknowledged and is gone is never silent.
  if (result.outcome === 'pass' && result.loss && result.loss.lost > 0) {
    run.journal.emit({ type: 'finding.raised', severity: 'major', text: `${result.loss.lost} acknowledged writes were lost, within the objective`, step: step.id })
  }
  if (result.loss?.witness.outcome === 'blind') {
    run.journal.emit({ type: 'finding.raised', severity: 'major', text: `the second witness of the loss could not be asked: ${result.loss.witness.detail}`, step: step.id })
  }
}

async function notify (run: Run, step: NotifyStep): Promise<StepResult> {
  const { environment, drillId } = run.input
  const names = step.channels ?? Object.keys(environment.channels ?? {})
  const channels = Object.fromEntries(names.map(name => [name, environment.channels?.[name]?.webhook]))
  const { failed } = await run.activities.notify({ drillId, channels, message: step.message })
  run.journal.emit({ type: 'notice.sent', step: step.id, channels: names, message: step.message, failed })
  if (failed.length > 0) run.journal.emit({ type: 'finding.raised', severity: 'minor', text: `not told: ${failed.join(', ')}`, step: step.id })
  return { outcome: failed.length > 0 ? 'finding' : 'passed', summary: names.length === 0 ? 'on the timeline only: the environment has no channels' : `told ${names.filter(name => !failed.includes(name)).join(', ') || 'nobody'}` }
}

/**
 * Branches side by side. One that stops lets the others end their steps: what they began must be in the ledger. So does a cancel: a
 * branch that waits gives up at once, another one's action is still at it, and nothing may be undone beside it.
 */
async function parallel (run: Run, step: ParallelStep): Promise<StepResult> {
  const settled = await Promise.allSettled(step.branches.map(branch => runSteps(run, branch)))
  const thrown = settled.find(branch => branch.status === 'rejected')
  if (thrown) throw thrown.reason
  const stopped = settled.filter(branch => branch.status === 'fulfilled' && !branch.value).length
  return stopped === 0
    ? { outcome: 'passed', summary: `${settled.length} branches` }
    : { outcome: 'failed', summary: `${stopped} of ${settled.length} branches stopped`, stop: true }
}

/** Another runbook as a child drill: its own timeline and ledger, its parent's lock and commander. */
async function runbook (run: Run, step: RunbookStep): Promise<StepResult> {
  const { input } = run
  const nested = instantiate(input.runbooks[step.runbook]!, { params: step.params ?? {}, environment: input.environment })
  if (nested.problems.length > 0) return failed(nested.problems[0]!.code, nested.problems.map(problem => problem.message).join('; '))
  const drillId = `${input.drillId}.${step.id}`
  // The parent's canaries are the account of writes: a second set would mix with it.
  if (input.runbook.observe?.canaries && nested.runbook.observe) delete nested.runbook.observe.canaries
  run.nested.add(drillId)
  try {
    const result: DrillResult = await executeChild('drill', {
      workflowId: drillId,
      args: [{ ...input, drillId, runbook: nested.runbook, params: nested.params, parent: input.drillId }],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${nested.runbook.title} (in ${input.drillId})`,
    })
    const good = result.verdict === 'passed' || result.verdict === 'passed-with-findings'
    return { outcome: good ? 'passed' : 'failed', summary: `${result.verdict}: ${result.why}`, output: { drillId, verdict: result.verdict }, stop: !good }
  } finally {
    run.nested.delete(drillId)
  }
}
