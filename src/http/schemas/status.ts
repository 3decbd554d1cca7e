import { Type, type Static, type TSchema } from 'typebox'
import type { DrillStatus } from '../../drill/status.js'
import { stepKinds } from '../../drill/runbook.js'
import { tiers } from '../../drill/environment.js'
import { roles } from '../../drill/people.js'

/** One of a list of words. */
export function oneOf<const T extends readonly string[]> (words: T, description?: string) {
  return Type.Unsafe<T[number]>(Type.String({ enum: [...words], ...(description ? { description } : {}) }))
}

const ms = Type.Optional(Type.Number())
const text = Type.Optional(Type.String())
const Named = Type.Object({ id: Type.String(), name: Type.String() })

export const Verdict = oneOf(['passed', 'passed-with-findings', 'failed', 'invalid', 'aborted'])
export const Role = oneOf(roles)
export const Tier = oneOf(tiers)
export const StepKind = oneOf(stepKinds)
export const Objectives = Type.Object({ rto: text, rpo: text })

export const Clock = Type.Object({
  faultAtMs: ms, startedAtMs: ms, detectedAtMs: ms, recoveredAtMs: ms, signedOffAtMs: ms, injectionLagMs: ms, ttdMs: ms, detectedBy: text,
  decisionMs: ms, workMs: ms, verificationMs: ms, rtaTechnicalMs: ms, rtaTechnicalWithoutWaitingMs: ms, rtaBusinessMs: ms,
  rtaBusinessWithoutWaitingMs: ms, faultToFirstWriteMs: ms, errorMs: ms,
}, { description: 'Epoch milliseconds and lengths in milliseconds; what has not happened is absent' })

const Step = Type.Object({
  id: Type.String(), kind: StepKind, title: Type.String(), parent: text,
  state: oneOf(['planned', 'running', 'waiting', 'passed', 'failed', 'finding', 'skipped', 'aborted']),
  startedAtMs: ms, endedAtMs: ms, expectedMs: ms, attempts: Type.Optional(Type.Integer()), summary: text,
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
})

const Waiting = Type.Object({
  step: Type.String(), kind: oneOf(['gate', 'task']), title: Type.String(), roles: Type.Array(Role), approvals: Type.Number(), approved: Type.Number(),
  votes: Type.Array(Type.Object({ name: Type.String(), answer: oneOf(['approve', 'reject']) })),
  deadlineAtMs: Type.Number(), effect: text, risk: text, onTimeout: text, overdue: Type.Optional(Type.Boolean()), canAnswer: text, command: Type.String(),
})

/** DrillStatus of src/drill, for serialisation and the reference. */
export const Status = Type.Object({
  drillId: Type.String(), runbook: Type.String(), runbookTitle: Type.String(), runbookHash: Type.String(), environment: Type.String(), tier: Tier,
  commander: Named, phase: oneOf(['admission', 'running', 'waiting', 'unwinding', 'ended']), startedAtMs: Type.Number(), endedAtMs: ms,
  verdict: Type.Optional(Verdict), why: text, objectives: Objectives, steps: Type.Array(Step), waitingFor: Type.Array(Waiting), clock: Clock, outageSinceMs: ms,
  ledger: Type.Array(Type.Object({ entry: Type.String(), title: Type.String(), byHand: Type.String(), state: oneOf(['owed', 'undoing', 'already', 'undone', 'left-behind']), summary: text })),
  leftBehind: Type.Array(Type.Object({ entry: Type.String(), title: Type.String(), byHand: Type.String(), message: Type.String() })),
  findings: Type.Array(Type.Object({ severity: oneOf(['critical', 'major', 'minor']), text: Type.String(), step: text })),
  seq: Type.Integer(),
})

/**
 * Compiles only while schema and type hold the same: serialisation would drop in silence what the schema does not name. Keys are
 * compared apart, since an optional key that is missing here would still be assignable.
 */
type Keys<T> = T extends Array<infer Item> ? Keys<Item> : T extends object ? { [K in keyof T]-?: Keys<NonNullable<T[K]>> } : T
export type Matches<S extends TSchema, T> = [Keys<Static<S>>, Keys<T>] extends [Keys<T>, Keys<Static<S>>] ? true : never
const _statusIsWhole: Matches<typeof Status, DrillStatus> = true
