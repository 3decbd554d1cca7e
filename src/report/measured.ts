import { outageOf } from '../drill/clock.js'
import { feltOf, feltText } from '../drill/felt.js'
import { loadText, type LoadPoint } from '../drill/load.js'
import { msText, valueText } from '../drill/load-text.js'
import type { DrillReport, LoadSection, SuiteSection } from '../drill/report.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import type { WholeResult } from '../drill/whole-result.js'
import { verdictText } from '../drill/words.js'

/** A report is read by people and kept for years: an hour's load is drawn from as many points. */
const maxPoints = 300

/** The loads of a drill: their figures from the timeline, their course from the store. */
export function loadSections (events: DrillEvent[], results: readonly WholeResult[]): LoadSection[] {
  const outage = outageOf(events)
  return events.filter((event): event is EventOf<'load.measured'> => event.type === 'load.measured').map(({ step, load }) => {
    const whole = results.find((one): one is WholeResult & { kind: 'load' } => one.kind === 'load' && one.result.runId === load.runId)?.result
    if (!whole) return { step, load }
    const points = whole.points.map(point => ({ ...point, atMs: load.startedAtMs + point.atMs }))
    return {
      step, load, response: whole.total.responseMs,
      expectations: whole.thresholds.map(({ text, why, kept }) => ({ text, why, kept })),
      baseline: whole.baseline?.why,
      failures: whole.failures.map(({ failure, count }) => ({ failure, count })),
      slow: whole.slow.count,
      resources: 'blind' in whole.resources ? [] : whole.resources.map(({ name, unit, min, mean, max }) => ({ name, unit, min, mean, max })),
      ...(outage === undefined || whole.isHeld !== true ? {} : { felt: feltOf(points, load.startedAtMs, outage) }),
      points: thinned(points, maxPoints),
    }
  })
}

export function suiteSections (events: DrillEvent[], results: readonly WholeResult[]): SuiteSection[] {
  return events.filter((event): event is EventOf<'suite.answered'> => event.type === 'suite.answered').map(({ step, suite }) => {
    const whole = results.find((one): one is WholeResult & { kind: 'suite' } => one.kind === 'suite' && one.result.runId === suite.runId)?.result
    if (!whole) return { step, suite }
    return { step, suite, checks: whole.checks.map(({ id, title, outcome, observed, expected, ms }) => ({ id, title, outcome, observed, expected, ms })) }
  })
}

/** Fewer points: of each part of the time the slowest second, with all its figures, and the worst of the errors. */
export function thinned (points: readonly LoadPoint[], most: number): LoadPoint[] {
  if (points.length <= most) return [...points]
  const each = Math.ceil(points.length / most)
  return Array.from({ length: Math.ceil(points.length / each) }, (_, part) => {
    const within = points.slice(part * each, (part + 1) * each)
    const slowest = within.reduce((worst, point) => (point.p99Ms ?? -1) > (worst.p99Ms ?? -1) ? point : worst)
    return { ...slowest, errors: Math.max(...within.map(point => point.errors)), missed: Math.max(...within.map(point => point.missed)) }
  })
}

/** What a report says of a load, in two columns. */
export function loadFacts ({ load, response, expectations = [], baseline, felt, failures = [], slow, resources = [] }: LoadSection, { clock }: Pick<DrillReport, 'clock'>): string[][] {
  return [
    ['Verdict', `${verdictText[load.verdict]}: ${load.why}`],
    ['Load', loadText(load)],
    ...felt === undefined ? [] : [['In the outage', feltText(felt, (load.failing?.toMs ?? 0) - (clock.recoveredAtMs ?? 0))]],
    ...response === undefined ? [] : [['Response times', `P50 ${msText(response.p50)}, P75 ${msText(response.p75)}, P90 ${msText(response.p90)}, P95 ${msText(response.p95)}, P99 ${msText(response.p99)}, P99.9 ${msText(response.p999)}, at most ${msText(response.max)}`]],
    ...expectations.map(({ text, why, kept }) => [kept ? 'Kept' : 'BROKEN', why.startsWith(text) ? why : `${text}: ${why}`]),
    ...baseline === undefined ? [] : [['Against earlier runs', baseline]],
    ...load.breaking === undefined ? [] : [['Breaking point', load.breaking]],
    ...failures.length === 0 ? [] : [['Failures', failures.map(({ failure, count }) => `${count} ${failure}`).join(', ')]],
    ...slow === undefined || slow === 0 ? [] : [['Over a second', `${slow} requests`]],
    ...resources.map(({ name, unit, min, mean, max }) => [name, `${valueText(min, unit)} to ${valueText(max, unit)}, ${valueText(mean, unit)} in the mean`]),
    ...load.stored ? [] : [['Whole result', `was not in the store yet when the step ended (${load.runId})`]],
  ]
}
