import { stringify } from 'yaml'
import { shellStarted, type Layout, type Server } from '../layout.js'
import { answersHttp } from '../probe.js'
import { volumePaths } from '../volumes.js'

/** Alerts within about a second. The scrape timeout counts most: a scrape that hangs on a dead database delays every alert. */
export function prometheusServer (layout: Layout): Server {
  const { base, ports, tools } = layout
  const file = `${base}/conf/prometheus.yml`
  const rules = `${base}/conf/rules.yml`
  const job = (name: string, targets: Record<string, number>, path = '/metrics'): object => ({
    job_name: name,
    metrics_path: path,
    static_configs: Object.entries(targets).map(([node, port]) => ({ targets: [`127.0.0.1:${port}`], labels: { node } })),
  })
  const configuration = {
    global: {
      scrape_interval: '1s',
      scrape_timeout: '300ms',
      evaluation_interval: '1s',
      external_labels: { environment: layout.name },
    },
    rule_files: [rules],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${ports.alertmanager}`] }] }] },
    scrape_configs: [
      job('postgres', { pg1: ports.pg1Exporter, pg2: ports.pg2Exporter }),
      job('redis', { redis1: ports.redis1Exporter, redis2: ports.redis2Exporter }),
      job('haproxy', { haproxy: ports.haproxyStats }),
      job('api', { api1: ports.api1, api2: ports.api2 }),
      job('alertmanager', { alertmanager: ports.alertmanager }),
      job('prometheus', { prometheus: ports.prometheus }),
      ...(layout.volumes ? [job('node', { node: ports.nodeExporter })] : []),
    ],
  }
  const control = shellStarted(layout, 'prometheus', tools.prometheus, [
    `--config.file=${file}`,
    `--storage.tsdb.path=${base}/prometheus`,
    '--storage.tsdb.retention.time=1d',
    `--web.listen-address=127.0.0.1:${ports.prometheus}`,
    // Prometheus finds Alertmanager seconds after its start and drops what fires before: resend soon, not after a minute.
    '--rules.alert.resend-delay=1s',
  ], file)
  control.start.env = { ...control.start.env, GOMAXPROCS: '2' }
  control.blockFile = file
  return {
    name: 'prometheus',
    port: ports.prometheus,
    files: { [file]: stringify(configuration), [rules]: stringify({ groups: [{ name: 'storefront', rules: [...alerts, ...(layout.volumes ? volumeAlerts(base) : [])] }] }) },
    control,
    answers: () => answersHttp(ports.prometheus, '/-/ready'),
  }
}

const alert = (name: string, expr: string, severity: string, summary: string, wait?: string): object => ({
  alert: name, expr, ...(wait === undefined ? {} : { for: wait }), labels: { severity }, annotations: { summary },
})

const alerts = [
  alert('Watchdog', 'vector(1)', 'none', 'Alerting works from end to end; its absence is the alarm'),
  alert('PostgresDown', 'pg_up == 0 or up{job="postgres"} == 0', 'critical', 'PostgreSQL {{ $labels.node }} does not answer'),
  alert('NoPrimary', '(count(pg_muster_in_recovery == 0) or vector(0)) != 1', 'critical', 'There are {{ $value }} PostgreSQL primaries'),
  alert('ReplicationBroken', '(sum(pg_muster_streaming) or vector(0)) < 1', 'warning', 'No standby is streaming', '2s'),
  // By the shop's own count of how long an order takes: half of them over a second.
  alert('SlowOrders', 'histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket{method="POST",route="/v1/orders"}[5s]))) > 1', 'warning',
    'Orders take longer than a second'),
  alert('ApiDown', 'up{job="api"} == 0', 'critical', 'API instance {{ $labels.node }} does not answer'),
  alert('HighErrorRate', 'sum(rate(http_requests_total{code="5xx"}[5s])) > 0.2 * sum(rate(http_requests_total[5s]))', 'critical',
    'More than a fifth of the requests fail'),
  alert('RedisDown', 'redis_up == 0 or up{job="redis"} == 0', 'warning', 'Redis {{ $labels.node }} does not answer'),
  // A counter that begins with the first flush has no increase yet.
  alert('CacheFlushed', '(redis_commands_total{cmd="flushall"} unless redis_commands_total{cmd="flushall"} offset 10s) or increase(redis_commands_total{cmd="flushall"}[10s]) > 0',
    'warning', 'Redis {{ $labels.node }} was emptied'),
]

/** Other labs of this machine have volumes too: each watches its own. */
function volumeAlerts (base: string): object[] {
  const paths = Object.values(volumePaths(base, true)).map((path) => path.replace(/[.+]/g, '[$&]')).join('|')
  const room = `min by (mountpoint) (node_filesystem_avail_bytes{mountpoint=~"${paths}"} / node_filesystem_size_bytes)`
  return [
    alert('VolumeFilling', `${room} < 0.15`, 'warning', 'There is little room left on {{ $labels.mountpoint }}'),
    alert('VolumeFull', `${room} < 0.01`, 'critical', 'There is no room left on {{ $labels.mountpoint }}'),
  ]
}
