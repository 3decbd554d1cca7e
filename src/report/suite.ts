import type { SuiteRun } from '../drill/suite.js'

export { renderSuiteHtml } from './suite-html.js'
export { renderSuiteJunit } from './suite-junit.js'
export { renderSuitePrometheus } from './suite-prometheus.js'

/** The run itself; `schema` names its shape. */
export function renderSuiteJson (run: SuiteRun): string {
  return `${JSON.stringify(run, null, 2)}\n`
}
