import { condition } from '@temporalio/workflow'
import { durationMs, durationText } from '../src/drill/duration.js'
import { voterText } from '../src/drill/decide.js'
import { stepTitle, type GateStep, type TaskStep } from '../src/drill/runbook.js'
import type { Role } from '../src/drill/people.js'
import { answerers } from './activities.js'
import type { Run, StepResult } from './run.js'

/**
 * A gate: open until a quorum approves, one person rejects, or the deadline has its declared outcome. Never silent approval.
 */
export async function gate (run: Run, step: GateStep): Promise<StepResult> {
  const { journal, gates } = run
  const approvals = Number(step.approvals ?? 1)
  let deadlineAtMs = Date.now() + durationMs(step.deadline)
  gates.open(step.id, [step.role], approvals)
  journal.emit({
    type: 'gate.opened', step: step.id, title: stepTitle(step), effect: step.effect, risk: step.risk, roles: [step.role], approvals, deadlineAtMs, onTimeout: step.onTimeout ?? 'abort',
  })
  run.enter('waiting')
  sayWhoCan(run, step.id, [step.role], run.input.commander.id)
  const decided = (): boolean => !gates.isOpen(step.id)
  try {
    let answered = await untilDeadline(run, step.id, step.reminders ?? [], deadlineAtMs, decided)
    if (!answered && step.onTimeout === 'escalate') {
      deadlineAtMs = Date.now() + durationMs(step.deadline)
      gates.escalate(step.id, step.escalateTo!)
      journal.emit({ type: 'gate.escalated', step: step.id, role: step.escalateTo!, deadlineAtMs })
      journal.hurry()
      sayWhoCan(run, step.id, [step.role, step.escalateTo!], run.input.commander.id)
      answered = await untilDeadline(run, step.id, step.reminders ?? [], deadlineAtMs, decided)
    }
    if (!answered && step.onTimeout === 'hold') {
      journal.emit({ type: 'gate.overdue', step: step.id })
      journal.hurry()
      await condition(decided)
      answered = true
    }
    if (!answered) return closeGate(run, step, 'timeout', `nobody answered within ${step.deadline}`)
    const votes = gates.gate(step.id)!.votes
    const rejected = votes.find(vote => vote.answer === 'reject')
    return rejected
      ? closeGate(run, step, 'rejected', `rejected by ${voterText(rejected)}`)
      : closeGate(run, step, 'approved', `approved by ${votes.map(voterText).join(', ')}`)
  } catch (error) {
    closeGate(run, step, 'aborted', 'the drill was aborted')
    throw error
  }
}

function closeGate (run: Run, step: GateStep, outcome: 'approved' | 'rejected' | 'timeout' | 'aborted', summary: string): StepResult {
  run.gates.close(step.id, summary)
  run.journal.emit({ type: 'gate.closed', step: step.id, outcome })
  if (run.gates.openNames().length === 0) run.enter('running')
  return outcome === 'approved' ? { outcome: 'passed', summary } : { outcome: 'aborted', summary, stop: true }
}

/** A step that a person does and confirms. */
export async function task (run: Run, step: TaskStep): Promise<StepResult> {
  const { journal, gates } = run
  const deadlineAtMs = Date.now() + durationMs(step.deadline)
  gates.openTask(step.id, step.role)
  journal.emit({ type: 'task.opened', step: step.id, instructions: step.instructions, role: step.role, deadlineAtMs })
  run.enter('waiting')
  sayWhoCan(run, step.id, [step.role])
  const answered = await untilDeadline(run, step.id, [], deadlineAtMs, () => !gates.isOpen(step.id))
  gates.close(step.id, 'its deadline passed')
  if (gates.openNames().length === 0) run.enter('running')
  if (answered) return { outcome: 'passed', summary: `confirmed by ${gates.task(step.id)?.by ?? 'a person'}` }
  const summary = `nobody confirmed it within ${step.deadline}`
  return missed(run, step, summary)
}

/** What a deadline that passed makes of a step, by its `onTimeout`. */
export function missed (run: Run, step: { id: string, onTimeout?: 'fail' | 'abort' | 'finding' }, summary: string): StepResult {
  const error = { code: 'wait.timeout', message: summary }
  switch (step.onTimeout) {
    case 'finding':
      run.journal.emit({ type: 'finding.raised', severity: 'major', text: summary, step: step.id })
      return { outcome: 'finding', summary }
    case 'abort': return { outcome: 'aborted', summary, error, stop: true }
    case 'fail':
    case undefined: return { outcome: 'failed', summary, error, stop: true }
  }
}

/**
 * Names who can answer now, once the question itself has been on record for a moment: it must not be seen later for that, and whoever
 * stands by answers at once. Nothing waits for it, and where it cannot be asked, the question stands all the same.
 */
function sayWhoCan (run: Run, step: string, roles: Role[], requester?: string): void {
  const { name, tier } = run.input.environment
  const say = async (): Promise<void> => {
    await run.journal.onRecord()
    await run.journal.later()
    if (!run.gates.isOpen(step)) return
    const found = await answerers({ roles, place: { name, tier }, requester })
    if (!run.gates.isOpen(step)) return
    run.journal.emit({ type: 'people.asked', step, ...found })
    run.journal.hurry()
  }
  say().catch(() => undefined)
}

/** Waits, with reminders before the deadline. False: the deadline passed. */
async function untilDeadline (run: Run, step: string, reminders: string[], deadlineAtMs: number, done: () => boolean): Promise<boolean> {
  const reminderTimes = reminders.map(text => deadlineAtMs - durationMs(text)).filter(atMs => atMs > Date.now()).sort((a, b) => a - b)
  for (const atMs of reminderTimes) {
    if (await condition(done, atMs - Date.now(), { summary: `reminder for ${step}` })) return true
    const leftMs = deadlineAtMs - Date.now()
    run.journal.emit({ type: 'gate.reminded', step, leftMs })
    run.journal.hurry()
    const gate = run.gates.gate(step)
    if (gate) sayWhoCan(run, step, gate.roles, gate.requester)
  }
  const leftMs = Math.max(1, deadlineAtMs - Date.now())
  return await condition(done, leftMs, { summary: `${step}: ${durationText(leftMs)} to answer` })
}
