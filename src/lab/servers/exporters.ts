import { stringify } from 'yaml'
import { shellStarted, type Layout, type NodeName, type Server } from '../layout.js'
import { accepts } from '../probe.js'

const ownQuery = {
  pg_muster: {
    query: "select pg_is_in_recovery()::int as in_recovery, (select count(*) from pg_stat_replication where state = 'streaming') as streaming, " +
      "coalesce((select sum((sync_state = 'sync')::int) from pg_stat_replication), 0) as synchronous",
    metrics: [
      { in_recovery: { usage: 'GAUGE', description: '1 on a standby, 0 on a primary' } },
      { streaming: { usage: 'GAUGE', description: 'Standbys that stream from this node' } },
      { synchronous: { usage: 'GAUGE', description: 'Standbys that commits on this node wait for' } },
    ],
  },
}

/** Only our own query: the default collectors take long on a dead database, and no alert needs them. */
export function postgresExporter (layout: Layout, node: NodeName): Server {
  const { base, ports, tools } = layout
  const name = `${node}-exporter`
  const port = ports[`${node}Exporter`]
  const file = `${base}/conf/${name}.yml`
  const control = shellStarted(layout, name, tools.postgresExporter, [
    `--web.listen-address=127.0.0.1:${port}`, '--disable-default-metrics', '--disable-settings-metrics',
    '--no-collector.database', '--no-collector.bgwriter', `--extend.query-path=${file}`,
  ], file)
  control.start.env = {
    ...control.start.env,
    DATA_SOURCE_NAME: `host=127.0.0.1 port=${ports[node]} user=mon dbname=postgres sslmode=disable connect_timeout=1`,
    GOMAXPROCS: '1',
  }
  return { name, port, files: { [file]: stringify(ownQuery) }, control, answers: () => accepts(port) }
}

export function redisExporter (layout: Layout, node: 'redis1' | 'redis2'): Server {
  const { base, ports, tools } = layout
  const name = `${node}-exporter`
  const port = ports[`${node}Exporter`]
  // It has no configuration file; this one holds no password and puts the lab's path on the command line, to be known by.
  const file = `${base}/conf/${name}.json`
  const address = `redis://127.0.0.1:${ports[node]}`
  const control = shellStarted(layout, name, tools.redisExporter, [
    `-web.listen-address=127.0.0.1:${port}`, `-redis.addr=${address}`, '-connection-timeout=250ms', `-redis.password-file=${file}`,
  ], file)
  control.start.env = { ...control.start.env, GOMAXPROCS: '1' }
  return { name, port, files: { [file]: JSON.stringify({ [address]: '' }) }, control, answers: () => accepts(port) }
}

/** The room on the lab's volumes, and nothing else of this machine. */
export function nodeExporter (layout: Layout): Server {
  const { base, ports, tools } = layout
  const name = 'node-exporter'
  const port = ports.nodeExporter
  const file = `${base}/conf/${name}.yml`
  // It asks process 1 for what is mounted, whose answer in a user namespace of ours does not hold our volumes: here process 1 is itself.
  const processes = `${base}/conf/${name}-proc`
  const control = shellStarted(layout, name, tools.nodeExporter, [
    `--path.procfs=${processes}`,
    `--web.listen-address=127.0.0.1:${port}`, `--web.config.file=${file}`, '--collector.disable-defaults', '--collector.filesystem',
    '--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run)($|/)', '--collector.filesystem.fs-types-exclude=^(proc|sysfs|cgroup2?|devpts|mqueue|overlay)$',
  ], file)
  control.start.env = { ...control.start.env, GOMAXPROCS: '1' }
  return { name, port, files: { [file]: '{}\n' }, links: { [`${processes}/1`]: '/proc/self' }, control, answers: () => accepts(port) }
}
