import { outageOf, recoveryClock } from './clock.js'
import { durationMs, durationText } from './duration.js'
import { isBeyond } from './loss.js'
import { jumpText } from './observation.js'
import { revertText, type DrillEvent, type EventOf, type EventType } from './timeline.js'

/** `invalid`: the drill proves nothing, since its fault had no effect or its probe was blind while it mattered. */
export type Verdict = 'passed' | 'passed-with-findings' | 'failed' | 'invalid' | 'aborted'

export interface Judgement {
  verdict: Verdict
  /** One sentence: the first reason. */
  why: string
  /** Every reason, worst first. */
  reasons: string[]
}

/** The CLI's exit code of a verdict. `strict`: findings fail too. */
export function exitCodeOf (verdict: Verdict, strict = false): number {
  switch (verdict) {
    case 'passed': return 0
    case 'passed-with-findings': return strict ? 1 : 0
    case 'failed': return 1
    case 'aborted': return 3
    case 'invalid': return 5
  }
}

/**
 * The verdict over all that was recorded. Order: aborted, invalid, failed, passed with findings, passed. An aborted drill measured
 * nothing to the end; an invalid one must not be argued about as if it had; nothing that is left behind is ever green.
 */
export function judge (events: DrillEvent[]): Judgement {
  const aborted = abortReasons(events)
  const invalid = invalidReasons(events)
  const failed = failureReasons(events)
  const jumps = of(events, 'probe.ended').flatMap(({ observation: { clockJumpMs } }) => clockJumpMs === undefined ? [] : [jumpText(clockJumpMs)])
  const findings = [...of(events, 'finding.raised').map(event => event.text), ...jumps]
  const result = (verdict: Verdict, reasons: string[]): Judgement => ({ verdict, why: reasons[0]!, reasons })
  if (aborted.length > 0) return result('aborted', [...aborted, ...failed])
  if (invalid.length > 0) return result('invalid', [...invalid, ...failed])
  if (failed.length > 0) return result('failed', failed)
  if (findings.length > 0) return result('passed-with-findings', findings)
  return result('passed', [passedBecause(events)])
}

function abortReasons (events: DrillEvent[]): string[] {
  return [
    ...of(events, 'drill.refused').map(event => `refused before anything was touched: ${event.reasons.map(reason => reason.message).join('; ')}`),
    ...of(events, 'abort.requested').slice(0, 1).map(event => `aborted by ${event.person.name}: ${event.reason}`),
    ...of(events, 'gate.closed').flatMap(event => event.outcome === 'rejected'
      ? [`gate "${event.step}" was rejected${rejection(events, event.step)}`]
      : event.outcome === 'timeout' ? [`nobody answered gate "${event.step}" in time`] : []),
    ...of(events, 'step.finished').filter(event => event.outcome === 'aborted' && event.error?.code === 'wait.timeout').map(event => `step "${event.step}": ${event.summary}`),
  ]
}

function rejection (events: DrillEvent[], step: string): string {
  const vote = of(events, 'gate.decided').find(event => event.step === step && event.answer === 'reject')
  return vote ? ` by ${vote.person.name}${vote.reason ? `: ${vote.reason}` : ''}` : ''
}

/** Of steps that measure: nothing was measured that could be judged. */
const invalidCodes = ['load.blind', 'suite.blind']

function invalidReasons (events: DrillEvent[]): string[] {
  const reasons: string[] = []
  const faults = of(events, 'fault.struck')
  const outage = outageOf(events)
  const observation = of(events, 'probe.ended')[0]?.observation
  const lost = of(events, 'probe.lost')
  for (const event of of(events, 'lease.reverted')) reasons.push(revertText(event))
  if (faults.length > 0) {
    const proofs = of(events, 'check.answered').filter(event => event.provesEffect)
    const unproven = proofs.find(event => event.outcome !== 'pass')
    if (!observation && lost.length === 0) reasons.push('nothing was observed: the runbook broke something and has no probe')
    else if (unproven) reasons.push(`the fault of step "${faults[0]!.step}" had no proven effect: ${unproven.observed}`)
    else if (!outage && proofs.length === 0) reasons.push(`the fault of step "${faults[0]!.step}" had no effect that the probe could see`)
  }
  for (const event of lost) reasons.push(`the probe was lost: ${event.message}`)
  if (observation) {
    const from = Math.min(...faults.map(fault => fault.faultAtMs), outage?.from ?? Infinity)
    const to = outage?.to ?? Infinity
    for (const gap of observation.blind) {
      if (gap.toMs >= from && gap.fromMs <= to) reasons.push(`the probe was blind for ${durationText(gap.toMs - gap.fromMs)} while it mattered: ${gap.reason}`)
    }
  }
  for (const event of of(events, 'step.finished')) {
    if (invalidCodes.includes(event.error?.code ?? '')) reasons.push(`step "${event.step}" proves nothing: ${event.summary}`)
  }
  for (const event of of(events, 'check.answered')) {
    if (event.loss?.witness.outcome === 'disagrees') reasons.push(`the two witnesses of the loss disagree: ${event.loss.witness.detail}`)
    if ((event.loss?.alien ?? 0) > 0) reasons.push(`${event.loss!.alien} canaries are there that nobody wrote: the account of writes is not to be trusted`)
  }
  return reasons
}

function failureReasons (events: DrillEvent[]): string[] {
  const started = of(events, 'drill.started')[0]
  const clock = recoveryClock(events)
  const reasons = of(events, 'undo.leftBehind').map(event => `left behind: ${event.title} (${event.message})`)
  const rto = started?.objectives.rto
  const achieved = clock.rtaBusinessMs ?? clock.rtaTechnicalMs
  if (clock.startedAtMs !== undefined && clock.recoveredAtMs === undefined) reasons.push('the system did not recover while the drill watched')
  if (rto !== undefined && achieved !== undefined && achieved > durationMs(rto)) reasons.push(`recovery took ${durationText(achieved)}, the objective is ${rto}`)
  const rpo = started?.objectives.rpo
  for (const event of of(events, 'check.answered')) {
    if (event.loss && rpo !== undefined && isBeyond(event.loss, durationMs(rpo))) {
      reasons.push(`${event.loss.lost} acknowledged writes were lost (RPA ${durationText(event.loss.rpaMs)}), the objective is ${durationMs(rpo) === 0 ? 'none' : rpo}`)
    }
    if ((event.loss?.doubled ?? 0) > 0) reasons.push(`${event.loss!.doubled} writes are there twice`)
  }
  for (const event of of(events, 'step.finished')) {
    if (event.outcome === 'failed' && !invalidCodes.includes(event.error?.code ?? '')) reasons.push(`step "${event.step}" failed: ${event.summary}`)
  }
  return reasons
}

function passedBecause (events: DrillEvent[]): string {
  const clock = recoveryClock(events)
  const loss = of(events, 'check.answered').find(event => event.loss)?.loss
  const parts = [
    clock.rtaTechnicalMs !== undefined ? `recovered in ${durationText(clock.rtaTechnicalMs)}` : of(events, 'fault.struck').length > 0 ? 'the probe saw no outage' : undefined,
    loss === undefined ? undefined : `${loss.lost} of ${loss.acked} acknowledged writes lost`,
    of(events, 'undo.owed').length > 0 ? 'everything is back as it was' : undefined,
  ].filter(part => part !== undefined)
  return parts.length > 0 ? parts.join(', ') : 'every step passed'
}

function of<T extends EventType> (events: DrillEvent[], type: T): Array<EventOf<T>> {
  return events.filter((event): event is EventOf<T> => event.type === type)
}
