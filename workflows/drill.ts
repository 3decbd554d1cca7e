import { allHandlersFinished, CancellationScope, condition, isCancellation, upsertSearchAttributes } from '@temporalio/workflow'
import type { ActionInputs } from '../src/drill/actions.js'
import { durationMs, tryDurationMs } from '../src/drill/duration.js'
import { objectivesFor, type DrillInput } from '../src/drill/input.js'
import { owe, owedEvent, type LedgerEntry } from '../src/drill/ledger.js'
import { allSteps, defaultUndoDeadline, stepTitle } from '../src/drill/runbook.js'
import type { PlannedStep, Refusal } from '../src/drill/timeline.js'
import { judge, type Verdict } from '../src/drill/verdict.js'
import { causeOf } from './answered.js'
import { openDoors } from './doors.js'
import { takeLock } from './hold.js'
import { Run } from './run.js'
import { searchAttributes } from './search-attributes.js'
import { runSteps } from './steps.js'
import { unwind } from './unwind.js'

export interface DrillResult { verdict: Verdict, why: string }

/** The ledger entry of the table that canaries are written to: undone last, after the probe has ended. */
const canaries = 'canaries'

/** One drill, from its admission to its verdict. Whatever happens in between, it undoes what it owes and has a complete record. */
export async function drill (input: DrillInput): Promise<DrillResult> {
  const run = new Run(input)
  const { journal } = run
  journal.emit(started(input))
  openDoors(run)
  const recording = CancellationScope.nonCancellable(() => journal.run())

  // The lock lives in a scope of its own: it is held until everything is undone, whoever cancels.
  const lock = await CancellationScope.nonCancellable(() => takeLock(input))
  const reasons = lock.refused ?? await CancellationScope.nonCancellable(() => preflight(run))
  run.admission = { admitted: reasons.length === 0, reasons }
  if (run.admission.admitted) {
    journal.emit({ type: 'drill.admitted' })
    run.enter('running')
    await work(run)
    await CancellationScope.nonCancellable(() => undoEverything(run))
  } else {
    journal.emit({ type: 'drill.refused', reasons })
  }
  lock.release?.()

  return await CancellationScope.nonCancellable(async () => {
    const { verdict, why } = judge(journal.events)
    journal.emit({ type: 'drill.ended', verdict, why })
    run.phase = 'ended'
    upsertSearchAttributes([{ key: searchAttributes.phase, value: 'ended' }, { key: searchAttributes.verdict, value: verdict }])
    run.draw()
    journal.close()
    await recording
    await condition(allHandlersFinished)
    return { verdict, why }
  })
}

/** The probe, then the steps, until the last one, the first that stops the drill, an abort, or Temporal's own cancel. */
async function work (run: Run): Promise<void> {
  try {
    await run.work.run(async () => {
      if (await observe(run)) await runSteps(run, run.input.runbook.steps)
    })
  } catch (error) {
    if (!isCancellation(error)) throw error
  }
  await CancellationScope.nonCancellable(async () => { await run.loads.endAll() })
  // Not by what was thrown: a step that a cancel interrupts may answer with an error of its own.
  if (run.work.consideredCancelled && !run.aborted && !run.keeper.hasLost) {
    run.aborted = true
    run.journal.emit({ type: 'abort.requested', person: { id: 'temporal', name: 'Temporal' }, reason: 'the workflow was cancelled', door: 'signal' })
  }
}

async function observe (run: Run): Promise<boolean> {
  const { runbook, drillId } = run.input
  if (!runbook.observe) return true
  try {
    if (runbook.observe.canaries) {
      const input = { database: runbook.observe.database } as ActionInputs['canaries.prepare']
      const entry = owe(canaries, 'canaries.prepare', input)
      run.ledger.push(entry)
      run.journal.emit(owedEvent(entry))
      await run.activities.act('canaries.prepare', { drillId, stepId: canaries, with: input })
    }
  } catch (error) {
    const cause = causeOf(error)
    if (cause === undefined || isCancellation(error)) throw error
    run.journal.emit({ type: 'probe.lost', message: `canaries could not be prepared: ${cause.message}` })
    return false
  }
  const problem = await run.observer.start()
  if (problem !== undefined && !run.observer.isLost) run.journal.emit({ type: 'probe.lost', message: problem })
  return problem === undefined
}

async function undoEverything (run: Run): Promise<void> {
  run.gates.closeAll('the drill is undoing what it did')
  run.enter('unwinding')
  const last = (entry: LedgerEntry): boolean => entry.id === canaries
  await unwind(run, last)
  await run.observer.stop()
  await unwind(run)
  await run.keeper.stop()
}

async function preflight ({ input, activities }: Run): Promise<Refusal[]> {
  if (input.parent !== undefined) return []
  try {
    return await activities.preflight(input)
  } catch (error) {
    const cause = causeOf(error)
    if (cause === undefined) throw error
    // What could not be asked is no pass.
    return [{ code: 'preflight.refused', message: `preflight could not be carried out: ${cause.message}` }]
  }
}

function started (input: DrillInput): Parameters<Run['journal']['emit']>[0] {
  const { runbook, environment, commander } = input
  return {
    type: 'drill.started',
    drillId: input.drillId,
    parent: input.parent,
    runbook: runbook.name,
    runbookTitle: runbook.title,
    runbookType: runbook.type,
    runbookHash: input.runbookHash,
    environment: environment.name,
    tier: environment.tier,
    commander: { id: commander.id, name: commander.name },
    taskQueue: environment.taskQueue,
    undoDeadlineMs: durationMs(runbook.undoDeadline ?? defaultUndoDeadline),
    params: input.params,
    objectives: objectivesFor(input),
    synchronous: environment.database?.synchronous,
    steps: allSteps(runbook.steps).map((step): PlannedStep => ({
      id: step.id,
      kind: step.kind,
      title: stepTitle(step),
      // One that is skipped keeps its lookups.
      expectedMs: input.expectedMs?.[step.id] ?? tryDurationMs(step.expected),
    })),
  }
}
