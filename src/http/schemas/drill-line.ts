import { Type } from 'typebox'
import type { DrillRow } from '../../store/drills.js'
import { oneOf, Status, Tier, Verdict, type Matches } from './status.js'

const ms = Type.Optional(Type.Number())
const text = Type.Optional(Type.String())

/** One line of a list of drills. */
export const DrillLine = Type.Object({
  drillId: Type.String(), createdAtMs: Type.Number(), parent: text, runbook: Type.String(), runbookTitle: Type.String(), runbookType: Type.String(),
  runbookHash: Type.String(), environment: Type.String(), tier: Tier, commander: Type.Object({ id: Type.String(), name: Type.String() }),
  phase: oneOf(['admission', 'running', 'waiting', 'unwinding', 'ended', 'reserved'], '`reserved`: asked for, and nothing recorded yet'),
  verdict: Type.Optional(Verdict), why: text, startedAtMs: ms, endedAtMs: ms, rtaTechnicalMs: ms, rtaWithoutWaitingMs: ms, rtaBusinessMs: ms, rpaMs: ms, lost: ms,
  leftBehind: Type.Number(), findings: Type.Number(), slowestStep: Type.Optional(Type.Object({ id: Type.String(), ms: Type.Number() })),
  waitingFor: Status.properties.waitingFor, lastSeq: Type.Number(), chainHead: text,
})
const _drillLineIsWhole: Matches<typeof DrillLine, DrillRow> = true
