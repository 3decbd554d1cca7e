import { condition, sleep } from '@temporalio/workflow'
import { detectionOf } from '../src/drill/detection.js'
import { durationMs, durationText } from '../src/drill/duration.js'
import { stepTitle, type WaitStep } from '../src/drill/runbook.js'
import type { CheckInputs, CheckName } from '../src/drill/checks.js'
import { missed } from './people.js'
import type { Run, StepResult } from './run.js'

/** A length of time, or a condition with a deadline. */
export async function wait (run: Run, step: WaitStep): Promise<StepResult> {
  if (step.for !== undefined) {
    await sleep(durationMs(step.for), { summary: stepTitle(step) })
    return { outcome: 'passed', summary: step.for }
  }
  const until = step.until!
  const deadlineMs = durationMs(step.deadline!)
  const startedAtMs = Date.now()
  if ('check' in until) {
    const result = await run.activities.ask(until.check, {
      drillId: run.input.drillId, stepId: step.id, with: (until.with ?? {}) as unknown as CheckInputs[CheckName], everyMs: durationMs(until.every), withinMs: deadlineMs,
    })
    return result.outcome === 'pass'
      ? { outcome: 'passed', summary: result.observed, output: result.output }
      : missed(run, step, `not within ${step.deadline}: ${result.observed}`)
  }
  if ('recovered' in until) {
    const good = await condition(() => run.observer.allGood || run.observer.isLost, deadlineMs, { summary: stepTitle(step) })
    if (run.observer.isLost) return missed(run, step, 'the probe was lost, so nobody saw whether it recovered')
    return good
      ? { outcome: 'passed', summary: `every target is good again, after ${durationText(Date.now() - startedAtMs)} of waiting` }
      : missed(run, step, `not recovered within ${step.deadline}`)
  }
  const found = (): ReturnType<typeof detectionOf> => detectionOf(run.journal.events, until.detected, until.alerts)
  for (;;) {
    const leftMs = startedAtMs + deadlineMs - Date.now()
    if (!await condition(() => found() !== undefined, leftMs, { summary: stepTitle(step) })) return missed(run, step, `nobody noticed within ${step.deadline} (${until.detected.join(', ')})`)
    const detection = found()
    // What was found is nothing any more where a younger fault has come in the same moment.
    if (detection === undefined) continue
    run.journal.emit({ type: 'outage.detected', ...detection })
    return { outcome: 'passed', summary: `noticed by ${detection.by}`, output: { ...detection } }
  }
}
