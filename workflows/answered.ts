import { ActivityFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow'
import { stepTitle, type OnFail } from '../src/drill/runbook.js'
import type { Run, StepResult } from './run.js'

/** A step that could not be carried out: the drill stops. */
export function failed (code: string, message: string): StepResult {
  return { outcome: 'failed', summary: message, error: { code, message }, stop: true }
}

/** Code and message of a failed activity or child; undefined for a mistake of the workflow's own code. */
export function causeOf (error: unknown): { code: string, message: string } | undefined {
  if (!(error instanceof ActivityFailure || error instanceof ChildWorkflowFailure)) return undefined
  // A time-out carries the last thing that the activity said, if it said any. What lies behind any other failure is not for people.
  const said = (error.cause instanceof TimeoutFailure ? error.cause.cause ?? error.cause : error.cause) as { type?: string | null, message?: string } | undefined
  return { code: said?.type ?? 'activity.failed', message: said?.message ?? error.message }
}

interface Step { id: string, title?: string, onFail?: OnFail }
interface Unmet { code: string, summary: string, output?: Record<string, unknown> }

export function raise (run: Run, step: Step, severity: 'major' | 'minor', text: string): void {
  run.journal.emit({ type: 'finding.raised', severity, text: `${stepTitle(step)}: ${text}`, step: step.id })
}

/** What a step that asked something makes of an answer that is not good, by its `onFail`. @param finding where that is all that it is */
export function unmet (run: Run, step: Step, { code, summary, output }: Unmet, finding: { severity: 'major' | 'minor', text: string }): StepResult {
  const onFail = step.onFail ?? 'stop'
  if (onFail === 'finding') {
    raise(run, step, finding.severity, finding.text)
    return { outcome: 'finding', summary, output }
  }
  return { outcome: 'failed', summary, output, error: { code, message: summary }, stop: onFail === 'stop' }
}

interface Measured { runId: string, verdict: 'passed' | 'passed-with-findings' | 'failed' | 'invalid' | 'aborted', why: string, reasons: string[], stored: boolean }

/** What a load or a suite makes of its step, by its own verdict. @param figures in one line */
export function answered (run: Run, step: Step, what: 'load' | 'suite', measured: Measured, figures: string): StepResult {
  const { verdict, why, reasons, stored, ...rest } = measured
  const output = { ...rest, verdict }
  const summary = verdict.startsWith('passed') ? figures : `${why} (${figures})`
  if (!stored) raise(run, step, 'minor', `its whole result is not in the store yet: it lies on the worker until the store takes it (${measured.runId})`)
  switch (verdict) {
    case 'passed': return { outcome: 'passed', summary, output }
    case 'passed-with-findings':
      for (const reason of reasons) raise(run, step, 'minor', reason)
      return { outcome: 'finding', summary, output }
    case 'aborted': return { outcome: 'aborted', summary, output, stop: true }
    case 'failed': return unmet(run, step, { code: `${what}.fail`, summary, output }, { severity: 'major', text: why })
    case 'invalid': return unmet(run, step, { code: `${what}.blind`, summary, output }, { severity: 'major', text: why })
  }
}
