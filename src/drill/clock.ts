import type { DrillEvent, EventOf } from './timeline.js'

/**
 * The recovery clock: where the time of an outage went. Times are epoch ms, lengths ms; what has not happened (yet) is absent.
 * RTA and RPA are words of the industry, in neither NIST SP 800-34 nor ISO 22301; RTO and RPO are the targets.
 */
export interface RecoveryClock {
  faultAtMs?: number
  /** First failed probe, of any target: where every length below starts. */
  startedAtMs?: number
  detectedAtMs?: number
  /** First of N good probes in a row, once every target that failed is good again. */
  recoveredAtMs?: number
  signedOffAtMs?: number
  /** Fault to first failed probe. */
  injectionLagMs?: number
  /** Time to detect: first failed probe to first alert or human declaration (or, where the runbook says so, the probe's own). */
  ttdMs?: number
  detectedBy?: string
  /** Waiting for people between detection and recovery: gates and tasks, opened to closed, overlaps counted once. */
  decisionMs?: number
  /** Detection to recovery without the waiting: the machine's (and operators') work. */
  workMs?: number
  /** Recovery to sign-off. */
  verificationMs?: number
  /** First failed probe to recovery, ± the probe's interval. */
  rtaTechnicalMs?: number
  /** The same without waiting for people. */
  rtaTechnicalWithoutWaitingMs?: number
  /** First failed probe to the business's sign-off. */
  rtaBusinessMs?: number
  rtaBusinessWithoutWaitingMs?: number
  /** Fault to the first good canary: the machine part, as the floor script measures it. */
  faultToFirstWriteMs?: number
  /** Error of the probe's times: its sampling interval. */
  errorMs?: number
}

interface Span { from: number, to: number }

/** The clock of a list of events, at any moment of a drill or after it. */
export function recoveryClock (events: DrillEvent[]): RecoveryClock {
  const clock: RecoveryClock = {}
  const outage = outageOf(events)
  clock.faultAtMs = find(events, 'fault.struck')?.faultAtMs
  const observation = find(events, 'probe.ended')?.observation
  if (observation) clock.errorMs = observation.intervalMs
  const firstAck = observation?.canaries?.firstAckAfterOutageMs
  if (clock.faultAtMs !== undefined && firstAck !== undefined) clock.faultToFirstWriteMs = firstAck - clock.faultAtMs
  const detected = find(events, 'outage.detected')
  if (detected) {
    clock.detectedAtMs = detected.detectedAtMs
    clock.detectedBy = detected.by
  }
  if (!outage) return clock
  clock.startedAtMs = outage.from
  if (clock.faultAtMs !== undefined) clock.injectionLagMs = outage.from - clock.faultAtMs
  if (clock.detectedAtMs !== undefined) clock.ttdMs = Math.max(0, clock.detectedAtMs - outage.from)
  const signOff = signOffOf(events, outage.from)
  if (outage.to !== undefined) {
    clock.recoveredAtMs = outage.to
    clock.rtaTechnicalMs = outage.to - outage.from
    // An alert may be faster than the probe: no part of the outage lies before its beginning.
    const noticed = Math.max(clock.detectedAtMs ?? outage.from, outage.from)
    clock.decisionMs = total(waitingFor(events, { from: noticed, to: outage.to }))
    clock.rtaTechnicalWithoutWaitingMs = clock.rtaTechnicalMs - clock.decisionMs
    if (clock.detectedAtMs !== undefined) clock.workMs = Math.max(0, outage.to - noticed - clock.decisionMs)
    if (signOff !== undefined && signOff >= outage.to) {
      clock.signedOffAtMs = signOff
      clock.verificationMs = signOff - outage.to
      clock.rtaBusinessMs = signOff - outage.from
      clock.rtaBusinessWithoutWaitingMs = clock.rtaBusinessMs - total(waitingFor(events, { from: noticed, to: signOff }))
    }
  }
  return clock
}

/**
 * From the first failed probe of any target to the moment when every target that had failed was good again. Only the first
 * outage counts: a planned failback interrupts sessions too and is not the outage that the objective is about. A fault that has
 * struck sets where to look: a flicker before it is not its effect.
 */
export function outageOf (events: DrillEvent[]): { from: number, to?: number } | undefined {
  const faultAtMs = find(events, 'fault.struck')?.faultAtMs
  const down = new Set<string>()
  let from: number | undefined
  let good = -Infinity
  for (const event of events) {
    if (event.type === 'probe.down' && (faultAtMs === undefined || event.confirmedAtMs >= faultAtMs)) {
      // A slow target is confirmed late: what failed before the others were good again belongs to the same outage.
      if (from !== undefined && down.size === 0 && event.firstFailedAtMs > good) break
      from = Math.min(from ?? Infinity, event.firstFailedAtMs)
      down.add(event.target)
    }
    if (event.type === 'probe.up' && down.delete(event.target)) good = Math.max(good, event.firstGoodAtMs)
  }
  return from === undefined ? undefined : down.size === 0 ? { from, to: good } : { from }
}

/** Spans in which the drill waited for a person, cut to a window and merged: two open gates at once count once. */
export function waitingFor (events: DrillEvent[], window: Span): Span[] {
  const opened = new Map<string, number>()
  const spans: Span[] = []
  const close = (step: string, atMs: number): void => {
    const from = opened.get(step)
    if (from === undefined) return
    opened.delete(step)
    spans.push({ from, to: atMs })
  }
  for (const event of events) {
    if (event.type === 'gate.opened' || event.type === 'task.opened') opened.set(event.step, event.atMs)
    if (event.type === 'gate.closed') close(event.step, event.atMs)
    if (event.type === 'step.finished') close(event.step, event.atMs)
  }
  for (const step of opened.keys()) close(step, window.to)
  return merge(spans.map(span => ({ from: Math.max(span.from, window.from), to: Math.min(span.to, window.to) })).filter(span => span.to > span.from))
}

function merge (spans: Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else merged.push({ ...span })
  }
  return merged
}

function total (spans: Span[]): number {
  return spans.reduce((sum, span) => sum + span.to - span.from, 0)
}

/** The pass of a check that is marked as the business's sign-off; the last one counts, since a failed one hands it back. */
function signOffOf (events: DrillEvent[], afterMs: number): number | undefined {
  const passes = events.filter((event): event is EventOf<'check.answered'> =>
    event.type === 'check.answered' && event.signOff === true && event.outcome === 'pass' && event.atMs >= afterMs)
  return passes.at(-1)?.atMs
}

function find<T extends DrillEvent['type']> (events: DrillEvent[], type: T): EventOf<T> | undefined {
  return events.find((event): event is EventOf<T> => event.type === type)
}
