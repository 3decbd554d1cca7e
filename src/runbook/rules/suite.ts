import { tryDurationMs } from '../../drill/duration.js'
import type { HttpStep } from '../../drill/journey.js'
import type { Suite } from '../../drill/suite.js'
import { didYouMean } from '../nearest.js'
import { checkJourney } from './journey.js'

/** What a schema cannot say about a suite. */
export function checkSuite (suite: Suite, report: (pointer: string, message: string, hint?: string) => void): void {
  const ids = suite.checks.map(({ id }) => id)
  const declared = Object.keys(suite.params ?? {})
  for (const [index, check] of suite.checks.entries()) {
    const at = `/checks/${index}`
    if (ids.indexOf(check.id) < index) report(`${at}/id`, `there are two checks with the id "${check.id}"`)
    if (tryDurationMs(check.timeout) === 0) report(`${at}/timeout`, 'nothing answers in no time', 'a timeout above 0')
    const steps = (check.with as { steps?: HttpStep[] } | undefined)?.steps
    if (steps) checkJourney(steps, `${at}/with/steps`, report)
    if (check.leftovers) checkJourney(check.leftovers, `${at}/leftovers`, report)
    for (const need of check.needs ?? []) if (need.startsWith('params.')) param(`${at}/needs`, need.slice(7))
    for (const [, name] of JSON.stringify(check.with ?? {}).matchAll(/\{\{\s*params\.([A-Za-z0-9_-]+)/g)) param(`${at}/with`, name!)
  }
  for (const [index, { from, target, alert, metric }] of (suite.thresholds ?? []).entries()) {
    const at = `/thresholds/${index}`
    if (!ids.includes(from.check)) report(`${at}/from/check`, `there is no check "${from.check}"`, didYouMean(from.check, ids))
    if (target === alert) report(`${at}/alert`, `target and alert level of ${metric} are the same`, 'between them lies what is a finding')
  }

  function param (at: string, name: string): void {
    if (!declared.includes(name)) report(at, `there is no parameter "${name}"`, didYouMean(name, declared) ?? 'declare it under params')
  }
}
