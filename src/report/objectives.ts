import type { CheckName } from '../drill/checks.js'
import type { RecoveryClock } from '../drill/clock.js'
import { durationMs, durationText, type Duration } from '../drill/duration.js'
import { isBeyond, type Loss } from '../drill/loss.js'
import type { Observation } from '../drill/observation.js'
import type { ObjectiveLine } from '../drill/report.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'

/** What a restore to an empty machine took and lost, as its checks measured it; absent where none did. */
export interface Rebuilt {
  took?: { ms: number, met: boolean }
  lost?: { ms: number, met: boolean }
}

export function rebuiltOf (events: DrillEvent[]): Rebuilt {
  return { took: measured(events, 'rebuild.timely', 'tookMs'), lost: measured(events, 'rebuild.loss', 'lostMs') }
}

function measured (events: DrillEvent[], check: CheckName, figure: string): { ms: number, met: boolean } | undefined {
  const answer = events.findLast(event => event.type === 'check.answered' && event.check === check)
  if (answer?.type !== 'check.answered') return undefined
  const finished = events.findLast(event => event.type === 'step.finished' && event.step === answer.step)
  const ms = finished?.type === 'step.finished' ? finished.output?.[figure] : undefined
  return typeof ms === 'number' ? { ms, met: answer.outcome === 'pass' } : undefined
}

/**
 * Target against achieved. Recovery stands twice, with and without waiting for people: it is the first question asked. What was not
 * measured says so and is not met. A tabletop gets no recovery time. A restore to an empty machine has no outage: its time counts from
 * the moment at which the living system counted as lost.
 */
export function objectivesOf (
  started: EventOf<'drill.started'>, clock: RecoveryClock, loss: Loss | undefined, observation: Observation | undefined, rebuilt: Rebuilt
): ObjectiveLine[] {
  const lines: ObjectiveLine[] = []
  const { rto, rpo } = started.objectives
  if (rto !== undefined && rebuilt.took) {
    const { ms, met } = rebuilt.took
    lines.push({ ...line('Recovery time (RTO)', durationMs(rto), ms, rto, '', ''), met })
  } else if (rto !== undefined && started.runbookType !== 'tabletop') {
    const achieved = clock.rtaBusinessMs ?? clock.rtaTechnicalMs
    const without = clock.rtaBusinessWithoutWaitingMs ?? clock.rtaTechnicalWithoutWaitingMs
    const error = clock.errorMs === undefined ? '' : ` ± ${durationText(clock.errorMs)}`
    lines.push(
      line('Recovery time (RTO)', durationMs(rto), achieved, rto, error, clock.startedAtMs === undefined ? 'no outage was seen' : 'did not recover'),
      line('… without waiting for people', durationMs(rto), without, rto, error, clock.startedAtMs === undefined ? 'no outage was seen' : 'not measured')
    )
  }
  if (rpo !== undefined) lines.push(pointLine(rpo, loss, rebuilt.lost))
  if (loss) lines.push(integrity(loss))
  for (const target of observation?.targets ?? []) {
    const errors = target.samples === 0 ? 'no look at it' : `errors ${(target.failed / target.samples * 100).toFixed(1)} % (${target.failed} of ${target.samples} looks)`
    lines.push({ objective: `${target.name}, seen from outside`, target: '–', achieved: `p99 ${durationText(target.p99Ms)}, ${errors}` })
  }
  return lines
}

function pointLine (rpo: Duration, loss: Loss | undefined, rebuilt: Rebuilt['lost']): ObjectiveLine {
  const objective = 'Recovery point (RPO)'
  const target = durationMs(rpo) === 0 ? 'no acknowledged write lost' : rpo
  const marginOf = (ms: number): string => marginText(durationMs(rpo) - ms)
  if (loss) {
    const count = `${loss.lost} of ${loss.acked} acknowledged writes lost`
    const lost = loss.lost === 0 ? { achieved: count } : { achieved: `${count}, ${durationText(loss.rpaMs)} back`, margin: marginOf(loss.rpaMs) }
    return { objective, target, ...lost, met: !isBeyond(loss, durationMs(rpo)) }
  }
  if (!rebuilt) return { objective, target, achieved: 'not measured' }
  const lost = rebuilt.ms === 0 ? { achieved: 'no acknowledged write lost' } : { achieved: `the last ${durationText(rebuilt.ms)} of acknowledged writes lost`, margin: marginOf(rebuilt.ms) }
  return { objective, target, ...lost, met: rebuilt.met }
}

function integrity (loss: Loss): ObjectiveLine {
  const clean = loss.doubled === 0 && loss.alien === 0
  const { outcome } = loss.witness
  return {
    objective: 'Data integrity',
    target: 'nothing doubled or alien, witnesses agree',
    achieved: `${loss.doubled} doubled, ${loss.alien} alien, ${outcome === 'blind' ? 'one witness only' : outcome === 'agrees' ? 'witnesses agree' : 'witnesses DISAGREE'}`,
    // A second witness that cannot be heard leaves the first one unconfirmed, and says nothing against it.
    met: clean && outcome === 'blind' ? undefined : clean && outcome === 'agrees',
  }
}

function marginText (ms: number): string {
  return ms < 0 ? `${durationText(-ms)} over` : `${durationText(ms)} to spare`
}

function line (objective: string, targetMs: number, achievedMs: number | undefined, target: string, error: string, missing: string): ObjectiveLine {
  if (achievedMs === undefined) return { objective, target: `≤ ${target}`, achieved: missing, met: missing === 'did not recover' ? false : undefined }
  return { objective, target: `≤ ${target}`, achieved: `${durationText(achievedMs)}${error}`, margin: marginText(targetMs - achievedMs), met: achievedMs <= targetMs }
}
