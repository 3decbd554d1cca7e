import type { CheckRun, SuiteRun, ThresholdRow } from '../drill/suite.js'
import { figure } from '../drill/suite.js'

/**
 * JUnit: a suite a category and one for the limits. `failure` is a check that failed, `error` one that was blind, `skipped` one that was
 * not asked or not configured; a failure that another try mended is Surefire's `flakyFailure`.
 */
export function renderSuiteJunit (run: SuiteRun): string {
  const groups = [...new Set(run.checks.map(check => check.category))].map(category => ({
    name: category as string,
    cases: run.checks.filter(check => check.category === category).map(checkCase),
  }))
  if (run.thresholds.length > 0) groups.push({ name: 'thresholds', cases: run.thresholds.map(thresholdCase) })
  const suites = groups.map(({ name, cases }) => [
    `  <testsuite name="${escaped(`${run.suite}.${name}`)}" ${counts(cases)} timestamp="${new Date(run.startedAtMs).toISOString()}" hostname="${escaped(run.environment)}">`,
    ...cases.map(({ xml }) => `    ${xml}`),
    '  </testsuite>',
  ].join('\n'))
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escaped(run.title)}" ${counts(groups.flatMap(group => group.cases))}>\n${suites.join('\n')}\n</testsuites>\n`
}

interface Case { kind: 'pass' | 'failure' | 'error' | 'skipped', ms: number, xml: string }

function checkCase (check: CheckRun): Case {
  const kind = check.outcome === 'pass' ? 'pass' : check.outcome === 'fail' ? 'failure' : check.outcome === 'blind' ? 'error' : 'skipped'
  const flaky = check.flaky ? check.tries.slice(0, -1).map(one => `<flakyFailure message="${escaped(one.observed)}" type="flaky"/>`).join('') : ''
  return caseOf(check.id, check.category, kind, check.ms, check.observed, check.expected, flaky)
}

function thresholdCase (row: ThresholdRow): Case {
  const kind = row.outcome === 'alert' ? 'failure' : row.outcome === 'blind' ? 'error' : row.outcome === 'not-configured' ? 'skipped' : 'pass'
  const observed = row.value === undefined ? 'no figure' : `${figure(row.value, row.unit)}`
  return caseOf(row.metric, 'thresholds', kind, 0, observed, `${row.target} ${row.unit ?? ''}, alert at ${row.alert}`)
}

function caseOf (name: string, group: string, kind: Case['kind'], ms: number, observed: string, expected: string, inside = ''): Case {
  const body = kind === 'pass'
    ? `${inside}<system-out>${escaped(observed)}</system-out>`
    : kind === 'skipped' ? `<skipped message="${escaped(observed)}"/>` : `<${kind} message="${escaped(observed)}" type="${kind === 'error' ? 'blind' : 'failed'}">${escaped(`observed: ${observed}\nexpected: ${expected}`)}</${kind}>`
  return { kind, ms, xml: `<testcase name="${escaped(name)}" classname="smoke.${escaped(group)}" time="${(ms / 1000).toFixed(3)}">${body}</testcase>` }
}

function counts (cases: Case[]): string {
  const of = (kind: Case['kind']): number => cases.filter(one => one.kind === kind).length
  return `tests="${cases.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}" time="${(cases.reduce((sum, one) => sum + one.ms, 0) / 1000).toFixed(3)}"`
}

const forXml: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' }

/** XML 1.0 has no control characters, not even escaped. */
function escaped (text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '�').replaceAll(/[&<>"\n]/g, found => forXml[found]!)
}
