import type { DetectionSource } from './runbook.js'
import type { DrillEvent } from './timeline.js'

export interface Detection {
  source: DetectionSource
  detectedAtMs: number
  /** The alert's name, the person's, or the probe's target. */
  by: string
}

/**
 * The first thing that noticed the outage, among the sources that count. Only what came after the last fault counts: an alert that
 * was firing before has noticed something else.
 */
export function detectionOf (events: DrillEvent[], sources: DetectionSource[], alerts?: string[]): Detection | undefined {
  const faultAtMs = events.reduce((atMs, event) => event.type === 'fault.struck' ? Math.max(atMs, event.faultAtMs) : atMs, 0)
  const found: Detection[] = []
  for (const event of events) {
    if (event.type === 'alert.arrived' && sources.includes('alert') && event.state === 'firing' && event.arrivedAtMs >= faultAtMs && (alerts === undefined || alerts.includes(event.name))) {
      found.push({ source: 'alert', detectedAtMs: event.arrivedAtMs, by: `alert ${event.name}` })
    } else if (event.type === 'outage.declared' && sources.includes('declaration') && event.atMs >= faultAtMs) {
      found.push({ source: 'declaration', detectedAtMs: event.atMs, by: event.person.name })
    } else if (event.type === 'probe.down' && sources.includes('probe') && event.confirmedAtMs >= faultAtMs) {
      found.push({ source: 'probe', detectedAtMs: event.confirmedAtMs, by: `probe of ${event.target}` })
    }
  }
  return found.sort((a, b) => a.detectedAtMs - b.detectedAtMs)[0]
}
