import type { RecoveryClock } from '../drill/clock.js'
import type { DrillReport } from '../drill/report.js'
import type { DrillEvent } from '../drill/timeline.js'

/** `2026-11-20 10:00:04.600` in UTC. */
export function utc (atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
}

/** Time of day in UTC, to the millisecond. */
export function timeOfDay (atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23)
}

export const verdictText: Record<DrillReport['judgement']['verdict'], string> = {
  passed: 'PASSED', 'passed-with-findings': 'PASSED WITH FINDINGS', failed: 'FAILED', invalid: 'INVALID', aborted: 'ABORTED',
}

/** Where the time of the outage went, in order; parts that were not measured are left out. */
export function clockParts (clock: RecoveryClock): Array<{ name: string, ms: number, kind: 'detect' | 'people' | 'work' | 'verify' }> {
  const parts = [
    { name: clock.detectedBy ? `detected by ${clock.detectedBy}` : 'detected', ms: clock.ttdMs, kind: 'detect' as const },
    { name: 'waiting for people', ms: clock.decisionMs, kind: 'people' as const },
    { name: 'work', ms: clock.workMs, kind: 'work' as const },
    { name: 'verified', ms: clock.verificationMs, kind: 'verify' as const },
  ]
  return parts.filter((part): part is typeof part & { ms: number } => part.ms !== undefined)
}

/** Who or what an event is of, and what it says: one line of the evidence. */
export function eventText (event: DrillEvent): { what: string, text: string } {
  const { seq: _seq, atMs: _atMs, type, ...rest } = event
  const what = 'step' in event && event.step !== undefined ? event.step : 'entry' in event ? event.entry : ''
  const hidden = new Set(['step', 'entry', 'steps', 'observation', 'output', 'loss'])
  const text = Object.entries(rest).filter(([key, value]) => !hidden.has(key) && value !== undefined && value !== '').map(([key, value]) => `${key} ${shown(key, value)}`).join(', ')
  return { what: what || type.split('.')[0]!, text: `${type}: ${text}`.replace(/: $/, '') }
}

function shown (key: string, value: unknown): string {
  if (key.endsWith('AtMs') && typeof value === 'number') return timeOfDay(value)
  if (value !== null && typeof value === 'object') {
    const { name } = value as { name?: unknown }
    return typeof name === 'string' ? name : JSON.stringify(value)
  }
  return String(value)
}
