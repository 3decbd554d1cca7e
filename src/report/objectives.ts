import type { RecoveryClock } from '../drill/clock.js'
import { durationMs, durationText } from '../drill/duration.js'
import { isBeyond, type Loss } from '../drill/loss.js'
import type { Observation } from '../drill/observation.js'
import type { ObjectiveLine } from '../drill/report.js'
import type { EventOf } from '../drill/timeline.js'

/**
 * Target against achieved. Recovery stands twice, with and without waiting for people: it is the first question asked. What was not
 * measured says so and is not met. A tabletop gets no recovery time.
 */
export function objectivesOf (started: EventOf<'drill.started'>, clock: RecoveryClock, loss: Loss | undefined, observation: Observation | undefined): ObjectiveLine[] {
  const lines: ObjectiveLine[] = []
  const { rto, rpo } = started.objectives
  if (rto !== undefined && started.runbookType !== 'tabletop') {
    const achieved = clock.rtaBusinessMs ?? clock.rtaTechnicalMs
    const without = clock.rtaBusinessWithoutWaitingMs ?? clock.rtaTechnicalWithoutWaitingMs
    const error = clock.errorMs === undefined ? '' : ` ± ${durationText(clock.errorMs)}`
    lines.push(
      line('Recovery time (RTO)', durationMs(rto), achieved, rto, error, clock.startedAtMs === undefined ? 'no outage was seen' : 'did not recover'),
      line('… without waiting for people', durationMs(rto), without, rto, error, clock.startedAtMs === undefined ? 'no outage was seen' : 'not measured')
    )
  }
  if (rpo !== undefined) {
    const target = durationMs(rpo) === 0 ? 'no acknowledged write lost' : rpo
    lines.push(loss
      ? {
          objective: 'Recovery point (RPO)',
          target,
          achieved: loss.lost === 0 ? `0 of ${loss.acked} acknowledged writes lost` : `${loss.lost} of ${loss.acked} acknowledged writes lost, ${durationText(loss.rpaMs)} back`,
          margin: loss.lost === 0 ? undefined : marginText(durationMs(rpo) - loss.rpaMs),
          met: !isBeyond(loss, durationMs(rpo)),
        }
      : { objective: 'Recovery point (RPO)', target, achieved: 'not measured' })
  }
  if (loss) lines.push(integrity(loss))
  for (const target of observation?.targets ?? []) {
    const errors = target.samples === 0 ? 'no look at it' : `errors ${(target.failed / target.samples * 100).toFixed(1)} % (${target.failed} of ${target.samples} looks)`
    lines.push({ objective: `${target.name}, seen from outside`, target: '–', achieved: `p99 ${durationText(target.p99Ms)}, ${errors}` })
  }
  return lines
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
