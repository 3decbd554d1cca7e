import { ActivityFailure, CancellationScope, condition, isCancellation, TimeoutFailure } from '@temporalio/workflow'
import { outageOf } from '../src/drill/clock.js'
import { durationMs } from '../src/drill/duration.js'
import { unseen } from '../src/drill/felt.js'
import { loadText, type LoadSummary } from '../src/drill/load.js'
import type { LoadStep } from '../src/drill/runbook.js'
import type { LoadCall } from '../activities/index.js'
import { answered, causeOf, failed, raise } from './answered.js'
import type { Run, StepResult } from './run.js'

/** A load, to its end, or held while the next steps run. What an abort leaves of it is kept. */
export async function load (run: Run, step: LoadStep): Promise<StepResult> {
  const { input } = run
  const scenario = input.scenarios?.[step.scenario]
  const behaviour = scenario && input.behaviours?.[scenario.behaviour]
  if (!scenario || !behaviour) return failed('scenario.unknown', `there is no scenario "${step.scenario}"`)
  const own = <T>(value: T | undefined): T | undefined => value === 0 || value === '0s' ? undefined : value
  const percent = Number(step.percent ?? 100)
  const call: LoadCall = {
    drillId: input.drillId, stepId: step.id, environment: input.environment, scenario, behaviour, allowProduction: input.production === true,
    overrides: {
      users: own(step.users as number | undefined), spawnRate: own(step.spawnRate as number | undefined), runTime: own(step.runTime),
      ...percent < 100 ? { scale: percent / 100 } : {},
    },
  }
  return step.background === true ? await run.loads.hold(step, call) : await measured(run, step, call)
}

/** Loads that go on while later steps run. */
export class Loads {
  private readonly held = new Map<string, Held>()

  constructor (private readonly run: Run) {}

  /** Begins it, and waits until all its users are there. One that ends before that was never held. */
  async hold (step: LoadStep, call: LoadCall): Promise<StepResult> {
    const { run } = this
    const held: Held = { up: new Set(), shards: shardsOf(step), isOver: false, end: () => {} }
    this.held.set(step.id, held)
    // Outside of the scope of the steps: its end is waited for, and what it measured is kept. An abort ends it at once all the same.
    const ended = CancellationScope.nonCancellable(async () => {
      const scope = new CancellationScope()
      held.end = () => { scope.cancel() }
      run.work.cancelRequested.catch(held.end)
      const result = await scope.run(async () => await measured(run, step, { ...call, isHeld: true }))
      held.isOver = true
      return result
    })
    try {
      await condition(() => held.up.size >= held.shards || held.isOver)
    } catch (error) {
      this.held.delete(step.id)
      await CancellationScope.nonCancellable(async () => await ended)
      throw error
    }
    if (held.isOver) {
      this.held.delete(step.id)
      return await ended
    }
    held.finished = ended.then(result => {
      run.finish(step.id, run.work.consideredCancelled ? { ...result, outcome: 'aborted' } : result)
      if (result.stop === true) run.isStopped = true
      return result
    })
    return { outcome: 'passed', summary: 'all users are there', isHeld: true }
  }

  /** A signal of the activity: all users of a shard are there. */
  up (step: string, shard: number): void {
    this.held.get(step)?.up.add(shard)
  }

  /** Ends it; what it came to, or undefined where none is held. */
  async end (step: string): Promise<StepResult | undefined> {
    const held = this.held.get(step)
    held?.end()
    return await held?.finished
  }

  async endAll (): Promise<void> {
    await Promise.all([...this.held.keys()].map(async step => await this.end(step)))
  }
}

interface Held { up: Set<number>, shards: number, isOver: boolean, end: () => void, finished?: Promise<StepResult> }

/** Never throws for what became of the load: a generator that is lost is a result too, and proves nothing. */
async function measured (run: Run, step: LoadStep, call: LoadCall): Promise<StepResult> {
  try {
    const shards = shardsOf(step)
    const summary = shards === 1 ? await run.activities.load(call) : await sharded(run, call, shards)
    run.journal.emit({ type: 'load.measured', step: step.id, load: summary })
    const apart = call.isHeld === true ? unseen(summary, outageOf(run.journal.events), durationMs(call.scenario.timeout)) : undefined
    if (apart !== undefined) raise(run, step, 'major', apart)
    return answered(run, step, 'load', summary, loadText(summary))
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error
    if (isCancellation(error)) return { outcome: 'aborted', summary: 'ended before it began', stop: true }
    const { code, message } = lostBecause(error)
    return failed(code === 'load.refused' || code === 'secret.missing' ? code : 'load.blind', message)
  }
}

/** Time for every shard to reach its worker and start its generators, ms: all begin then, by the clocks of their machines. */
const shardLeadMs = 5000

/** As many activities as shards, and one that adds up what they measured. A shard that ends early, or is lost, ends the others. */
async function sharded ({ activities }: Run, call: LoadCall, shards: number): Promise<LoadSummary> {
  const scope = new CancellationScope()
  const beginAtMs = Date.now() + shardLeadMs
  const parts = await scope.run(async () => await Promise.allSettled(Array.from({ length: shards }, async (_, index) => {
    try {
      const { ended } = await activities.shard({ ...call, shard: { index, of: shards }, beginAtMs })
      if (ended) scope.cancel()
    } catch (error) {
      scope.cancel()
      throw error
    }
  })))
  const lost = parts.filter(part => part.status === 'rejected').map(part => part.reason as unknown)
  // What was lost first ended the others: that is the reason to tell.
  if (lost.length > 0) throw lost.find(reason => !isCancellation(reason)) ?? lost[0]
  return await CancellationScope.nonCancellable(async () => await activities.merge({ ...call, shards }))
}

function shardsOf (step: LoadStep): number {
  return Math.max(1, Number(step.shards ?? 1))
}

/** Why a load came to no result, with the last figures that it had told. */
function lostBecause (error: ActivityFailure): { code: string, message: string } {
  if (error.cause instanceof TimeoutFailure) {
    const { text } = (error.cause.lastHeartbeatDetails ?? {}) as { text?: string }
    return { code: 'load.blind', message: `the worker that made the load was lost${text === undefined ? '' : `; its last word: ${text}`}` }
  }
  return causeOf(error)!
}
