import Type from 'typebox'
import { tiers } from '../drill/environment.js'
import type { DrillReport } from '../drill/report.js'
import { stepKinds } from '../drill/runbook.js'
import { EventSchema } from './event-schema.js'
import { atMs, count, describes, list, LoadSectionSchema, LossSchema, maybe, ms, Named, object, ObservationSchema, oneOf, SuiteSectionSchema, text, verdicts } from './schema-pieces.js'

const step = text('Id of the step.')
const byHand = text('What a person runs where the undo could not be proven.')

const clock = object({
  faultAtMs: maybe(atMs('When the fault struck.')),
  startedAtMs: maybe(atMs('First failed probe of any target: where every length below starts.')),
  detectedAtMs: maybe(atMs('First alert or declaration that counts.')),
  recoveredAtMs: maybe(atMs('When every target that had failed was good again.')),
  signedOffAtMs: maybe(atMs('When the business’s check passed.')),
  injectionLagMs: maybe(ms('Fault to first failed probe.')),
  ttdMs: maybe(ms('Time to detect: first failed probe to detection.')),
  detectedBy: maybe(text('The alert, person or target that noticed.')),
  decisionMs: maybe(ms('Waiting for people between detection and recovery; overlaps are counted once.')),
  workMs: maybe(ms('Detection to recovery without the waiting.')),
  verificationMs: maybe(ms('Recovery to sign-off.')),
  rtaTechnicalMs: maybe(ms('Recovery time achieved: first failed probe to recovery.')),
  rtaTechnicalWithoutWaitingMs: maybe(ms('The same without waiting for people.')),
  rtaBusinessMs: maybe(ms('First failed probe to the business’s sign-off.')),
  rtaBusinessWithoutWaitingMs: maybe(ms('The same without waiting for people.')),
  faultToFirstWriteMs: maybe(ms('Fault to the first good write.')),
  errorMs: maybe(ms('Error of the probe’s times: its interval.')),
}, 'Where the time went; what did not happen is absent.')

/** The shape of a report, version 1: the JSON of `muster report --format json`. A field is added here and in DrillReport, or it does not compile. */
const ReportSchema = describes<DrillReport>()(object({
  schema: Type.Literal(1, { description: 'Version of this shape.' }),
  notice: Type.Literal('THIS IS A DRILL', { description: 'Heads everything that leaves Muster.' }),
  drill: object({
    drillId: text('Id of the drill.'), runbook: text('Name of the runbook.'), runbookTitle: text('Its title.'), runbookHash: text('SHA-256 of the runbook file, hex.'),
    environment: text('Name of the environment.'), tier: oneOf(tiers, 'Its tier.'), commander: Named('Who led it.'), startedAtMs: atMs('When it was asked for.'), endedAtMs: maybe(atMs('When it ended.')),
    type: text('What kind of exercise it is.'), params: Type.Record(Type.String(), Type.Unknown(), { description: 'Parameters by name.' }), musterVersion: text('Version of Muster that made the report.'),
    approvers: list(text('Name of a person.'), 'Who approved a gate.'),
  }, 'The drill.'),
  judgement: object({ verdict: oneOf(verdicts, 'Invalid: the drill proves nothing.'), why: text('The first reason.'), reasons: list(text('A reason.'), 'Every reason, worst first.') }, 'The verdict.'),
  leftBehind: list(object({ entry: step, title: text('What was to be undone.'), byHand, message: text('Why it could not be proven.') }, 'One thing.'), 'What the drill could not put back.'),
  objectives: list(object({
    objective: text('What is measured.'), target: text('What is wanted, with its unit.'), achieved: text('What was measured, with its unit.'), margin: maybe(text('Target minus achieved, with its unit.')),
    met: maybe(Type.Boolean({ description: 'Absent where it was not measured or has no target.' })),
  }, 'One objective.'), 'Target against achieved.'),
  clock,
  loss: maybe(LossSchema),
  steps: list(object({
    id: step, kind: oneOf(stepKinds, 'Its kind.'), title: text('For people.'), parent: maybe(text('Id of the step that holds it.')),
    state: oneOf(['planned', 'running', 'waiting', 'passed', 'failed', 'finding', 'skipped', 'aborted'], 'How it went; planned: it was not reached.'),
    startedAtMs: maybe(atMs('Its begin.')), endedAtMs: maybe(atMs('Its end.')), expectedMs: maybe(ms('How long it should take.')), attempts: maybe(count('How often it was tried.')),
    summary: maybe(text('What was done or seen.')), error: maybe(object({ code: text('Stable code of docs/errors.md.'), message: text('What went wrong.') }, 'Why it failed.')),
  }, 'One step.'), 'The steps, in order.'),
  gantt: list(object({
    step: text('Id of the step, or `outage`.'), title: text('For people.'), fromMs: atMs('Its begin.'), toMs: atMs('Its end.'),
    kind: oneOf(['work', 'waiting', 'undo', 'outage'], 'Waiting: for people.'),
  }, 'One bar.'), 'What happened when.'),
  decisions: list(object({
    step, person: text('Name of who answered.'), personId: text('Id of who answered.'), answer: oneOf(['approve', 'reject'], 'The answer.'), reason: maybe(text('Why.')),
    door: text('Through which door it came.'), verified: Type.Boolean({ description: 'Whether the sender was proven.' }), atMs: atMs('When.'), stoodMs: ms('How long the question had stood.'),
  }, 'One answer.'), 'Who decided what.'),
  checks: list(object({
    step, check: text('Name of the check.'), outcome: oneOf(['pass', 'fail', 'blind'], 'Blind: it could not be asked. Never a pass.'), observed: text('What was seen.'), expected: text('What was wanted.'), atMs: atMs('When.'),
  }, 'One answer.'), 'What the checks said.'),
  loads: maybe(list(LoadSectionSchema, 'Loads, in the order in which they ended.')),
  suites: maybe(list(SuiteSectionSchema, 'Smoke suites.')),
  undo: list(object({
    entry: text('Id of the step that owed it.'), title: text('What was undone.'), byHand, state: oneOf(['owed', 'undoing', 'already', 'undone', 'left-behind'], 'How it stands.'), summary: maybe(text('The proof, or why there is none.')),
  }, 'One undo.'), 'The ledger.'),
  findings: list(object({ severity: oneOf(['critical', 'major', 'minor'], 'How bad it is.'), text: text('The finding.'), step: maybe(step) }, 'One finding.'), 'What is to be mended.'),
  notes: list(object({ atMs: atMs('When.'), person: text('Name of who wrote it.'), text: text('The note.') }, 'One note.'), 'What people wrote down.'),
  observation: maybe(ObservationSchema),
  samples: list(object({
    target: text('The target.'), atMs: atMs('When.'), latencyMs: ms('How long the answer took.'), ok: Type.Boolean({ description: 'Whether it was good.' }), error: maybe(text('What it met.')),
  }, 'One look.'), 'Looks of the probe, thinned out for the chart.'),
  earlier: list(object({
    drillId: text('Id of the drill.'), startedAtMs: atMs('When.'), verdict: text('Its verdict.'), rtaTechnicalMs: maybe(ms('Its recovery time.')),
    slowestStep: maybe(object({ id: step, ms: ms('How long it took.') }, 'Its slowest step.')),
  }, 'One drill.'), 'Earlier drills of the same runbook and environment, newest first, at most three.'),
  timeline: list(EventSchema, 'Every event, in order: all else in the report is a fold over it.'),
  chainHead: maybe(text('Hash of the last event in the store’s chain, hex: covers every one before. Absent where the store did not answer.')),
  digest: text('SHA-256 over the canonical JSON (RFC 8785) of everything but itself, hex.'),
}, 'The report of a drill.'))

/** The published schema as JSON: what docs/report.schema.json holds. */
export function reportSchemaText (): string {
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', title: 'Muster report', ...ReportSchema }, null, 2)}\n`
}
