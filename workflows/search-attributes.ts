import { defineSearchAttributeKey } from '@temporalio/common'

/** Shown in clear in Temporal's lists, so never a secret; registered by the worker when it starts. */
export const searchAttributes = {
  runbook: defineSearchAttributeKey('MusterRunbook', 'KEYWORD'),
  environment: defineSearchAttributeKey('MusterEnvironment', 'KEYWORD'),
  phase: defineSearchAttributeKey('MusterPhase', 'KEYWORD'),
  waitingFor: defineSearchAttributeKey('MusterWaitingFor', 'KEYWORD'),
  verdict: defineSearchAttributeKey('MusterVerdict', 'KEYWORD'),
  commander: defineSearchAttributeKey('MusterCommander', 'KEYWORD'),
}
