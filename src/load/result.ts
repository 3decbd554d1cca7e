import { createHash } from 'node:crypto'
import { compareRun, refusalOf, type Earlier } from '../drill/baseline.js'
import { canonicalJson } from '../drill/canonical-json.js'
import { durationMs } from '../drill/duration.js'
import type { LeakResult, LoadResult, ThresholdResult } from '../drill/load.js'
import { failureClasses } from '../drill/journey.js'
import { judgeLoad, judgeThreshold, type QualityLimits } from '../drill/load-verdict.js'
import { countsOf } from './deal.js'
import { Histogram } from './histogram.js'
import { breakingText } from './levels.js'
import type { MeasuredRun } from './measure.js'
import { requestsPerSecondOf, type LoadPlan } from './plan.js'
import { measure, Tally } from './tally.js'

/** What was found beside the requests themselves. */
export interface Beside {
  resources?: LoadResult['resources']
  leaks?: LeakResult[]
  /** Accepted runs before this one, or why they are not known. Without it no baseline is spoken of. */
  earlier?: Earlier | { blind: string }
  /** Other than the usual ones: for tests on machines that are busy with other things. */
  limits?: QualityLimits
}

/** The result of a run: what was measured, held against what was demanded, and against earlier runs. */
export function resultOf (plan: LoadPlan, { measured, cancelled, endedBy, levels, apartMs }: MeasuredRun, { resources = { blind: 'the environment names nothing to watch (load.watch)' }, leaks = [], earlier, limits }: Beside = {}): LoadResult {
  const { scenario } = plan
  const tally = new Tally()
  tally.add(measured.series)
  const seconds = measured.durationMs / 1000
  const missed = Object.values(measured.missed).reduce((sum, count) => sum + count, 0)
  const total = tally.figures()
  const lateness = Histogram.decode(measured.lateness)
  const quality: LoadResult['quality'] = {
    planned: measured.planned, sent: measured.sent, missed, skipped: measured.skipped, latenessP50Ms: lateness.percentileMs(50), latenessP99Ms: lateness.percentileMs(99),
    busiestLoop: Math.round(measured.busiestLoop * 1000) / 1000,
    ...(apartMs === undefined ? {} : { apartMs }),
  }
  lateness.destroy()
  const thresholds = scenario.thresholds.map((threshold): ThresholdResult => {
    const judged = judgeThreshold(threshold, measure(threshold, tally, { seconds, planned: measured.planned, missed }))
    const abortedAtMs = endedBy.get(threshold)
    return abortedAtMs === undefined ? judged : { ...judged, kept: false, abortedAtMs }
  })
  const breaking = breakingText(levels)
  const broke = levels?.find(level => level.broken.length > 0)
  const userCounts = countsOf(scenario.users, scenario.mix)
  const result: Omit<LoadResult, 'verdict' | 'why' | 'reasons' | 'baseline'> = {
    schema: 1,
    runId: plan.runId,
    scenario: scenario.name,
    title: scenario.title,
    environment: plan.environment,
    target: new URL(plan.target.url).origin,
    configHash: configHash(plan),
    ...(plan.scale === undefined ? {} : { scale: plan.scale }),
    ...(plan.isHeld === true ? { isHeld: true } : {}),
    startedAtMs: measured.startedAtMs,
    durationMs: measured.durationMs,
    plannedDurationMs: durationMs(scenario.runTime),
    users: scenario.users,
    expectedRequestsPerSecond: requestsPerSecondOf(scenario),
    requestsPerSecond: seconds > 0 ? Math.round(total.requests / seconds * 10) / 10 : 0,
    total,
    endpoints: tally.byEndpoint(),
    userTypes: tally.byUserType().map(figures => ({ ...figures, users: userCounts[figures.userType] ?? 0, missed: measured.missed[figures.userType] ?? 0 })),
    series: tally.bySeries(),
    quality,
    points: measured.points,
    failures: failureClasses.flatMap(failure => {
      const count = tally.failures()[failure] ?? 0
      return count === 0 ? [] : [{ failure, count, examples: measured.examples.filter(example => example.failure === failure) }]
    }),
    slow: { overMs: 1000, count: tally.slow, examples: measured.slow },
    thresholds,
    ...(levels === undefined ? {} : { levels, breaking }),
    resources,
    leaks,
  }
  tally.destroy()
  const baseline = earlier && ('blind' in earlier
    ? compareRun({ refusal: earlier.blind }, { runs: [], otherConfigurations: 0 })
    : compareRun({ p95Ms: total.responseMs?.p95, refusal: refusalOf(result) ?? cancelled }, earlier))
  const judged = judgeLoad({
    quality, thresholds, limits, findings: leaks.filter(leak => leak.kept === undefined).map(leak => leak.why), requests: total.requests,
    // A load that is held ends when what it was held for is over.
    cancelled: plan.isHeld === true ? undefined : cancelled,
    broken: [
      ...broke === undefined ? [] : [`the breaking point: ${breaking}`],
      ...leaks.filter(leak => leak.kept === false).map(leak => leak.why),
      ...baseline?.outcome === 'worse' ? [baseline.why] : [],
    ],
    shortened: plan.scale === undefined ? undefined : `shortened to ${Math.round(plan.scale * 1000) / 10} % of its time: a try, never compared with a full run`,
  })
  return { ...result, ...(baseline === undefined ? {} : { baseline }), ...judged }
}

/** What two runs must have in common to be compared: the load and what the users do; not what was demanded of it. */
export function configHash ({ scenario, behaviour, scale = 1 }: LoadPlan): string {
  const { users, runTime, spawnRate, levels, every, jitter, timeout, mix } = scenario
  return createHash('sha256').update(canonicalJson({ users, runTime, spawnRate, levels, every, jitter, timeout, mix, behaviour, scale })).digest('hex')
}
