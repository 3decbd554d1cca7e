import type { Layout, Server } from '../layout.js'
import { alertmanagerServer } from './alertmanager.js'
import { nodeExporter, postgresExporter, redisExporter } from './exporters.js'
import { haproxyServer } from './haproxy.js'
import { nginxServer } from './nginx.js'
import { postgresServer } from './postgres.js'
import { prometheusServer } from './prometheus.js'
import { redisServer } from './redis.js'
import { storefrontServer } from './storefront.js'
import { toxiproxyServer } from './toxiproxy.js'

/** Every server of a lab, in the order in which they are listed to people: from the front door to the watchers. */
export function allServers (layout: Layout): Server[] {
  return [
    nginxServer(layout),
    storefrontServer(layout, 'api1'),
    storefrontServer(layout, 'api2'),
    toxiproxyServer(layout),
    haproxyServer(layout),
    postgresServer(layout, 'pg1'),
    postgresServer(layout, 'pg2'),
    redisServer(layout, 'redis1'),
    redisServer(layout, 'redis2'),
    prometheusServer(layout),
    alertmanagerServer(layout),
    postgresExporter(layout, 'pg1'),
    postgresExporter(layout, 'pg2'),
    redisExporter(layout, 'redis1'),
    redisExporter(layout, 'redis2'),
    ...(layout.volumes ? [nodeExporter(layout)] : []),
  ]
}
