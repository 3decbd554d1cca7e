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
      line('… without waiting for people', durationMs(rto), without, rto, error, 'not measured')
    )
  }
  if (rpo !== undefined) {
    const target = durationMs(rpo) === 0 ? 'no acknowledged write lost' : rpo
    lines.push(loss
      ? {
          objective: 'Recovery point (RPO)',
          target,
          achieved: loss.lost === 0 ? `0 of ${loss.acked} acknowledged writes lost` : `${loss.lost} of ${loss.acked} acknowledged writes lost, ${durationText(loss.rpaMs)} back`,
          margin: loss.lost === 0 ? undefined : durationText(durationMs(rpo) - loss.rpaMs),
          met: !isBeyond(loss, durationMs(rpo)),
        }
      : { objective: 'Recovery point (RPO)', target, achieved: 'not measured' })
  }
  if (loss) lines.push({ objective: 'Integrity', target: 'nothing doubled, nothing alien', achieved: `${loss.doubled} doubled, ${loss.alien} alien`, met: loss.doubled === 0 && loss.alien === 0 })
  for (const target of observation?.targets ?? []) {
    lines.push({ objective: `Latency of ${target.name}, p99`, target: '–', achieved: `${durationText(target.p99Ms)} (${target.failed} of ${target.samples} looks failed)` })
  }
  return lines
}

function line (objective: string, targetMs: number, achievedMs: number | undefined, target: string, error: string, missing: string): ObjectiveLine {
  if (achievedMs === undefined) return { objective, target: `≤ ${target}`, achieved: missing, met: missing === 'did not recover' ? false : undefined }
  return { objective, target: `≤ ${target}`, achieved: `${durationText(achievedMs)}${error}`, margin: durationText(targetMs - achievedMs), met: achievedMs <= targetMs }
}
