import type { LoadResult } from '../../drill/load.js'

/** For a node exporter's text collector or a push gateway: base units, and never a run's id as a label. */
export function renderPrometheus (result: LoadResult): string {
  const labels = (more: Record<string, string> = {}): string => `{${Object.entries({ scenario: result.scenario, environment: result.environment, ...more }).map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`
  const lines: string[] = []
  const metric = (name: string, type: 'gauge' | 'counter', help: string, samples: Array<[Record<string, string>, number | undefined]>): void => {
    const there = samples.filter((sample): sample is [Record<string, string>, number] => sample[1] !== undefined)
    if (there.length > 0) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...there.map(([more, value]) => `${name}${labels(more)} ${value}`))
  }
  const { total, endpoints, quality, thresholds } = result
  metric('drill_load_success', 'gauge', '1 where the run passed', [[{ verdict: result.verdict }, result.verdict.startsWith('passed') ? 1 : 0]])
  metric('drill_load_requests_total', 'counter', 'Requests by endpoint and outcome', endpoints.flatMap(({ endpoint, requests, errors }): Array<[Record<string, string>, number]> => [[{ endpoint, outcome: 'good' }, requests - errors], [{ endpoint, outcome: 'error' }, errors]]))
  metric('drill_load_failures_total', 'counter', 'Failed requests by kind', result.failures.map(({ failure, count }) => [{ failure }, count]))
  metric('drill_load_missed_total', 'counter', 'Intended requests whose user still waited', [[{}, quality.missed]])
  metric('drill_load_requests_per_second', 'gauge', 'Requests a second', [[{}, result.requestsPerSecond]])
  for (const [name, help, of] of [['response', 'from the intended time', total.responseMs], ['service', 'from the sending', total.serviceMs]] as const) {
    metric(`drill_load_${name}_seconds`, 'gauge', `Time to the last byte ${help}, by quantile`, ([['0.5', of?.p50], ['0.75', of?.p75], ['0.9', of?.p90], ['0.95', of?.p95], ['0.99', of?.p99], ['0.999', of?.p999]] as const).map(([quantile, ms]) => [{ quantile }, ms === undefined ? undefined : ms / 1000]))
  }
  metric('drill_load_endpoint_response_p99_seconds', 'gauge', 'P99 of the response time by endpoint', endpoints.map(({ endpoint, responseMs }) => [{ endpoint }, responseMs === undefined ? undefined : responseMs.p99 / 1000]))
  metric('drill_load_generator_lateness_p99_seconds', 'gauge', 'How late requests were sent', [[{}, quality.latenessP99Ms === undefined ? undefined : quality.latenessP99Ms / 1000]])
  metric('drill_load_expectations_kept', 'gauge', 'Expectations that were kept', [[{}, thresholds.filter(({ kept }) => kept).length]])
  metric('drill_load_expectations', 'gauge', 'Expectations', [[{}, thresholds.length]])
  metric('drill_load_duration_seconds', 'gauge', 'Length of the run', [[{}, result.durationMs / 1000]])
  metric('drill_load_started_timestamp_seconds', 'gauge', 'When it began', [[{}, result.startedAtMs / 1000]])
  return `${lines.join('\n')}\n`
}

function escaped (value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
