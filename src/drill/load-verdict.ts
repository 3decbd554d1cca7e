import { durationText } from './duration.js'
import type { LevelResult, LoadQuality, LoadThreshold, LoadVerdict, ThresholdResult } from './load.js'

/** When the load itself was made too badly to prove anything (facts of the generator, not of the target). */
export interface QualityLimits { latenessP99Ms: number, busiestLoop: number, achievedShare: number, apartMs: number }
export const qualityLimits: QualityLimits = { latenessP99Ms: 25, busiestLoop: 0.8, achievedShare: 0.95, apartMs: 1000 }

/** `p99 response time of checkout at most 500 ms`. */
export function thresholdText ({ metric, stat = 'p99', endpoint, userType, atMost, atLeast }: LoadThreshold): string {
  const limit = atMost === undefined ? `at least ${valueText(metric, atLeast ?? 0)}` : `at most ${valueText(metric, atMost)}`
  const of = [endpoint === undefined ? '' : ` of ${endpoint}`, userType === undefined ? '' : ` of ${userType}`].join('')
  switch (metric) {
    case 'responseMs': return `${stat} response time${of} ${limit}`
    case 'serviceMs': return `${stat} service time${of} ${limit}`
    case 'errorShare': return `errors${of} ${limit}`
    case 'missedShare': return `missed requests${of} ${limit}`
    case 'requestsPerSecond': return `requests a second${of} ${limit}`
  }
}

export function valueText (metric: LoadThreshold['metric'], value: number): string {
  switch (metric) {
    case 'responseMs':
    case 'serviceMs': return value < 10 ? `${Math.round(value * 100) / 100} ms` : durationText(value)
    case 'errorShare':
    case 'missedShare': return `${Math.round(value * 10_000) / 100} %`
    case 'requestsPerSecond': return `${Math.round(value * 10) / 10}`
  }
}

/** Whether a threshold is kept. Over nothing, or over too little, it is not: no data is never good news. */
export function judgeThreshold (threshold: LoadThreshold, { value, samples }: { value?: number, samples: number }): ThresholdResult {
  const text = thresholdText(threshold)
  const needed = threshold.minSamples ?? 1
  const result = { threshold, text, samples, ...(value === undefined ? {} : { value }) }
  if (value === undefined || samples < needed) return { ...result, kept: false, why: `${text}: nothing to judge it by, ${samples} of at least ${needed} requests` }
  const kept = (threshold.atMost === undefined || value <= threshold.atMost) && (threshold.atLeast === undefined || value >= threshold.atLeast)
  return { ...result, kept, why: `${text}: ${valueText(threshold.metric, value)}` }
}

/** Why a run proves nothing; empty where it does. */
export function invalidReasons (quality: LoadQuality, requests: number, limits: QualityLimits = qualityLimits): string[] {
  const { latenessP99Ms, busiestLoop, planned, skipped, apartMs = 0 } = quality
  const reasons: string[] = []
  if (planned === 0) reasons.push('no request was ever due: there is nothing to judge')
  else if (requests === 0) reasons.push('no request came to an end: there is nothing to judge')
  if (latenessP99Ms !== undefined && latenessP99Ms > limits.latenessP99Ms) {
    reasons.push(`the generator was late itself: p99 ${durationText(latenessP99Ms)} after the intended time, at most ${durationText(limits.latenessP99Ms)}`)
  }
  if (busiestLoop > limits.busiestLoop) reasons.push(`the generator was busy ${Math.round(busiestLoop * 100)} % of the time, at most ${Math.round(limits.busiestLoop * 100)} %: give it more cores or fewer users`)
  if (apartMs > limits.apartMs) reasons.push(`the generators of its shards began ${durationText(apartMs)} apart, at most ${durationText(limits.apartMs)}: together they made another load than the scenario's`)
  const achieved = planned === 0 ? 1 : (planned - skipped) / planned
  if (achieved < limits.achievedShare) reasons.push(`the generator left out ${Math.round((1 - achieved) * 1000) / 10} % of the plan for reasons of its own`)
  return reasons
}

export interface LoadFacts {
  quality: LoadQuality
  requests: number
  thresholds: ThresholdResult[]
  levels?: LevelResult[]
  /** Somebody ended it before its time. */
  cancelled?: string
  /** A leak or a regression, each one line. */
  broken: string[]
  findings: string[]
  /** Said of every shortened run. */
  shortened?: string
  limits?: QualityLimits
}

/** Order: aborted, invalid, failed, findings, passed. What was made badly must not be argued about, whatever it shows. */
export function judgeLoad ({ quality, requests, thresholds, cancelled, broken, findings, shortened, limits }: LoadFacts): { verdict: LoadVerdict, why: string, reasons: string[] } {
  const invalid = invalidReasons(quality, requests, limits)
  const failed = [...thresholds.filter(one => !one.kept).map(one => one.why + (one.abortedAtMs === undefined ? '' : ` (ended the run after ${durationText(one.abortedAtMs)})`)), ...broken]
  const result = (verdict: LoadVerdict, reasons: string[]): { verdict: LoadVerdict, why: string, reasons: string[] } => {
    const all = shortened === undefined ? reasons : [...reasons.slice(0, 1).map(reason => `${reason} (${shortened})`), ...reasons.slice(1)]
    return { verdict, why: all[0]!, reasons: all }
  }
  if (cancelled !== undefined) return result('aborted', [cancelled, ...failed])
  if (invalid.length > 0) return result('invalid', [...invalid, ...failed])
  if (failed.length > 0) return result('failed', failed)
  if (findings.length > 0) return result('passed-with-findings', findings)
  return result('passed', [thresholds.length === 0 ? 'nothing was demanded' : `kept ${thresholds.length === 1 ? 'its threshold' : `all ${thresholds.length} thresholds`}`])
}
