import Type, { type TProperties } from 'typebox'
import { roles } from '../drill/people.js'
import { detectionSources, stepKinds } from '../drill/runbook.js'
import { tiers } from '../drill/environment.js'
import type { DrillEvent } from '../drill/timeline.js'
import { atMs, count, describes, list, LoadSummarySchema, LossSchema, maybe, ms, Named, object, ObjectivesSchema, ObservationSchema, oneOf, SuiteSummarySchema, text, verdicts } from './schema-pieces.js'

const step = text('Id of the step.')
const entry = text('Id of the ledger entry: of the step that owes it.')
const person = Named('Who.')
const door = oneOf(['api', 'slack', 'page', 'signal'], 'Through which door it came; the sender of a signal is only claimed.')
const byHand = text('What a person runs where the undo could not be proven.')
const deadlineAtMs = atMs('When it is over.')
const error = object({ code: text('Stable code of docs/errors.md.'), message: text('What went wrong.') }, 'Why it failed.')
const table = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description })

/** One type of event, with the two fields that all have. */
function event<const T extends string, P extends TProperties> (type: T, description: string, fields: P) {
  return object({ seq: count('Number in the timeline, from 1 without a gap.'), atMs: atMs('When the workflow recorded it.'), type: Type.Literal(type, { description: 'What happened.' }), ...fields }, description)
}

const planned = object({
  id: step, kind: oneOf(stepKinds, 'Its kind.'), title: text('For people.'),
  expectedMs: maybe(ms('How long it should take.')), parent: maybe(text('Id of the step that holds it.')),
}, 'A step as planned.')

/** Every event of a timeline, as the report holds it. */
export const EventSchema = describes<DrillEvent>()(Type.Union([
  event('drill.started', 'A drill was asked for.', {
    drillId: text('Id of the drill.'), parent: maybe(text('Id of the drill that nests it.')), runbook: text('Name of the runbook.'), runbookTitle: text('Its title.'),
    runbookType: text('What kind of exercise it is.'), runbookHash: text('SHA-256 of the runbook file, hex.'), environment: text('Name of the environment.'), tier: oneOf(tiers, 'Its tier.'),
    commander: Named('Who leads it.'), taskQueue: maybe(text('Where the environment’s workers are.')), undoDeadlineMs: maybe(ms('How long an undo is retried.')), params: table('Parameters by name.'), objectives: ObjectivesSchema, synchronous: maybe(Type.Boolean({ description: 'Whether commits wait for the standby.' })),
    steps: list(planned, 'The steps, in order.'),
  }),
  event('drill.refused', 'Preflight refused it before anything was touched.', { reasons: list(object({ code: text('Stable code.'), message: text('What to mend.') }, 'One reason.'), 'Why.') }),
  event('drill.admitted', 'Preflight let it pass.', {}),
  event('phase.changed', 'It entered a phase.', { phase: oneOf(['admission', 'running', 'waiting', 'unwinding', 'ended'], 'The phase.') }),
  event('step.started', 'A step began.', { step }),
  event('step.skipped', 'A step was not run.', { step, reason: text('Why.') }),
  event('step.finished', 'A step is over.', {
    step, outcome: oneOf(['passed', 'failed', 'finding', 'aborted'], 'How it went.'), summary: text('What was done or seen, with figures.'), attempts: maybe(count('How often it was tried.')),
    expected: maybe(text('What was expected.')), output: maybe(table('What later steps may look up.')), error: maybe(error),
  }),
  event('fault.struck', 'A fault was injected.', { step, faultAtMs: atMs('When it struck, by the worker’s clock.') }),
  event('gate.opened', 'People are asked.', {
    step, title: text('The question.'), effect: text('What happens on approve.'), risk: maybe(text('What it can break.')), roles: list(oneOf(roles, 'A role.'), 'Who may answer.'),
    approvals: count('How many different people must approve.'), deadlineAtMs, onTimeout: text('What happens when nobody answers.'),
  }),
  event('gate.reminded', 'People were reminded.', { step, leftMs: ms('Time left to answer.') }),
  event('gate.escalated', 'Another role may answer too.', { step, role: oneOf(roles, 'The role.'), deadlineAtMs }),
  event('gate.overdue', 'Its deadline passed and it is held open.', { step }),
  event('people.asked', 'Who can answer a gate or a task now, and who is away.', {
    step, can: list(object({ id: text('Id.'), name: text('Name.'), for: maybe(Named('Whose voice it is, where it is not their own.')) }, 'A person.'), 'Who can answer.'),
    away: list(object({ id: text('Id.'), name: text('Name.'), untilMs: atMs('Until when.'), deputies: list(text('A name.'), 'Names of who stands in.') }, 'A person.'), 'Who cannot.'),
  }),
  event('gate.decided', 'Somebody answered.', {
    step, person, for: maybe(person), answer: oneOf(['approve', 'reject'], 'The answer.'), reason: maybe(text('Why.')), door, verified: Type.Boolean({ description: 'Whether the sender was proven.' }),
  }),
  event('gate.closed', 'The question is over.', { step, outcome: oneOf(['approved', 'rejected', 'timeout', 'aborted'], 'How it ended.') }),
  event('task.opened', 'A person is asked to do something.', { step, instructions: text('What.'), role: oneOf(roles, 'Who.'), deadlineAtMs }),
  event('task.confirmed', 'A person has done it.', { step, person, note: maybe(text('What the person says.')), door }),
  event('probe.down', 'A target does not answer from outside.', { target: text('The target.'), firstFailedAtMs: atMs('First failed look.'), confirmedAtMs: atMs('When enough had failed in a row.'), error: text('What the look met.') }),
  event('probe.up', 'A target answers again.', { target: text('The target.'), firstGoodAtMs: atMs('First good look of the row.'), confirmedAtMs: atMs('When enough were good in a row.') }),
  event('probe.ended', 'What was observed, in totals.', { observation: ObservationSchema }),
  event('probe.lost', 'The probe did not look to the end.', { message: text('Why.') }),
  event('alert.arrived', 'Monitoring spoke.', {
    name: text('Name of the alert.'), state: oneOf(['firing', 'resolved'], 'What it says.'), arrivedAtMs: atMs('When Muster received it.'), startsAtMs: maybe(atMs('Since when it fires, by monitoring’s clock.')),
    summary: maybe(text('Its words.')),
  }),
  event('outage.declared', 'A person says that there is an outage.', { person, door, note: maybe(text('What the person says.')) }),
  event('outage.detected', 'The first that counts as having noticed.', { source: oneOf(detectionSources, 'What noticed.'), detectedAtMs: atMs('When.'), by: text('The alert, person or target.') }),
  event('check.answered', 'A check gave its answer.', {
    step, check: text('Name of the check.'), outcome: oneOf(['pass', 'fail', 'blind'], 'Blind: it could not be asked. Never a pass.'), observed: text('What was seen.'), expected: text('What was wanted.'),
    signOff: maybe(Type.Boolean({ description: 'Its pass is the business’s sign-off.' })), provesEffect: maybe(Type.Boolean({ description: 'Its pass proves that the fault had its effect.' })),
    loss: maybe(LossSchema),
  }),
  event('load.measured', 'A load is over.', { step, load: LoadSummarySchema }),
  event('suite.answered', 'A smoke suite gave its answers.', { step, suite: SuiteSummarySchema }),
  event('undo.owed', 'An undo is owed, from before its action.', { entry, action: maybe(text('Name of the action.')), with: maybe(table('Its input; secrets are references.')), title: text('What will be undone.'), byHand }),
  event('undo.asked', 'What the drill owed is undone without its workflow.', { reason: text('Who asked, or what was found.') }),
  event('undo.started', 'An undo began.', { entry }),
  event('undo.finished', 'An undo is proven.', { entry, state: oneOf(['already', 'undone'], 'Already: there was nothing left to do.'), summary: text('The proof.') }),
  event('undo.leftBehind', 'An undo could not be proven.', { entry, title: text('What was to be undone.'), byHand, message: text('Why.') }),
  event('lease.reverted', 'The watchdog undid a fault whose lease nobody renewed.', { step, revertedAtMs: atMs('When it was proven undone.'), reason: text('Why it did not wait.'), summary: text('What was done and seen.') }),
  event('notice.sent', 'A message left Muster.', { step, channels: list(text('A channel.'), 'Where it went.'), message: text('The message.'), failed: list(text('A channel.'), 'Where it did not arrive.') }),
  event('note.added', 'A person wrote something down.', { person, text: text('The note.'), door }),
  event('message.refused', 'A message did not count.', { code: text('Stable code.'), message: text('Why.'), claimed: text('Who claims to have sent it.'), door }),
  event('abort.requested', 'Somebody stopped the drill.', { person, reason: text('Why.'), door }),
  event('finding.raised', 'Something to mend was found.', { severity: oneOf(['critical', 'major', 'minor'], 'How bad it is.'), text: text('The finding.'), step: maybe(step) }),
  event('drill.ended', 'The drill is over.', { verdict: oneOf(verdicts, 'The verdict.'), why: text('The first reason.') }),
], { description: 'One event of the timeline, by its type.' }))
