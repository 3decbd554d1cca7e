import type { SuiteRun } from '../drill/suite.js'

/**
 * The run in Prometheus's text format, for a textfile collector or a push gateway. Base units; no address and no id of a run becomes a
 * label. A check that was not asked has no sample: a gap is no zero.
 */
export function renderSuitePrometheus (run: SuiteRun): string {
  const asked = run.checks.filter(check => check.outcome !== 'skipped' && check.outcome !== 'not-configured')
  const base = { suite: run.suite, environment: run.environment }
  const families: Array<[name: string, help: string, samples: Array<[labels: Record<string, string>, value: number]>]> = [
    ['drill_check_success', '1 where the check passed; a blind one did not', asked.map(check => [{ ...base, category: check.category, check: check.id }, check.outcome === 'pass' ? 1 : 0])],
    ['drill_check_blind', '1 where the check could not be asked', asked.map(check => [{ ...base, check: check.id }, check.outcome === 'blind' ? 1 : 0])],
    ['drill_check_flaky', '1 where the check passed only on another try', asked.map(check => [{ ...base, check: check.id }, check.flaky ? 1 : 0])],
    ['drill_check_duration_seconds', 'How long the check took, with all its tries', asked.map(check => [{ ...base, check: check.id }, check.ms / 1000])],
    ['drill_smoke_threshold_breached', '0 green, 1 between target and alert, 2 beyond the alert level', run.thresholds.flatMap(row => {
      const level = ['green', 'between', 'alert'].indexOf(row.outcome)
      return level < 0 ? [] : [[{ ...base, metric: row.metric }, level] as [Record<string, string>, number]]
    })],
    ['drill_smoke_success', '1 where the suite passed, with or without findings', [[base, run.verdict.startsWith('passed') ? 1 : 0]]],
    ['drill_smoke_duration_seconds', 'How long the suite took', [[base, run.ms / 1000]]],
    ['drill_smoke_last_run_timestamp_seconds', 'When it began', [[base, run.startedAtMs / 1000]]],
  ]
  return families.filter(([, , samples]) => samples.length > 0).map(([name, help, samples]) =>
    `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.map(([labels, value]) => `${name}{${Object.entries(labels).map(([label, text]) => `${label}="${quoted(text)}"`).join(',')}} ${value}\n`).join('')}`).join('')
}

function quoted (text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
