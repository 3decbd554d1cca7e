import { durationMs, durationText } from '../../drill/duration.js'
import type { LatencyPage } from '../../drill/smoke-checks.js'
import { pacer } from '../../journey/pace.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'
import { percentile } from '../percentile.js'

/** A 95th percentile of fewer is a maximum. */
const leastSamples = 20
/** Over this time the samples of a page are spread. It bounds how long a suite takes: no other check of the shipped one takes as long. */
const spreadMs = 1_750
const regression = { share: 1.1, ms: 5 }

/** Spaced, page beside page, after one request that opens the connection and is not counted. */
export const latency: SmokeCheck<'latency'> = async ({ pages, samples = leastSamples }, context) => {
  const expected = `p95 of ${samples} spaced samples: ${pages.map(page => `${page.name} within ${page.p95}`).join(', ')}`
  const measured = await Promise.all(pages.map(async page => ({ page, ...await sample(page, Math.max(leastSamples, samples), context) })))
  const all = measured.flatMap(({ times }) => times)
  const values: Record<string, number> = Object.fromEntries(measured.flatMap(({ page, times }) => times.length < leastSamples ? [] : [[`${page.name}.p50Ms`, percentile(times, 50)], [`${page.name}.p95Ms`, percentile(times, 95)]]))
  if (all.length >= leastSamples) Object.assign(values, { p50Ms: percentile(all, 50), p95Ms: percentile(all, 95), p99Ms: percentile(all, 99) })
  const flaws = measured.flatMap(({ page, times, errors }) => [
    ...(errors.length > 0 ? [`${page.name}: ${errors.length} of ${errors.length + times.length} failed, first: ${errors[0]}`] : []),
    ...(times.length < leastSamples ? [] : limitFlaws(page, percentile(times, 95))),
  ])
  if (flaws.length === 0 && measured.some(({ times }) => times.length < leastSamples)) return blind('too few samples before the deadline', expected, { values })
  return answerOf(flaws, measured.map(({ page, times }) => `${page.name} p95 ${durationText(percentile(times, 95))}`).join(', '), expected, { values, transient: measured.every(({ times }) => times.length === 0) })
}

async function sample (page: LatencyPage, samples: number, context: SmokeContext): Promise<{ times: number[], errors: string[] }> {
  // Each page at a pace of its own: a slow page does not thin out the samples of the others.
  const pace = pacer(1000 * samples / spreadMs)
  const { http } = context.service()
  const times: number[] = []
  const errors: string[] = []
  for (let asked = -1; asked < samples && !context.signal.aborted; asked++) {
    await pace(context.signal).catch(() => {})
    const answer = await http.send({ path: page.path, token: page.token }, context.signal)
    if ('failure' in answer) errors.push(answer.message)
    else if (answer.status >= 400) errors.push(`status ${answer.status}`)
    else if (asked >= 0) times.push(answer.ms)
    if (errors.length >= 3 && times.length === 0) break
  }
  return { times, errors }
}

function limitFlaws ({ name, p95, baseline }: LatencyPage, found: number): string[] {
  if (found > durationMs(p95)) return [`${name}: p95 is ${durationText(found)}, expected within ${p95}`]
  if (baseline === undefined) return []
  const usual = durationMs(baseline)
  return found > usual * regression.share && found > usual + regression.ms ? [`${name}: p95 is ${durationText(found)}, it was ${baseline}: a regression`] : []
}
