import { durationMs, durationText } from '../../drill/duration.js'
import { askJson } from '../ask-json.js'
import { answerOf, type SmokeCheck } from '../check.js'

interface Target { labels: Record<string, string>, health: string, lastScrape: string, lastError?: string }

/** Ready, and every target up and fresh: `up` of a target that is no longer scraped stays 1 for minutes. */
export const prometheus: SmokeCheck<'prometheus'> = async ({ maxAge = '2m' }, context) => {
  const expected = `ready, every target up, scraped within ${maxAge}`
  const http = context.other(context.environment.monitoring!.prometheus)
  const ready = await http.send({ path: '/-/ready', timeout: '3s' }, context.signal)
  if ('failure' in ready) return answerOf([`Prometheus does not answer: ${ready.message}`], '', expected, { transient: true })
  if (ready.status !== 200) return answerOf([`Prometheus is not ready: status ${ready.status}`], '', expected)
  const told = await askJson<{ data?: { activeTargets?: Target[] } }>(http, '/api/v1/targets?state=active', context)
  if ('problem' in told) return answerOf([`Prometheus does not list its targets: ${told.problem}`], '', expected)
  const targets = told.body.data?.activeTargets ?? []
  const age = (target: Target): number => Date.now() - Date.parse(target.lastScrape)
  const name = ({ labels }: Target): string => `${labels.job ?? 'unknown'}/${labels.node ?? labels.instance ?? 'unknown'}`
  const flaws = [
    ...(targets.length === 0 ? ['it watches nothing: there is no target'] : []),
    ...targets.filter(target => target.health !== 'up').map(target => `${name(target)} is ${target.health}${target.lastError ? `: ${target.lastError}` : ''}`),
    ...targets.filter(target => target.health === 'up' && !(age(target) <= durationMs(maxAge))).map(target => `${name(target)} was last scraped ${durationText(age(target))} ago`),
  ]
  return answerOf(flaws, `${targets.length} targets up, the oldest scrape ${durationText(Math.max(0, ...targets.map(age)))} ago`, expected, { values: { targets: targets.length } })
}
